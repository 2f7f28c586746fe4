"""A copy of what is kept of an owner, for who asks for their data: section by section, in pages of rows.

Left out are secrets, digests, and operators' notes, which may name others.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from ..codes.models import Code, CodeClaim, CodeGuess
from ..context import Context, reading
from ..keys.models import ApiKey
from ..languages import units
from ..languages.reasons import unsigned
from ..outbox import messages
from ..outbox.models import Alert, AlertKind, Delivery, MailRecord, Message, Notice, WebhookEndpoint
from ..outbox.webhooks import customer_events
from ..payments import shown_states
from ..payments.customers.models import Customer, FormerCustomer, SavedCard
from ..payments.models import Attempt, Dispute, Payment, Refund, TopUp
from ..purchases.money_back.models import CreditNote
from ..subscriptions.models import Invoice, PlanPrice, Subscription

#: How many rows are read at once.
AT_ONCE = 500

#: What counts credits, and is given as the app's unit has them.
CREDITS = frozenset({"credits", "referrer_credits", "balance_after", "spent", "threshold"})

#: The columns of an entry and of a budget, which the ledger reads.
ENTRY = ("seq", "at", "kind", "credits", "balance_after", "key", "reason", "spender", "item", "expires_at")
BUDGET = ("spender", "every", "zone", "credits", "spent", "resets_at")

#: One row: its columns by their names.
Row = dict[str, Any]

#: Rows in the order of a column, of which no two have the same value.
Wanted = tuple[Select[Any], InstrumentedAttribute[Any]]


class PersonalData:
    """What is kept of one owner. ``archived_until`` is known once ``entries`` was read to its end."""

    def __init__(self, context: Context, owner: str) -> None:
        self._context, self._owner = context, owner
        self.archived_until: datetime | None = None

    def sections(self) -> Iterator[tuple[str, Iterator[list[Row]]]]:
        """Each section by its name, with its rows in pages. No connection is kept between two pages."""
        for name, wanted in tables_of(self._owner).items():
            yield name, self._pages(*wanted)
        yield "limits", self._limits()
        yield "entries", self._entries()

    def _pages(self, wanted: Select[Any], key: InstrumentedAttribute[Any]) -> Iterator[list[Row]]:
        after: list[ColumnElement[bool]] = []
        while True:
            with reading(self._context) as session:
                page = wanted.add_columns(key.label("after")).where(*after).order_by(key).limit(AT_ONCE)
                rows = [dict(row._mapping) for row in session.execute(page)]
            after = [key > row.pop("after") for row in rows][-1:]
            yield [_plain(row) for row in rows]
            if len(rows) < AT_ONCE:
                return

    def _limits(self) -> Iterator[list[Row]]:
        with reading(self._context):
            rows = [_row(budget, BUDGET) for budget in self._context.ledger.budgets(self._owner)]
        yield rows

    def _entries(self) -> Iterator[list[Row]]:
        cursor = None
        while True:
            with reading(self._context):
                page = self._context.ledger.entries(self._owner, 200, cursor)
                rows = [_row(entry, ENTRY) for entry in page]
            yield rows
            cursor = page.next_cursor
            if cursor is None:
                self.archived_until = page.archived_until
                return


def _row(thing: object, names: tuple[str, ...]) -> Row:
    return _plain({name: getattr(thing, name) for name in names})


def _plain(row: Row) -> Row:
    """A row with its credits as the app's unit has them, no operator's name, and a message as it was sent."""
    plain = {
        name: units.plain(value) if value is not None and _counts_credits(name, row) else value
        for name, value in row.items()
    }
    if row.get("reason"):
        plain["reason"] = unsigned(row["reason"])
    if "signal" in row:
        data = messages.decoded(row["data"])
        plain["data"] = customer_events.body(row["signal"], data, row["at"], units.current())
    return plain


def _counts_credits(name: str, row: Row) -> bool:
    if name == "threshold" and row.get("kind", AlertKind.BALANCE) is not AlertKind.BALANCE:
        return False  # it is per cent, or days
    return name in CREDITS


def tables_of(owner: str) -> dict[str, Wanted]:
    """What is read of which table, and by which column it is read on."""
    return _of_customer(owner) | _of_money(owner) | _of_plans(owner) | _of_messages(owner)


def _of_customer(owner: str) -> dict[str, Wanted]:
    return {
        "customer": (
            _columns(Customer, "stripe_id language created_at company line1 line2 postal_code city state")
            .add_columns(Customer.country, Customer.tax_id, Customer.tax_id_type, Customer.tax_id_status)
            .where(Customer.owner == owner),
            Customer.owner,
        ),
        "former_customers": (
            _columns(FormerCustomer, "stripe_id").where(FormerCustomer.owner == owner),
            FormerCustomer.stripe_id,
        ),
        "api_keys": (
            _columns(ApiKey, "name start created_at expires_at last_used_at revoked_at").where(
                ApiKey.owner == owner
            ),
            ApiKey.id,
        ),
        "cards": (
            _columns(SavedCard, "brand last4 exp_month exp_year name").where(SavedCard.owner == owner),
            SavedCard.id,
        ),
        "auto_top_up": (
            _columns(TopUp, "on pack threshold ceiling_minor currency stopped").where(TopUp.owner == owner),
            TopUp.owner,
        ),
        "tries_to_pay": (_columns(Attempt, "at address").where(Attempt.owner == owner), Attempt.id),
        "tries_to_redeem": (_columns(CodeGuess, "at address").where(CodeGuess.owner == owner), CodeGuess.id),
    }


def _of_money(owner: str) -> dict[str, Wanted]:
    of_owner = Payment.owner == owner
    payment = "id created_at paid_at via title credits amount_minor discount_minor tax_minor paid_minor"
    more = "refunded_minor currency brand last4 invoice_number receipt_url failure"
    return {
        "purchases": (
            _columns(Payment, f"{payment} {more}")
            .add_columns(shown_states.column().label("state"))
            .where(of_owner),
            Payment.id,
        ),
        "refunds": (
            _of_payments(Refund, "payment_id created_at amount_minor state reason").where(of_owner),
            Refund.id,
        ),
        "disputes": (
            _of_payments(Dispute, "id payment_id created_at amount_minor state reason evidence_due_at").where(
                of_owner
            ),
            Dispute.id,
        ),
        "credit_notes": (
            _of_payments(CreditNote, "id payment_id created_at amount_minor state").where(of_owner),
            CreditNote.id,
        ),
    }


def _of_plans(owner: str) -> dict[str, Wanted]:
    of_owner = Subscription.owner == owner
    return {
        "plans": (
            _columns(Subscription, "id state quantity created_at period_start period_end trial_end cancel_at")
            .add_columns(Subscription.ended_at, Subscription.end_reason, PlanPrice.plan, PlanPrice.title)
            .add_columns(PlanPrice.credits, PlanPrice.amount_minor, PlanPrice.currency)
            .join(PlanPrice, PlanPrice.id == Subscription.price_id)
            .where(of_owner),
            Subscription.id,
        ),
        "invoices": (
            _columns(Invoice, "number state total_minor due_minor currency credits created_at paid_at")
            .add_columns(Invoice.pdf_url, Invoice.subscription_id.label("plan_id"), Invoice.payment_id)
            .join(Subscription, Subscription.id == Invoice.subscription_id)
            .where(of_owner),
            Invoice.id,
        ),
        "redeemed_codes": (
            select(Code.code, CodeClaim.credits, CodeClaim.at)
            .join(Code, Code.id == CodeClaim.code_id)
            .where(CodeClaim.owner == owner),
            CodeClaim.id,
        ),
        "own_codes": (
            _columns(Code, "code credits referrer_credits claims created_at").where(Code.referrer == owner),
            Code.id,
        ),
    }


def _of_messages(owner: str) -> dict[str, Wanted]:
    return {
        "alerts": (
            _columns(Alert, "kind threshold spender every created_at").where(Alert.owner == owner),
            Alert.id,
        ),
        "webhooks": (
            _columns(WebhookEndpoint, "id url events off_because created_at").where(
                WebhookEndpoint.owner == owner
            ),
            WebhookEndpoint.id,
        ),
        "sent_webhooks": (
            _columns(Delivery, "state tried_at status answer")
            .add_columns(Delivery.endpoint_id.label("webhook_id"), Message.at, Message.signal, Message.data)
            .join(Message, Message.id == Delivery.message_id)
            .where(Message.owner == owner, Delivery.endpoint_id != 0),
            Delivery.id,
        ),
        "mails": (
            _columns(MailRecord, "at address name subject error").where(MailRecord.owner == owner),
            MailRecord.id,
        ),
        "notices": (_columns(Notice, "about sent_at").where(Notice.owner == owner), Notice.about),
    }


def _columns(table: type[Any], names: str) -> Select[Any]:
    return select(*(getattr(table, name) for name in names.split()))


def _of_payments(table: type[Any], names: str) -> Select[Any]:
    """Rows that belong to a payment, with the currency of its amounts."""
    return _columns(table, names).add_columns(Payment.currency).join(Payment, Payment.id == table.payment_id)
