"""Stripe and the books side by side: what differs, in both directions, and how it is mended.

Stripe's objects are walked, not its events: some events are never made.
https://docs.stripe.com/webhooks/handle-irrecoverable-events
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from . import clock, moneyback, payments, purchases, signals, stripe_account
from .billing_models import Dispute, Payment, PaymentState, Refund, Via
from .errors import GatewayRefused
from .facts import Intent
from .reports import copying, sales
from .reports.models import Comparison
from .subscriptions import comparing, following

if TYPE_CHECKING:
    from .extension import Prepaid

log = logging.getLogger(__name__)

#: How often balances are compared before they count as different.
LOOKS = 3


@dataclass(frozen=True)
class Drift:
    """One thing that differs.

    ===========  ==========================================================================
    missed       Stripe has the money, the books have not given what it paid for
    unpaid       the books gave credits, Stripe does not have the money
    doubled      one payment of ours was paid more than once at Stripe: refund one of them
    drifted      a refund or dispute stands otherwise at Stripe than in the books
    unresolved   nobody knows yet what came of a payment, or of a refund
    unbalanced   Stripe's balance in a currency is not the sum of all that moved it
    ===========  ==========================================================================
    """

    kind: str
    id: str
    payment: int | None
    detail: str


#: What mends a difference: asks Stripe once more, by the same functions as every event.
Mend = Callable[[], object]
Found = tuple[Drift, Mend | None]


def reconcile(
    prepaid: Prepaid,
    *,
    since: datetime | None = None,
    fix: bool = False,
    seen: Callable[[], None] = lambda: None,
) -> list[Drift]:
    """What differs; with ``fix``, what still differs after mending. Commits.

    :param since: Leave alone what was made before, by Stripe's time. ``None`` is everything.
    :param seen: Called for each object that was looked at.
    """
    session = payments.own_session(prepaid)
    if fix:
        # One by one as they are found: a payment that is mended is known when its refund is met.
        for _, mend in _differences(prepaid, since, seen):
            if mend is not None:
                mend()
                signals.commit(prepaid.session)
    left = [drift for drift, _ in _differences(prepaid, since, seen)]
    _keep(session, since, left)
    return left


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
    return Compared(row.at, row.since, [Drift(**one) for one in json.loads(row.drift)])


def _keep(session: Session, since: datetime | None, left: list[Drift]) -> None:
    found = {"at": clock.wall(), "since": since, "drift": json.dumps([asdict(drift) for drift in left])}
    new = payments.insert(session, Comparison).values(id=1, **found)
    session.execute(new.on_conflict_do_update(index_elements=["id"], set_=found))
    session.commit()


def _differences(prepaid: Prepaid, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    paid_at_stripe: set[int] = set()
    yield from _payments_at_stripe(prepaid, since, seen, paid_at_stripe)
    yield from _refunds(prepaid, since, seen)
    yield from _disputes(prepaid, since, seen)
    yield from _payments_here(prepaid, since, seen, paid_at_stripe)
    yield from _refunds_here(prepaid, seen)
    yield from _plans(prepaid, since, seen)
    yield from _balances(prepaid)
    prepaid.session.commit()


def _payments_at_stripe(
    prepaid: Prepaid, since: datetime | None, seen: Callable[[], None], paid: set[int]
) -> Iterator[Found]:
    """Money at Stripe that the books have not given credits for, or have twice."""
    for intent in prepaid.gateway.all_intents(since):
        seen()
        row = payments.find(prepaid.session, key=intent.payment_key, stripe_id=intent.id)
        if not intent.is_paid or row is None:
            if intent.is_paid:
                detail = "it names a payment that is not in this database"
                yield Drift("missed", intent.id, None, detail), None
            continue
        if row.id in paid:
            yield Drift("doubled", intent.id, row.id, f"as well as {row.payment_intent_id}"), None
        elif row.state is not PaymentState.PAID:
            yield _missed(prepaid, row, intent)
        paid.add(row.id)
    for checkout in prepaid.gateway.all_free_checkouts(since):
        seen()
        row = payments.find(prepaid.session, key=checkout.payment_key, stripe_id=checkout.id)
        if row is None or not checkout.is_paid:
            continue
        if row.state is not PaymentState.PAID:
            settle = _settling(prepaid, checkout.id)
            yield Drift("missed", checkout.id, row.id, f"nothing was left to pay; it is {row.state}"), settle
        paid.add(row.id)


def _missed(prepaid: Prepaid, row: Payment, intent: Intent) -> Found:
    detail = f"{intent.received_minor} {intent.currency} are paid; here it is {row.state}"
    return Drift("missed", intent.id, row.id, detail), lambda: purchases.settle_intent(prepaid, intent.id)


def _settling(prepaid: Prepaid, session_id: str) -> Mend:
    return lambda: purchases.settle_checkout(prepaid, session_id)


def _refunds(prepaid: Prepaid, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    for refund in prepaid.gateway.all_refunds(since):
        seen()
        payment = payments.find(prepaid.session, stripe_id=refund.intent_id)
        row = prepaid.session.scalar(select(Refund).where(Refund.stripe_id == refund.id))
        if payment is None or (row is not None and row.state == refund.status):
            continue
        detail = f"it is {refund.status}; here it is {row.state if row else 'not known'}"
        yield Drift("drifted", refund.id, payment.id, detail), _following_refund(prepaid, refund.id)


def _following_refund(prepaid: Prepaid, refund_id: str) -> Mend:
    return lambda: moneyback.follow_refund(prepaid, refund_id)


def _disputes(prepaid: Prepaid, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    for dispute in prepaid.gateway.all_disputes(since):
        seen()
        payment = payments.find(prepaid.session, stripe_id=dispute.intent_id)
        row = prepaid.session.get(Dispute, dispute.id)
        if payment is None or (row is not None and row.state == dispute.status):
            continue
        detail = f"it is {dispute.status}; here it is {row.state if row else 'not known'}"
        yield Drift("drifted", dispute.id, payment.id, detail), _following_dispute(prepaid, dispute.id)


def _following_dispute(prepaid: Prepaid, dispute_id: str) -> Mend:
    return lambda: moneyback.follow_dispute(prepaid, dispute_id)


def _payments_here(
    prepaid: Prepaid, since: datetime | None, seen: Callable[[], None], paid: set[int]
) -> Iterator[Found]:
    """Credits that the books gave, and Stripe has no money for; and what nobody knows the end of."""
    states = Payment.state.in_((PaymentState.PAID, *UNRESOLVED))
    # What a plan's invoices brought in is compared invoice by invoice.
    ours = select(Payment).where(states, Payment.via != Via.PLAN).order_by(Payment.id)
    for row in prepaid.session.scalars(ours.where(Payment.created_at >= since) if since else ours).all():
        seen()
        if row.state in UNRESOLVED:
            yield Drift("unresolved", str(row.id), row.id, f"it is {row.state}"), _looking_up(prepaid, row.id)
        elif row.id not in paid and not _is_paid(prepaid, row):
            name = row.payment_intent_id or row.session_id or str(row.id)
            yield Drift("unpaid", name, row.id, f"{row.credits} credits were given for nothing"), None


def _refunds_here(prepaid: Prepaid, seen: Callable[[], None]) -> Iterator[Found]:
    """Refunds that were asked for here, and whose answer was lost."""
    for row in prepaid.session.scalars(select(Refund).where(Refund.state == "requested")).all():
        seen()
        detail = f"{row.amount_minor} were asked to go back; Stripe's answer was lost"
        yield Drift("unresolved", f"refund {row.id}", row.payment_id, detail), _finding_out(prepaid, row.id)


def _finding_out(prepaid: Prepaid, refund_id: int) -> Mend:
    return lambda: moneyback.look_up(prepaid, refund_id)


def _plans(prepaid: Prepaid, since: datetime | None, seen: Callable[[], None]) -> Iterator[Found]:
    for kind, stripe_id, payment_id, detail in comparing.differences(prepaid, since, seen):
        mend = None if kind in ("unpaid", "doubled") else _following_plan(prepaid, stripe_id)
        yield Drift(kind, stripe_id, payment_id, detail), mend


def _following_plan(prepaid: Prepaid, stripe_id: str) -> Mend:
    return lambda: following.follow(prepaid, stripe_id)


def _balances(prepaid: Prepaid) -> Iterator[Found]:
    """Stripe's balance is the sum of all that ever moved it; so must that of our copy be, payouts and all."""
    try:
        for _ in range(LOOKS):  # what moves between the two looks makes them differ once
            copying.sync(prepaid)
            theirs = stripe_account.fetch_balance(prepaid.gateway)
            ours = sales.balances(prepaid.session)
            if all(ours.get(of, 0) == minor for of, minor in theirs.items()):
                return
    except GatewayRefused as refused:
        log.warning("Stripe's balance was not compared: %s", refused)
        return
    for of, minor in theirs.items():
        if ours.get(of, 0) != minor:
            detail = f"it is {minor}; all that was copied adds up to {ours.get(of, 0)}"
            yield Drift("unbalanced", of, None, detail), lambda: copying.sync(prepaid, anew=True)


UNRESOLVED = (PaymentState.REQUESTED, PaymentState.UNKNOWN)


def _looking_up(prepaid: Prepaid, payment_id: int) -> Mend:
    return lambda: purchases.look_up(prepaid, payment_id)


def _is_paid(prepaid: Prepaid, row: Payment) -> bool:
    """Whether Stripe has the money of a payment that the walk has not met, being older than ``since``."""
    if row.payment_intent_id:
        intent = prepaid.gateway.fetch_intent(row.payment_intent_id)
        return intent is not None and intent.is_paid
    checkout = prepaid.gateway.fetch_checkout(row.session_id) if row.session_id else None
    return checkout is not None and checkout.is_paid
