"""Refunds that are asked for here: written down first, and looked for at Stripe if no answer came."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.errors import KeyReused

from ...context import Context, nothing, reading, refuse_uncommitted, transaction
from ...errors import GatewayRefused
from ...payments import payments, timing
from ...payments.models import Payment, Refund, RefundState
from . import refund_keys, refund_sync, refundable


def refund(
    context: Context,
    payment_id: int,
    *,
    amount_minor: int | None = None,
    charge: str | None = None,
    reason: str,
    key: str | None = None,
    note: Callable[[], None] = nothing,
) -> Refund:
    """Send money of a payment back to its card, and take back the credits that it paid for. Commits.

    Where several charges have paid its invoice, each gives back its part, by a refund of its own.

    :param amount_minor: In the smallest unit of the payment's currency; by default all that is left and that
        no credit note has given back.
    :param charge: The PaymentIntent of the one charge that gives it back; by default all do, the first first.
    :param key: Names the wish: sent again, it refunds once.
    :param note: Is called once, in the transaction that writes it down, for the record of who asked.
    :return: The refund, or the first of them.
    :raises NothingToReverse: The payment is not paid, or less than that is left of it.
    :raises KeyReused: The key has asked for another amount, or of another charge.
    :raises GatewayRefused: Stripe refuses. Nothing was sent, but by the charges before that one.
    :raises GatewayUnavailable: It is not known yet; ``tick`` finds out.
    """
    refuse_uncommitted(context)
    with transaction(context):
        key = key or secrets.token_hex(16)
        rows, is_new = _write_down(context, payment_id, amount_minor, charge, reason, key)
        states = {row.id: row.state for row in rows}
        if is_new:
            note()
    if RefundState.REFUSED in states.values():
        raise GatewayRefused("Stripe has refused this refund. To ask for it once more, use another key.")
    for refund_id, state in states.items():
        if is_new:
            _ask(context, refund_id)
        elif state == RefundState.REQUESTED:
            check_with_stripe(context, refund_id)  # Stripe may have made it, and forgotten the key since
    return context.session.get_one(Refund, min(states))


def _write_down(
    context: Context, payment_id: int, amount_minor: int | None, charge: str | None, reason: str, key: str
) -> tuple[list[Refund], bool]:
    """The rows of what is about to be asked of Stripe, or those that this key has written; if they are new.

    :raises KeyReused: The key has asked for another amount, or of another charge.
    """
    session = context.session
    payment = refundable.payment_of(session, payment_id)
    payments.lock(session, payment)
    wish = key.partition(":")[2] or key
    key = refund_keys.of_wish(payment_id, key)
    under_key = select(Refund).where(Refund.payment_id == payment_id, Refund.idempotency_key.startswith(key))
    earlier = list(session.scalars(under_key.order_by(Refund.id)))
    if earlier:
        if (earlier[0].asked_minor, earlier[0].asked_charge) != (amount_minor, charge):
            raise KeyReused(wish, f"The key {wish!r} has already asked for another refund of this payment.")
        return earlier, False
    now = context.clock()
    parts = refundable.parts_to_refund(session, payment, amount_minor, charge)
    rows = [
        Refund(
            payment_id=payment_id,
            payment_intent_id=part.intent_id,
            amount_minor=part.charged_minor,
            asked_minor=amount_minor,
            asked_charge=charge,
            state=RefundState.REQUESTED,
            reason=reason[:255],
            idempotency_key=key if number == 1 else f"{key}-{number}",
            created_at=now,
            check_at=timing.first_check(context.config),
        )
        for number, part in enumerate(parts, 1)
    ]
    session.add_all(rows)
    session.flush()
    return rows, True


def _ask(context: Context, refund_id: int) -> None:
    """Ask Stripe for a refund that is written down, and write what it says. Commits.

    :raises GatewayRefused: It never will; the row says so.
    """
    with reading(context) as session:
        row = session.get_one(Refund, refund_id)
        key, amount_minor, intent_id = row.idempotency_key, row.amount_minor, row.payment_intent_id
    try:
        answer = context.gateway.refunds.create(key=key, intent_id=intent_id, amount_minor=amount_minor)
    except GatewayRefused:
        with transaction(context) as session:
            _note_refusal(session, session.get_one(Refund, refund_id))
        raise
    with transaction(context):
        refund_sync.apply_refund(context, answer)


def _note_refusal(session: Session, row: Refund) -> None:
    """Stripe never makes this refund, and is not asked for those that follow it under the same wish."""
    payment = session.get_one(Payment, row.payment_id)
    payments.lock(session, payment)
    same_wish = refund_keys.without_number(payment.id, row.idempotency_key)
    follows = Refund.idempotency_key.startswith(same_wish), Refund.id > row.id
    unasked = Refund.payment_id == payment.id, Refund.state == RefundState.REQUESTED, *follows
    for refused in [row, *session.scalars(select(Refund).where(*unasked))]:
        refused.state, refused.check_at = RefundState.REFUSED, None
    session.flush()
    # Another refund may have counted these, as money that was on its way.
    payment.refunded_minor = refundable.refunded_minor(session, [payment.id]).total()


def check_with_stripe(context: Context, refund_id: int) -> None:
    """Find out what came of a refund whose answer was lost. Commits.

    The same key is good for 24 hours at Stripe, so within them asking again is finding out;
    after them it is searched for, and asked for only if it never came about.
    """
    refuse_uncommitted(context)
    with transaction(context) as session:
        row = session.get_one(Refund, refund_id)
        row.check_at = clock.wall() + 2 * context.config.check_after
        key, intent_id = row.idempotency_key, row.payment_intent_id
    answer = context.gateway.refunds.find(intent_id, key)
    if answer is None:
        _ask(context, refund_id)
    else:
        with transaction(context):
            refund_sync.apply_refund(context, answer)
