"""One page with all of a customer's money: what was paid, with which card, and what is set for later."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...errors import UnknownItem
from ...gateway.billing.tax_words import REVERSE_CHARGE
from ...languages import formats
from ...languages.choice import locale
from ...languages.words import gettext as _
from ...payments.customers import billing_details, countries
from ...payments.customers.models import Customer, SavedCard
from ...payments.models import Payment, PaymentState, Via
from ...purchases.auto_topup import topups
from ...purchases.saved_cards import cards_on_file
from ...subscriptions import plan_rows, plan_state, retries
from ...subscriptions.models import Invoice, InvoiceState, PlanPrice, Subscription
from .. import forms, page
from . import credits_kept, declines, payment_states
from .credits_kept import KeptCredits
from .payment_states import StateInWords

#: Payments, and invoices of plans, on one page.
SHOWN = 100

#: Tries that nobody paid. They are folded away.
ABANDONED = {PaymentState.EXPIRED, PaymentState.FAILED, PaymentState.REQUESTED}


@dataclass(frozen=True)
class BillingLine:
    """One payment: of a pack, or of a plan's period. Amounts in the smallest unit of ``currency``.

    ``links`` are words and addresses of what belongs to it, such as its receipt; ``tax`` says what of the
    amount is tax, or why none is, and ``state`` how it stands. Tries that nobody paid are abandoned.
    ``state_url`` is the page that says more, where it is not known yet how it stands.
    """

    at: datetime
    title: str
    card: str
    amount_minor: int
    currency: str
    credits: KeptCredits | None
    state: StateInWords
    links: Sequence[tuple[str, str]]
    tax: str = ""
    is_abandoned: bool = False
    state_url: str = ""


def billing() -> ResponseReturnValue:
    """Balance, plan, cards, and every payment. Sent, it says whom invoices name from now on."""
    owner = page.customer()
    if request.method == "GET":
        return overview(owner)
    try:
        page.context().gateway.ask_limit.require(owner)
        billing_details.save(page.context(), owner, forms.billed_to())
    except UnknownItem as error:
        return overview(owner, error), error.http_status
    return page.done(
        "prepaid.billing", _("Your next invoices have it. Those that are made stay as they are.")
    )


def overview(owner: str, error: UnknownItem | None = None) -> str:
    """From our own rows alone, so it is there without Stripe."""
    context = page.context()
    session = context.session
    before = moment_before()
    shown, older = page_of(lines(owner, payments_of(session, owner, before), before))
    plan = plan_rows.running(session, owner)
    return page.render(
        "billing.html",
        balance=context.ledger.balance(owner),
        lots=context.ledger.lots(owner),
        lines=[line for line in shown if not line.is_abandoned],
        older=older.isoformat() if older else None,
        is_latest=before is None,
        abandoned=[line for line in shown if line.is_abandoned],
        plan=plan,
        terms=session.get(PlanPrice, plan.price_id) if plan else None,
        cards=cards_on_file.saved(session, owner),
        default=cards_on_file.default_card(session, owner),
        topup=topups.setting(session, owner),
        sells_plans=bool(context.catalog.plans),
        billed=session.get(Customer, owner),
        countries=names_of_countries(),
        written=request.form,
        error=error,
    )


def names_of_countries() -> dict[str, str]:
    """Each country as the reader's language calls it, in the order of its alphabet."""
    territories = locale().territories
    named = {code: territories.get(code, name) for code, name in countries.NAMES.items()}
    plain = {code: unicodedata.normalize("NFKD", name) for code, name in named.items()}
    return dict(sorted(named.items(), key=lambda item: plain[item[0]]))


def is_abandoned(payment: Payment) -> bool:
    """Whether nobody paid, or nobody has yet on a page of Checkout that is still open."""
    waits = payment.state is PaymentState.OPEN and payment.via is Via.CHECKOUT
    return waits or payment.state in ABANDONED


def moment_before() -> datetime | None:
    """The time that ``?before=`` names, from which on an earlier page has shown all."""
    try:
        time = datetime.fromisoformat(request.args.get("before", ""))
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):  # a time that a zone moves out of the calendar
        return None


def payments_of(session: Session, owner: str, before: datetime | None) -> Sequence[Payment]:
    """The owner's payments as the page shows them, the latest first."""
    at = func.coalesce(Payment.paid_at, Payment.created_at)
    mine = select(Payment).where(Payment.owner == owner)
    if before is not None:
        mine = mine.where(at < before)
    return session.scalars(mine.order_by(at.desc(), Payment.id.desc()).limit(SHOWN + 1)).all()


def page_of(lines: list[BillingLine]) -> tuple[list[BillingLine], datetime | None]:
    """The lines of one page, and the time before which the next one goes on, if there is more.

    Those of one moment are never parted.
    """
    if len(lines) <= SHOWN:
        return lines, None
    last = lines[SHOWN - 1].at
    return [line for line in lines if line.at >= last], last


def lines(owner: str, payments: Sequence[Payment], before: datetime | None = None) -> list[BillingLine]:
    """What was bought once, and the invoices of plans, the latest first."""
    paid_invoices: dict[int, Invoice] = {}
    shown = []
    is_tried = retries.trying(page.context().session, owner) is not None
    for invoice, title in invoices_of(owner, before):
        if invoice.payment_id is None:
            shown.append(of_invoice(invoice, title, may_pay=not is_tried))
        else:
            paid_invoices[invoice.payment_id] = invoice
    states, credits = payment_states.in_words(payments), credits_kept.of_each(payments)
    shown += [
        of_payment(payment, states[payment.id], credits[payment.id], paid_invoices.get(payment.id))
        for payment in payments
    ]
    return sorted(shown, key=lambda line: line.at, reverse=True)


def invoices_of(owner: str, before: datetime | None) -> list[tuple[Invoice, str]]:
    """The invoices of the owner's plans that are more than a draft, with the plan's name."""
    at = func.coalesce(Invoice.paid_at, Invoice.created_at)
    earlier = [] if before is None else [at < before]
    rows = page.context().session.execute(
        select(Invoice, PlanPrice.title)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .join(PlanPrice, PlanPrice.id == Subscription.price_id)
        .where(Subscription.owner == owner, Invoice.state.not_in((InvoiceState.DRAFT, InvoiceState.VOID)))
        .where(plan_state.BILLS_SOMETHING, *earlier)
        .order_by(at.desc(), Invoice.id.desc())
        .limit(SHOWN + 1)
    )
    return [(invoice, title) for invoice, title in rows]


def of_payment(
    payment: Payment, state: StateInWords, credits: KeptCredits, invoice: Invoice | None = None
) -> BillingLine:
    """A pack or a number of credits; with an invoice, a period of a plan."""
    links = []
    if payment.receipt_url and payment.paid_at:
        links.append((_("Receipt"), payment.receipt_url))
    if payment.invoice_id and payment.paid_at:  # that of a charge that failed is void
        number = payment.invoice_number or (invoice.number if invoice is not None else None) or ""
        links.append(
            (_("Invoice %(number)s", number=number).strip(), url_for("prepaid.invoice", payment=payment.id))
        )
    if payment.state is PaymentState.OPEN:
        words = _("Continue") if payment.via is Via.CHECKOUT else _("Confirm at your bank")
        links.append((words, url_for("prepaid.return", payment=payment.id)))
    if payment.state is PaymentState.FAILED and payment.via is Via.CARD:
        other = declines.wants_other_card(payment)
        again = url_for(
            "prepaid.buy",
            pack=payment.pack,
            credits=None if payment.pack else payment.credits or None,
            saved_card="" if other else None,
        )
        links.append((_("Pay with another card") if other else _("Try again"), again))
    card = card_of(payment)
    brand = (card and card.brand) or _("card")
    return BillingLine(
        at=payment.paid_at or payment.created_at,
        title=formats.title(payment.title),
        card=f"{brand.capitalize()} {card.last4}" if card else "",
        amount_minor=payment.total_minor,
        currency=payment.currency,
        credits=credits,
        state=state,
        links=links,
        tax=tax_of(payment),
        is_abandoned=is_abandoned(payment),
        state_url=(
            url_for("prepaid.return", payment=payment.id) if payment.state is PaymentState.UNKNOWN else ""
        ),
    )


def card_of(payment: Payment) -> Payment | SavedCard | None:
    """What paid, or the card on file that is to pay; ``None`` where no card is known."""
    if payment.last4:
        return payment
    card = page.context().session.get(SavedCard, payment.card_id or "")
    return card if card is not None and card.owner == payment.owner else None


def tax_of(payment: Payment) -> str:
    """What of a payment is tax, or that its customer pays the tax to the state, in words."""
    if payment.taxed.endswith(REVERSE_CHARGE):
        return _("reverse charge")
    if not payment.tax_minor:
        return ""
    return _("incl. %(amount)s tax", amount=formats.amount(payment.tax_minor, payment.currency))


def of_invoice(invoice: Invoice, title: str, *, may_pay: bool) -> BillingLine:
    """An invoice of a plan that no payment of ours stands for: it waits to be paid, or cost nothing.

    :param may_pay: No card is being tried for what waits.
    """
    links = (
        [(_("Invoice %(number)s", number=invoice.number or "").strip(), invoice.pdf_url)]
        if invoice.pdf_url
        else []
    )
    if may_pay and invoice.page_url and plan_state.waits_for_payment(page.context(), invoice):
        links.append((_("Pay"), invoice.page_url))
    return BillingLine(
        at=invoice.paid_at or invoice.created_at,
        title=formats.title(title),
        card="",
        amount_minor=invoice.charged_minor,
        currency=invoice.currency,
        credits=None if invoice.credits is None else credits_kept.of_invoice(invoice),
        state=payment_states.of_invoice(invoice),
        links=links,
    )
