"""Stripe and the books side by side: what differs, in both directions, and how it is mended.

Stripe's objects are walked, not its events: some events are never made.
https://docs.stripe.com/webhooks/handle-irrecoverable-events
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert
from prepaid_ledger.errors import PrepaidError

from .. import money
from ..context import Context, Write, reading, refuse_uncommitted, transaction, write_now
from ..errors import GatewayRefused, GatewayUnavailable
from ..gateway.refund_values import StripeCreditNote, StripeDispute, StripeRefund
from ..gateway.values import Intent
from ..payments import billing_details, customers, part_charges, payments, timing
from ..payments.models import Customer, Dispute, Payment, PaymentState, Refund, RefundState, Via
from ..purchases import credit_notes, disputes, fraud_warnings, refunds, settling
from ..purchases.models import CreditNote, FraudWarning
from ..reports import balance_sync, sales
from ..reports.models import Comparison
from ..subscriptions import compare, sync

log = logging.getLogger(__name__)

#: How often balances are compared before they count as different.
COMPARISONS = 3

#: Nobody reads two clocks at once.
MOMENT = timedelta(seconds=1)

#: Nobody knows what came of a payment in one of these.
UNRESOLVED = (PaymentState.REQUESTED, PaymentState.UNKNOWN)


@dataclass(frozen=True)
class Drift:
    """One thing that differs.

    ===========  ==========================================================================
    missed       Stripe has the money, the books have not given what it paid for
    unpaid       the books gave credits, Stripe does not have the money
    doubled      one payment of ours was paid more than once at Stripe: refund the one that is named, which
                 takes no credits
    drifted      a refund, dispute, credit note or fraud warning stands otherwise at Stripe than in the books
    outdated     Stripe writes to another address of a customer than the host does, or in another language, or
                 bills them otherwise than our copy says
    unresolved   nobody knows yet what came of a payment, or of a refund
    unbalanced   Stripe's balance in a currency is not the sum of all that moved it
    ===========  ==========================================================================
    """

    kind: str
    id: str
    payment: int | None
    detail: str


#: What mends a difference: asks Stripe once more, by the same functions as every event, and commits.
Mend = Callable[[], object]
Found = tuple[Drift, Mend | None]


def reconcile(
    context: Context,
    *,
    since: datetime | None = None,
    fix: bool = False,
    seen: Callable[[], None] = lambda: None,
    wait: Callable[[timedelta], object] | None = None,
) -> list[Drift]:
    """What differs; with ``fix``, what still differs after mending. Commits.

    :param since: Leave alone what was made before, by Stripe's time. ``None`` is everything.
    :param seen: Called for each object that was compared.
    :param wait: Lets so much time go by, where a payment was asked for so lately that the request may still
        be on its way to Stripe: after it nothing can come of it. Without, such a payment is left unresolved.
    """
    refuse_uncommitted(context)
    if fix:
        _mend(context, since, seen)
        in_flight = _still_in_flight(context, since)
        if in_flight and wait is not None:
            wait(in_flight)
            _mend(context, since, seen)
    left = [drift for drift, _ in _differences(context, since, seen)]
    with transaction(context) as session:
        _keep(session, since, left)
    return left


def _mend(context: Context, since: datetime | None, seen: Callable[[], None]) -> None:
    """Mend one by one as they are found: a payment that is mended is known when its refund is met.

    What can't be mended is left, and said in the end; the others are mended all the same.

    :raises GatewayUnavailable: Stripe did not answer.
    """
    for drift, mend in _differences(context, since, seen):
        try:
            if mend is not None:
                mend()
        except GatewayUnavailable:
            raise
        except PrepaidError as error:
            log.warning("%s %s is not mended: %s", drift.kind, drift.id, error)


def _still_in_flight(context: Context, since: datetime | None) -> timedelta:
    """How long a request of a payment whose end nobody knows may still be on its way."""
    with reading(context) as session:
        unresolved = select(func.max(Payment.created_at)).where(Payment.state.in_(UNRESOLVED))
        latest = session.scalar(unresolved.where(Payment.created_at >= since) if since else unresolved)
    if latest is None:
        return timedelta(0)
    return max(latest + timing.IN_FLIGHT + MOMENT - context.clock(), timedelta(0))


@dataclass(frozen=True)
class Compared:
    """What the last comparison found, and when, by the wall clock. ``since`` is how far back it looked."""

    at: datetime
    since: datetime | None
    drift: list[Drift]


def last(session: Session) -> Compared | None:
    """The last comparison that came to its end; ``None`` before the first."""
    row = session.get(Comparison, 1)
    if row is None:
        return None
    return Compared(row.at, row.since, [Drift(**drift) for drift in json.loads(row.drift)])


def _keep(session: Session, since: datetime | None, left: list[Drift]) -> None:
    compared = {"at": clock.wall(), "since": since, "drift": json.dumps([asdict(drift) for drift in left])}
    new = insert(session, Comparison).values(id=1, **compared)
    session.execute(new.on_conflict_do_update(index_elements=["id"], set_=compared))


def _differences(context: Context, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    paid_at_stripe: set[int] = set()
    yield from _payments_at_stripe(context, since, seen, paid_at_stripe)
    yield from _refunds(context, since, seen)
    yield from _disputes(context, since, seen)
    yield from _credit_notes(context, since, seen)
    yield from _warnings(context, since, seen)
    yield from _customers(context, since, seen)
    yield from _payments_here(context, since, seen, paid_at_stripe)
    yield from _refunds_here(context, seen)
    yield from _plans(context, since, seen)
    yield from _balances(context)


def _sync_now(context: Context, sync: Callable[[Context, str], Write[object]], stripe_id: str) -> None:
    write_now(context, sync(context, stripe_id))


def _payments_at_stripe(
    context: Context, since: datetime | None, seen: Callable[[], None], paid: set[int]
) -> Iterator[Found]:
    """Money at Stripe that the books have not given credits for, or have twice."""
    met: set[str] = set()
    for intent in context.gateway.charges.all_of_ours(since):
        seen()
        met.add(intent.id)
        row = payments.find(context.session, key=intent.payment_key, stripe_id=intent.id)
        if row is not None and intent.is_paid:
            settle = partial(_sync_now, context, settling.sync_intent, intent.id)
            yield from _paid_at_stripe(context, row, intent, settle, paid)
        elif intent.is_paid:
            detail = "it names a payment that is not in this database"
            yield Drift("missed", intent.id, None, detail), None
    for page in context.gateway.checkout.all_of_ours(since):
        seen()
        row = payments.find(context.session, key=page.payment_key, stripe_id=page.id)
        if row is None or not page.is_paid or (page.intent is not None and page.intent.id in met):
            continue
        settle = partial(_sync_now, context, settling.sync_checkout, page.id)
        if page.intent is not None:
            yield from _paid_at_stripe(context, row, page.intent, settle, paid)
        elif row.state is not PaymentState.PAID:
            yield Drift("missed", page.id, row.id, f"nothing was left to pay; it is {row.state}"), settle
        elif row.session_id == page.id:
            paid.add(row.id)


def _paid_at_stripe(
    context: Context, row: Payment, intent: Intent, settle: Mend, paid: set[int]
) -> Iterator[Found]:
    """What is off with a payment that Stripe has money for; what is right is added to ``paid``."""
    if row.state is not PaymentState.PAID:
        detail = f"{money.show(intent.received_minor, intent.currency)} is paid; here it is {row.state}"
        yield Drift("missed", intent.id, row.id, detail), settle
    elif part_charges.is_of(context.session, row, intent.id):
        paid.add(row.id)
    elif intent.refunded_minor < intent.received_minor:
        brought = row.payment_intent_id or row.session_id
        yield (
            Drift("doubled", intent.id, row.id, f"{brought} has brought the credits: refund {intent.id}"),
            None,
        )


def _refunds(context: Context, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    for refund in context.gateway.refunds.all(since):
        seen()
        payment = payments.find(context.session, stripe_id=refund.intent_id)
        row = context.session.scalar(select(Refund).where(Refund.stripe_id == refund.id))
        if payment is not None and (detail := _differs(payment, row, refund)):
            mend = partial(_sync_now, context, refunds.sync_refund, refund.id)
            yield Drift("drifted", refund.id, payment.id, detail), mend


def _disputes(context: Context, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    for dispute in context.gateway.refunds.all_disputes(since):
        seen()
        payment = payments.find(context.session, stripe_id=dispute.intent_id)
        row = context.session.get(Dispute, dispute.id)
        if payment is not None and (detail := _differs(payment, row, dispute)):
            mend = partial(_sync_now, context, disputes.sync_dispute, dispute.id)
            yield Drift("drifted", dispute.id, payment.id, detail), mend


def _credit_notes(context: Context, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    for note in context.gateway.credit_notes.all(since):
        seen()
        payment = credit_notes.payment_of(context.session, note) or credit_notes.purchase_of(context, note)
        row = context.session.get(CreditNote, note.id)
        if payment is not None and note.amount_minor and (detail := _differs(payment, row, note)):
            mend = partial(_sync_now, context, credit_notes.sync_credit_note, note.id)
            yield Drift("drifted", note.id, payment.id, detail), mend


def _differs(
    payment: Payment,
    row: Refund | Dispute | CreditNote | None,
    at_stripe: StripeRefund | StripeDispute | StripeCreditNote,
) -> str | None:
    """How what takes money back stands otherwise here than at Stripe; ``None`` if it does not."""
    if row is None or row.state != at_stripe.status:
        return f"it is {at_stripe.status}; here it is {row.state if row else 'not known'}"
    if row.amount_minor != at_stripe.amount_minor:
        there, here = (
            money.show(minor, payment.currency) for minor in (at_stripe.amount_minor, row.amount_minor)
        )
        return f"it is about {there}; here about {here}"
    return None


def _warnings(context: Context, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    """What banks suspect and we have not heard of, or what has been answered since."""
    try:
        warnings = list(context.gateway.refunds.all_warnings(since))
    except GatewayRefused as refused:  # a restricted key that may not read Radar
        log.warning("Early fraud warnings were not compared: %s", refused)
        return
    for warning in warnings:
        seen()
        payment = fraud_warnings.find_payment(context.session, warning)
        row = context.session.get(FraudWarning, warning.id)
        if payment is None or (row is not None and row.actionable is warning.actionable):
            continue
        mend = partial(_sync_now, context, fraud_warnings.sync, warning.id)
        detail = "a bank's warning is not known here" if row is None else "a bank's warning has been answered"
        yield Drift("drifted", warning.id, payment.id, detail), mend


def _customers(context: Context, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    """Where Stripe writes to another address than the host, or bills somebody else than our pages say."""
    for customer, billed in context.gateway.customers.all(since):
        seen()
        if (changed := billing_details.differs(context.session, billed)) is not None:
            detail = f"Stripe bills {changed} by another name, address or tax id than is known here"
            yield (
                Drift("outdated", customer.id, None, detail),
                partial(_sync_now, context, billing_details.sync, customer.id),
            )
        owner = context.session.scalar(select(Customer.owner).where(Customer.stripe_id == customer.id))
        if owner is None:
            continue
        mend = partial(customers.sync, context, owner)
        if customers.is_outdated(context, owner, customer.email):
            yield (
                Drift("outdated", customer.id, None, f"Stripe has another address of {owner} than you"),
                mend,
            )
        elif customers.new_language(context, owner):
            detail = f"Stripe writes to {owner} in another language than you"
            yield Drift("outdated", customer.id, None, detail), mend


def _payments_here(
    context: Context, since: datetime | None, seen: Callable[[], None], paid: set[int]
) -> Iterator[Found]:
    """Credits that the books gave, and Stripe has no money for; and what nobody knows the end of."""
    states = Payment.state.in_((PaymentState.PAID, *UNRESOLVED))
    # What a plan's invoices brought in is compared invoice by invoice.
    ours = select(Payment).where(states, Payment.via != Via.PLAN).order_by(Payment.id)
    for row in context.session.scalars(ours.where(Payment.created_at >= since) if since else ours).all():
        seen()
        if row.state in UNRESOLVED:
            check = partial(settling.check_with_stripe, context, row.id)
            yield Drift("unresolved", str(row.id), row.id, f"it is {row.state}"), check
        elif row.id not in paid and not _is_paid(context, row):
            name = row.payment_intent_id or row.session_id or str(row.id)
            yield Drift("unpaid", name, row.id, f"{money.credits(row.credits)} came in for nothing"), None


def _refunds_here(context: Context, seen: Callable[[], None]) -> Iterator[Found]:
    """Refunds that were asked for here, and whose answer was lost."""
    lost = select(Refund).where(Refund.state == RefundState.REQUESTED)
    for row in context.session.scalars(lost).all():
        seen()
        check = partial(refunds.check_with_stripe, context, row.id)
        currency = context.session.get_one(Payment, row.payment_id).currency
        asked_for = money.show(row.amount_minor, currency)
        detail = f"{asked_for} was asked to go back; Stripe's answer was lost"
        yield Drift("unresolved", f"refund {row.id}", row.payment_id, detail), check


def _plans(context: Context, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    for kind, stripe_id, payment_id, detail in compare.differences(context, since, seen):
        mend = None if kind in ("unpaid", "doubled") else partial(_sync_now, context, sync.sync, stripe_id)
        yield Drift(kind, stripe_id, payment_id, detail), mend


def _balances(context: Context) -> Iterator[Found]:
    """Stripe's balance is the sum of all that ever moved it; so must that of our copy be, payouts and all."""
    try:
        for _ in range(COMPARISONS):  # what moves between the two fetches makes them differ once
            balance_sync.sync(context)
            theirs = context.gateway.account.fetch_balance()
            ours = sales.balances(context.session)
            if all(ours.get(currency, 0) == minor for currency, minor in theirs.items()):
                return
    except GatewayRefused as refused:
        log.warning("Stripe's balance was not compared: %s", refused)
        return
    for currency, minor in theirs.items():
        if ours.get(currency, 0) != minor:
            copied = money.show(ours.get(currency, 0), currency)
            detail = f"it is {money.show(minor, currency)}; all that was copied adds up to {copied}"
            yield Drift("unbalanced", currency, None, detail), partial(balance_sync.sync, context, anew=True)


def _is_paid(context: Context, row: Payment) -> bool:
    """Whether Stripe has the money of a payment that the walk has not met, being older than ``since``."""
    if row.payment_intent_id:
        intent = context.gateway.charges.fetch(row.payment_intent_id)
        return intent is not None and intent.is_paid
    if row.invoice_id and not row.session_id:  # the customer's balance has paid it
        billed = context.gateway.invoice_charges.fetch(row.invoice_id)
        return billed is not None and billed.is_paid
    page = context.gateway.checkout.fetch(row.session_id) if row.session_id else None
    return page is not None and page.is_paid
