"""All of one customer on a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from prepaid_ledger import check_owner
from prepaid_ledger.tables import Wallet

from ....outbox import mail_log
from ....payments import shown_states
from ....payments.customers.models import Customer
from ....payments.customers.owned import has_wallet
from ....payments.customers.rows import known_customer
from ....payments.models import Dispute, Payment, Refund
from ....purchases.auto_topup import topups
from ....purchases.money_back import refundable
from ....purchases.money_back.disputes import disputes, fraud_warnings
from ....purchases.saved_cards import cards_on_file
from ....subscriptions.invoices.plan_lots import ends_by_lot
from ....subscriptions.models import ENDED, PlanPrice, Subscription, SubscriptionChange
from ... import causes, forms
from ...visitors import spenders
from .. import events, health, mails, page
from ..roles import Right
from . import dunning, invoices, operator_notes, paid_sums

#: Payments and entries on one page.
PAYMENTS = 50
ENTRIES = 10

#: Lines of a plan's history, of its invoices, and of refunds and disputes.
CHANGES = 24

#: Mails of the customer's that are shown, and so many of them that are seen at a glance, without a search.
MAILS = 25
FEW_MAILS = 8


def customer(owner: str) -> ResponseReturnValue:
    """One customer: wallet, entries, payments, refunds and disputes, cards, and the plan with its history."""
    operator = page.operator()
    context = page.context()
    session = context.session
    mail_text = forms.line(request.args, "mail", max_length=100)
    try:
        check_owner(owner)
    except ValueError:
        abort(404)
    bought = session.scalars(
        select(Payment).where(Payment.owner == owner).order_by(Payment.id.desc()).limit(PAYMENTS)
    ).all()
    if not bought and not has_wallet(session, owner) and known_customer(session, owner) is None:
        abort(404)
    try:
        entries = context.ledger.entries(owner, limit=ENTRIES, cursor=request.args.get("cursor"))
    except ValueError:
        abort(404)
    lots = context.ledger.lots(owner)
    payment_of = causes.payments_behind(session, owner, {row.key for row in (*lots, *entries)})
    moved_back = refunds_and_disputes(session, owner)
    return page.render(
        "customer.html",
        owner=owner,
        name=page.label(owner),
        wallet=context.ledger.wallet(owner),
        since=since(session, owner),
        sums=paid_sums.of(session, owner),
        lots=lots,
        entries=entries,
        payment_of=payment_of,
        spenders=spenders.names_of(owner, {row.spender for row in entries if row.spender}),
        not_handled=events.not_handled_of(session, owner),
        maybe_more=(session.scalar(health.unhandled_count()) or 0) > events.LATEST,
        why=events.why,
        **of_payments(session, bought),
        customer_id=known_customer(session, owner),
        refused_email=session.scalar(select(Customer.refused_email).where(Customer.owner == owner)),
        billed=session.get(Customer, owner),
        warned=fraud_warnings.payments_to_answer(session, CHANGES, owner=owner),
        disputed=disputes.to_answer(session, context.clock(), owner=owner),
        **of_cards(session, owner),
        **of_plan(session, owner),
        refunds_and_disputes=moved_back,
        named=page.in_names(row.reason for row in (*entries, *(row for _, row, _ in moved_back))),
        blocked=context.operators.blocked(owner),
        may_block=operator.may(Right.BLOCK) and context.operators.block is not None,
        small_grant=context.config.small_grant,
        attempt=forms.new_attempt,
        **operator_notes.of_notes(session, owner),
        plan_titles={slug: plan.title for slug, plan in context.catalog.plans.items()},
        max_lines={"payments": PAYMENTS, "changes": CHANGES},
        **of_mails(session, owner, mail_text),
        cursor=request.args.get("cursor"),
    )


def of_payments(session: Session, bought: Sequence[Payment]) -> dict[str, Any]:
    """What the page says of the customer's payments, and of the money of each that went back."""
    ids = [payment.id for payment in bought]
    return {
        "payments": bought,
        "states": shown_states.of_each(session, bought),
        "refunded": shown_states.refunded_of_each(session, bought),
        "taken": disputes.taken_by_bank(session, ids),
        "unanswered": refundable.unanswered(session, ids),
        "left": refundable.left_of_each(session, bought),
    }


def of_cards(session: Session, owner: str) -> dict[str, Any]:
    """The cards on file, and how auto top-up is set, which pays with one."""
    return {
        "cards": cards_on_file.saved(session, owner),
        "default": cards_on_file.default_card(session, owner),
        "topup": topups.setting(session, owner),
    }


def of_mails(session: Session, owner: str, text: str) -> dict[str, Any]:
    """The mails to the customer that have ``text`` in them."""
    return {
        "mails": mail_log.of(session, owner, text=text, limit=MAILS),
        "why_not_sent": mails.why_not_sent,
        "mail_text": text,
        "few_mails": FEW_MAILS,
    }


def since(session: Session, owner: str) -> date | None:
    """The day of the customer's first credits, by the shop's clock."""
    at = session.scalar(select(Wallet.created_at).where(Wallet.owned_by(owner)))
    return at and at.astimezone(ZoneInfo(page.context().config.time_zone)).date()


def of_plan(session: Session, owner: str) -> dict[str, Any]:
    """What the page says of plans: those that run, all of them, their history; and all invoices."""
    plans, billed = plans_of(session, owner), invoices.of_plans(session, owner, CHANGES)
    purchases = invoices.of_purchases(session, owner, CHANGES)
    return {
        "plans": plans,
        "running": [(row, price) for row, price in plans if row.state not in ENDED],
        "owing": session.execute(dunning.open_invoices(owner)).all(),
        "changes": changes_of(session, owner),
        "last_discount": next(((row.currency, minor) for row, minor in billed), None),
        "invoices": invoices.lines(billed, purchases)[:CHANGES],
        "paid_until": ends_by_lot(session, [invoice for invoice, _ in billed]),
    }


def plans_of(session: Session, owner: str) -> Sequence[tuple[Subscription, PlanPrice]]:
    rows = session.execute(
        select(Subscription, PlanPrice)
        .join(PlanPrice, PlanPrice.id == Subscription.price_id)
        .where(Subscription.owner == owner)
        .order_by(Subscription.id.desc())
        .limit(10)
    )
    return [(subscription, price) for subscription, price in rows]


def changes_of(session: Session, owner: str) -> Sequence[SubscriptionChange]:
    """What happened to the customer's plans, the latest first."""
    mine = select(SubscriptionChange).where(SubscriptionChange.owner == owner)
    return session.scalars(mine.order_by(SubscriptionChange.id.desc()).limit(CHANGES)).all()


def refunds_and_disputes(session: Session, owner: str) -> list[tuple[str, Refund | Dispute, Payment]]:
    """Those of all the customer's payments, the latest first."""
    rows = [
        (word, row, payment)
        for word, table in (("Refund", Refund), ("Dispute", Dispute))
        for row, payment in latest_of(session, table, owner)
    ]
    return sorted(rows, key=lambda row: row[1].created_at, reverse=True)[:CHANGES]


def latest_of(session: Session, table: type[Refund] | type[Dispute], owner: str) -> Sequence[Any]:
    return session.execute(
        select(table, Payment)
        .join(Payment, Payment.id == table.payment_id)
        .where(Payment.owner == owner)
        .order_by(table.created_at.desc())
        .limit(CHANGES)
    ).all()
