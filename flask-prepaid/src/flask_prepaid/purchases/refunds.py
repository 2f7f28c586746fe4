"""Refunds and disputes: credits go when their money goes back, and come again when it does not.

Each refund and each dispute is one key in the ledger, so its events may come in any
order, with copies. A payment is settled before anything of it is taken back.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert
from prepaid_ledger.errors import NothingToReverse

from .. import money, signals
from ..context import Context, own_session
from ..errors import GatewayRefused
from ..gateway import values as facts
from ..payments import payments
from ..payments.models import Dispute, Payment, PaymentState, Refund, Via
from ..subscriptions import sync
from ..subscriptions.models import Invoice
from . import checkout


def refund(
    context: Context, payment_id: int, *, amount_minor: int | None = None, reason: str, key: str | None = None
) -> Refund:
    """Send money of a payment back to its card, and take back the credits that it paid for. Commits.

    :param amount_minor: In the smallest unit of the payment's currency; by default all that is left.
    :param key: Names the wish: sent again, it refunds once.
    :raises NothingToReverse: The payment is not paid, or less than that is left of it.
    :raises GatewayRefused: Stripe refuses. Nothing was sent.
    :raises GatewayUnavailable: It is not known yet; ``tick`` finds out.
    """
    session = own_session(context)
    row = _write_down(context, payment_id, amount_minor, reason, key or secrets.token_hex(16))
    if row.stripe_id is None and row.state == "requested":
        ask(context, row.id)
    return session.get_one(Refund, row.id)


def _write_down(context: Context, payment_id: int, amount_minor: int | None, reason: str, key: str) -> Refund:
    session = context.session
    payment = session.get(Payment, payment_id)
    if payment is None:
        raise NothingToReverse(f"There is no payment {payment_id}.")
    payments.lock(session, payment)
    key = f"prepaid-refund-{payment_id}-{key}"
    earlier = session.scalar(select(Refund).where(Refund.idempotency_key == key))
    if earlier is not None:
        session.commit()
        return earlier
    if dispute := taken_by_bank(session, [payment_id]).get(payment_id):
        session.rollback()
        raise NothingToReverse(
            f"The customer's bank has taken payment {payment_id} back, by dispute {dispute.id}: "
            "Stripe refunds nothing of it as long as that stands."
        )
    left = (payment.paid_minor or 0) - _going_back(session, payment_id)
    amount = left if amount_minor is None else amount_minor
    if payment.state is not PaymentState.PAID or payment.payment_intent_id is None or not 0 < amount <= left:
        session.rollback()
        raise NothingToReverse(f"Payment {payment_id} has {max(left, 0)} left to refund, not {amount}.")
    try:
        money.check(amount, payment.currency)
    except ValueError as too_fine:
        session.rollback()
        raise NothingToReverse(f"{too_fine}.") from None
    row = Refund(
        payment_id=payment_id,
        amount_minor=amount,
        state="requested",
        reason=reason[:255],
        idempotency_key=key,
        created_at=context.clock(),
        look_at=clock.wall() + context.config.look_after,
    )
    session.add(row)
    session.commit()
    return row


def _going_back(session: Session, payment_id: int) -> int:
    """The money of a payment that is refunded, or asked to be."""
    standing = Refund.state.not_in(("failed", "canceled", "refused"))
    of_payment = select(func.sum(Refund.amount_minor)).where(Refund.payment_id == payment_id)
    return session.scalar(of_payment.where(standing)) or 0


def taken_by_bank(session: Session, payment_ids: Sequence[int]) -> dict[int, Dispute]:
    """Which of these payments a bank has taken back, as things stand, and by which dispute."""
    disputes = session.scalars(
        select(Dispute).where(Dispute.payment_id.in_(payment_ids)).order_by(Dispute.created_at)
    )
    return {one.payment_id: one for one in disputes if facts.takes_money(one.state)}


def ask(context: Context, refund_id: int) -> None:
    """Ask Stripe for a refund that is written down, and follow what it says. Commits.

    :raises GatewayRefused: It never will; the row says so.
    """
    session = context.session
    row = session.get_one(Refund, refund_id)
    payment = session.get_one(Payment, row.payment_id)
    key, amount, intent_id = row.idempotency_key, row.amount_minor, payment.payment_intent_id
    assert intent_id is not None, "what is refunded was charged"
    session.commit()
    try:
        answer = context.gateway.refund(key=key, intent_id=intent_id, amount_minor=amount)
    except GatewayRefused:
        session.execute(update(Refund).where(Refund.id == refund_id).values(state="refused", look_at=None))
        session.commit()
        raise
    apply_refund(context, payment, answer)
    signals.commit(session)


def look_up(context: Context, refund_id: int) -> None:
    """Find out what came of a refund whose answer was lost. Commits.

    The same key is good for 24 hours at Stripe, so within them asking again is finding out;
    after them it is looked for, and asked for only if it never came about.
    """
    session = own_session(context)
    row = session.get_one(Refund, refund_id)
    row.look_at = clock.wall() + 2 * context.config.look_after
    payment = session.get_one(Payment, row.payment_id)
    key, intent_id = row.idempotency_key, payment.payment_intent_id
    assert intent_id is not None, "what is refunded was charged"
    session.commit()
    found = context.gateway.find_refund(intent_id, key)
    if found is None:
        ask(context, refund_id)
    else:
        apply_refund(context, payment, found)
        signals.commit(session)


def follow_refund(context: Context, refund_id: str) -> None:
    """Take back, or give back, what a refund of Stripe's calls for. Does not commit."""
    refund = context.gateway.fetch_refund(refund_id)
    if refund is None:
        return
    payment = _paid(context, refund.intent_id)
    if payment is not None:
        apply_refund(context, payment, refund)


def follow_refunds_of(context: Context, charge_id: str) -> None:
    """As ``follow_refund`` for every refund of a charge, for events that name the charge. Does not commit."""
    for refund in context.gateway.fetch_refunds(charge_id):
        payment = _paid(context, refund.intent_id)
        if payment is not None:
            apply_refund(context, payment, refund)


def follow_dispute(context: Context, dispute_id: str) -> None:
    """Take back what a bank took, give back what it returned. Does not commit.

    An inquiry takes nothing. Opened and withdrawn are two events of one loss, and one key.
    """
    dispute = context.gateway.fetch_dispute(dispute_id)
    if dispute is None:
        return
    payment = _paid(context, dispute.intent_id)
    if payment is not None:
        apply_dispute(context, payment, dispute)


def apply_dispute(context: Context, payment: Payment, dispute: facts.Dispute) -> None:
    """Move credits as a fetched dispute says, unless a later fetch has. Does not commit."""
    session = context.session
    payments.lock(session, payment)
    row = session.get(Dispute, dispute.id, populate_existing=True)
    if row is not None and row.fetched_at > dispute.asked_at:
        return
    taken_before = row is not None and facts.takes_money(row.state)
    row = row or Dispute(id=dispute.id, payment_id=payment.id, created_at=dispute.created_at)
    row.amount_minor, row.state, row.fetched_at = dispute.amount_minor, dispute.status, dispute.asked_at
    session.add(row)
    key = f"dispute:{dispute.id}"
    if facts.takes_money(dispute.status):
        _take(context, payment, key, dispute.amount_minor, "disputed", tell=not taken_before)
    else:
        _give(context, payment, key, f"the dispute is {dispute.status}")


def _paid(context: Context, intent_id: str | None) -> Payment | None:
    """Our payment behind a PaymentIntent, settled if it was not yet: what is taken back came in first."""
    if intent_id is None:
        return None
    payment = payments.find(context.session, stripe_id=intent_id)
    if payment is None or payment.state is not PaymentState.PAID:
        context.session.commit()
        payment = checkout.settle_intent(context, intent_id)
        if payment is None and sync.follow_intent(context, intent_id):
            payment = payments.find(context.session, stripe_id=intent_id)
        signals.commit(context.session)
    return payment if payment is not None and payment.state is PaymentState.PAID else None


def apply_refund(context: Context, payment: Payment, refund: facts.Refund) -> None:
    """Move credits as a fetched refund says, unless a later fetch has. Does not commit."""
    session = context.session
    payments.lock(session, payment)
    row = _row_of(session, payment, refund)
    if row.fetched_at is not None and row.fetched_at > refund.asked_at:
        return
    first = row.fetched_at is None
    row.stripe_id, row.state, row.fetched_at, row.look_at = refund.id, refund.status, refund.asked_at, None
    session.flush()
    payment.refunded_minor = _going_back(session, payment.id)
    key = f"refund:{refund.id}"
    if refund.stands:
        _take(context, payment, key, refund.amount_minor, "refunded", tell=first)
    else:
        _give(context, payment, key, f"the refund {refund.status}")


def _row_of(session: Session, payment: Payment, refund: facts.Refund) -> Refund:
    """The refund's row: asked for here, heard of before, or new from Stripe's dashboard."""
    asked_here = Refund.idempotency_key == (refund.refund_key or refund.id)
    values = {
        "payment_id": payment.id,
        "amount_minor": refund.amount_minor,
        "state": refund.status,
        "idempotency_key": refund.refund_key or refund.id,
        "stripe_id": refund.id,
        "created_at": refund.created_at,
    }
    session.execute(insert(session, Refund).values(values).on_conflict_do_nothing())
    return session.scalars(select(Refund).where(asked_here).execution_options(populate_existing=True)).one()


def _take(
    context: Context, payment: Payment, key: str, amount_minor: int, reason: str, *, tell: bool
) -> None:
    entry = context.ledger.claw_back(
        payment.owner,
        lot_key=_lot_key(context.session, payment),
        key=key,
        refunded_minor=amount_minor,
        reason=reason,
    )
    if tell:
        signals.after_commit(
            context.session,
            signals.clawed_back,
            owner=payment.owner,
            payment_id=payment.id,
            credits=-entry.credits,
            debt=entry.debt,
        )


def _lot_key(session: Session, payment: Payment) -> str:
    """The key under which the payment's credits came in: its own, or that of the plan's invoice."""
    if payment.via is not Via.PLAN:
        return f"payment:{payment.id}"
    invoice_id = session.scalars(select(Invoice.id).where(Invoice.payment_id == payment.id)).one()
    return f"invoice:{invoice_id}"


def _give(context: Context, payment: Payment, key: str, reason: str) -> None:
    try:
        context.ledger.restore(payment.owner, claw_key=key, key=f"undone:{key}", reason=reason)
    except NothingToReverse:
        return  # it was never taken: the end was heard of before the beginning
