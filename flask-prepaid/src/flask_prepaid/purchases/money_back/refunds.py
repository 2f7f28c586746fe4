"""Refunds: credits go when their money goes back, and come again when it does not.

Each refund is one key in the ledger, so its events may come in any order, with copies. A payment is settled
before anything of it is taken back.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert
from prepaid_ledger.errors import KeyReused, NothingToReverse

from ... import money, signals
from ...checks import MAX_ID
from ...context import Context, Write, nothing, reading, refuse_uncommitted, transaction
from ...errors import GatewayRefused
from ...gateway.billing.invoice_parts import ChargedPart
from ...gateway.money_back.refund_values import StripeRefund
from ...payments import part_charges, payments, timing
from ...payments.models import NOT_REFUNDED, PartCharge, Payment, PaymentState, Refund, RefundState
from .. import settling
from . import disputes
from .models import CreditNote
from .taking_back import take_back

#: The longest key of a refund of ours.
MAX_KEY = 100

#: So many characters of it stand for the wish.
DIGEST = 40


def refund(
    context: Context,
    payment_id: int,
    *,
    amount_minor: int | None = None,
    reason: str,
    key: str | None = None,
    note: Callable[[], None] = nothing,
) -> Refund:
    """Send money of a payment back to its card, and take back the credits that it paid for. Commits.

    Where several charges have paid its invoice, each gives back its part, by a refund of its own.

    :param amount_minor: In the smallest unit of the payment's currency; by default all that is left and that
        no credit note has given back.
    :param key: Names the wish: sent again, it refunds once.
    :param note: Is called once, in the transaction that writes it down, for the record of who asked.
    :return: The refund, or the first of them.
    :raises NothingToReverse: The payment is not paid, or less than that is left of it.
    :raises KeyReused: The key has asked for another amount.
    :raises GatewayRefused: Stripe refuses. Nothing was sent, but by the charges before that one.
    :raises GatewayUnavailable: It is not known yet; ``tick`` finds out.
    """
    refuse_uncommitted(context)
    with transaction(context):
        rows, is_new = _write_down(context, payment_id, amount_minor, reason, key or secrets.token_hex(16))
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
    context: Context, payment_id: int, amount_minor: int | None, reason: str, key: str
) -> tuple[list[Refund], bool]:
    """The rows of what is about to be asked of Stripe, or those that this key has written; if they are new.

    :raises KeyReused: The key has asked for another amount.
    """
    session = context.session
    payment = payment_of(session, payment_id)
    payments.lock(session, payment)
    wish = key.partition(":")[2] or key
    digest = hashlib.sha256(key.encode()).hexdigest()[:DIGEST]  # Stripe hears of it in a header
    key = f"{_keys_begin(payment_id)}{digest}"
    under_key = select(Refund).where(Refund.payment_id == payment_id, Refund.idempotency_key.startswith(key))
    earlier = list(session.scalars(under_key.order_by(Refund.id)))
    if earlier:
        if earlier[0].asked_minor != amount_minor:
            raise KeyReused(wish, f"The key {wish!r} has already asked for another refund of this payment.")
        return earlier, False
    now = context.clock()
    rows = [
        Refund(
            payment_id=payment_id,
            payment_intent_id=part.intent_id,
            amount_minor=part.charged_minor,
            asked_minor=amount_minor,
            state=RefundState.REQUESTED,
            reason=reason[:255],
            idempotency_key=key if number == 1 else f"{key}-{number}",
            created_at=now,
            check_at=timing.first_check(context.config),
        )
        for number, part in enumerate(_parts_to_refund(session, payment, amount_minor), 1)
    ]
    session.add_all(rows)
    session.flush()
    return rows, True


def _keys_begin(payment_id: int) -> str:
    """How the keys of a payment's refunds begin, at Stripe and here."""
    return f"prepaid-refund-{payment_id}-"


def payment_of(session: Session, payment_id: int) -> Payment:
    """
    :raises NothingToReverse: There is no such payment.
    """
    payment = session.get(Payment, payment_id) if 1 <= payment_id <= MAX_ID else None
    if payment is None:
        raise NothingToReverse(f"There is no payment {payment_id}.")
    return payment


def _parts_to_refund(session: Session, payment: Payment, amount_minor: int | None) -> list[ChargedPart]:
    """How much of which charge is to be refunded: so much together, or by default all that is not given back.

    :raises NothingToReverse: That can't be refunded.
    """
    dispute = disputes.taken_by_bank(session, [payment.id]).get(payment.id)
    if dispute is not None:
        raise NothingToReverse(
            f"The customer's bank has taken payment {payment.id} back, by dispute {dispute.id}: "
            "Stripe refunds nothing of it as long as that stands."
        )
    if payment.state is not PaymentState.PAID:
        raise NothingToReverse(f"Payment {payment.id} is {payment.state}: only what is paid can be refunded.")
    if not payment.charged_minor:
        raise NothingToReverse(
            f"Payment {payment.id} was not charged at Stripe: it cost nothing, or it was paid from the "
            "customer's balance or outside of Stripe. Give that back where it came from."
        )
    charges = _charges_left(session, [payment])[payment.id]
    left = sum(part.charged_minor for part in charges)
    if not left:
        raise NothingToReverse(f"Nothing of payment {payment.id} is left to refund.")
    amount = left - credited_minor(session, payment.id) if amount_minor is None else amount_minor
    if amount_minor is None and amount <= 0:
        raise NothingToReverse(
            f"Credit notes have given back all that is left of payment {payment.id}, "
            f"{money.show(left, payment.currency)}, to the customer's balance or outside of Stripe. To send "
            "it to the card as well, name the amount."
        )
    if not 0 < amount <= left:
        shown, asked_for = (money.show(minor, payment.currency) for minor in (left, amount))
        raise NothingToReverse(f"Payment {payment.id} has {shown} left to refund, not {asked_for}.")
    try:
        money.check(amount, payment.currency)
    except ValueError as too_fine:
        raise NothingToReverse(f"{too_fine}.") from None
    parts = []
    for part in charges:
        if minor := min(part.charged_minor, amount):
            parts.append(ChargedPart(part.intent_id, minor))
            amount -= minor
    return parts


def left_to_refund(session: Session, payment: Payment) -> int:
    """How much of what was charged can be refunded, in its smallest unit: no refund and no bank has it."""
    return left_of_each(session, [payment])[payment.id]


def credited_minor(session: Session, payment_id: int) -> int:
    """What credit notes have given back of a payment, not to its card, in its smallest unit."""
    standing = select(func.coalesce(func.sum(CreditNote.taken_minor), 0))
    return int(session.scalars(standing.where(CreditNote.payment_id == payment_id)).one())


def left_of_each(session: Session, payments: Sequence[Payment]) -> dict[int, int]:
    """How much of each payment can be refunded, by its id."""
    paid = [payment for payment in payments if payment.state is PaymentState.PAID]
    charges = _charges_left(session, paid)
    return {
        payment.id: sum(part.charged_minor for part in charges.get(payment.id, ())) for payment in payments
    }


def _charges_left(session: Session, payments: Sequence[Payment]) -> dict[int, list[ChargedPart]]:
    """What is left of each charge of these payments that no bank has taken back, by the payment's id."""
    ids = [payment.id for payment in payments]
    refunded = _refunded_minor(session, ids)
    taken = {dispute.payment_intent_id for dispute in disputes.in_force(session, ids)}
    return {
        payment_id: [
            ChargedPart(part.intent_id, max(part.charged_minor - refunded[part.intent_id], 0))
            for part in parts
            if part.intent_id not in taken
        ]
        for payment_id, parts in part_charges.of_each(session, payments).items()
    }


def _refunded_minor(session: Session, payment_ids: Sequence[int]) -> Counter[str]:
    """The money of payments that is refunded, or requested to be, by the charge that it refunds."""
    refunded = (
        select(Refund.payment_intent_id, func.sum(Refund.amount_minor))
        .where(Refund.payment_id.in_(payment_ids), Refund.state.not_in(NOT_REFUNDED))
        .group_by(Refund.payment_intent_id)
    )
    return Counter({intent_id: int(minor) for intent_id, minor in session.execute(refunded)})


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
        apply_refund(context, answer)


def _note_refusal(session: Session, row: Refund) -> None:
    """Stripe never makes this refund, and is not asked for those that follow it under the same wish."""
    payment = session.get_one(Payment, row.payment_id)
    payments.lock(session, payment)
    wish = row.idempotency_key[: len(_keys_begin(payment.id)) + DIGEST]
    follows = Refund.idempotency_key.startswith(wish), Refund.id > row.id
    unasked = Refund.payment_id == payment.id, Refund.state == RefundState.REQUESTED, *follows
    for refused in [row, *session.scalars(select(Refund).where(*unasked))]:
        refused.state, refused.check_at = RefundState.REFUSED, None
    session.flush()
    # Another refund may have counted these, as money that was on its way.
    payment.refunded_minor = _refunded_minor(session, [payment.id]).total()


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
            apply_refund(context, answer)


def sync_refund(context: Context, refund_id: str) -> Write[None]:
    """Fetch a refund; what is returned takes back, or gives back, the credits. Commits."""
    answer = context.gateway.refunds.fetch(refund_id)
    if answer is None:
        return nothing
    settling.settle_first(context, answer.intent_id)
    return partial(apply_refund, context, answer)


def sync_refunds_of(context: Context, charge_id: str) -> Write[None]:
    """Fetch every refund of a charge; what is returned takes back, or gives back, the credits. Commits."""
    refunds = context.gateway.refunds.of_charge(charge_id)
    for answer in refunds:
        settling.settle_first(context, answer.intent_id)

    def write() -> None:
        for answer in refunds:
            apply_refund(context, answer)

    return write


def unchecked_parts(context: Context) -> list[str]:
    """The PaymentIntents that have paid a part of an invoice, and of which it is not known what went back."""
    unchecked = select(PartCharge.payment_intent_id).where(~PartCharge.is_checked)
    return list(context.session.scalars(unchecked.order_by(PartCharge.payment_intent_id)))


def check_part(context: Context, intent_id: str) -> None:
    """Take the credits of what went back of a part. Commits.

    An event that came before its invoice was paid found no payment.
    """
    refunded = context.gateway.refunds.of_intent(intent_id)
    disputed = context.gateway.disputes.of_intent(intent_id)
    with transaction(context) as session:
        for refund in refunded:
            apply_refund(context, refund)
        for dispute in disputed:
            disputes.apply_dispute(context, dispute)
        session.execute(
            update(PartCharge).where(PartCharge.payment_intent_id == intent_id).values(is_checked=True)
        )


def apply_refund(context: Context, refund: StripeRefund) -> None:
    """Move credits as a fetched refund says, unless a later fetch has."""
    session = context.session
    payment = settling.paid_by(session, refund.intent_id)
    if payment is None:
        return
    payments.lock(session, payment)
    row = _row_of(session, payment, refund)
    if row.fetched_at is not None and row.fetched_at > refund.asked_at:
        return
    row.stripe_id, row.state, row.amount_minor = refund.id, refund.status, refund.amount_minor
    row.fetched_at, row.check_at = refund.asked_at, None
    session.flush()
    payment.refunded_minor = _refunded_minor(session, [payment.id]).total()
    amount_minor = 0 if row.state in NOT_REFUNDED else refund.amount_minor
    before = row.taken_minor
    reason = f"the refund is {row.state}" if before else "refunded"
    take_back(context, payment, row, f"refund:{refund.id}", amount_minor, reason)
    if bool(before) is not bool(amount_minor):
        signals.after_commit(
            session,
            signals.payment_refunded if amount_minor else signals.refund_failed,
            owner=payment.owner,
            payment_id=payment.id,
            refund_id=row.id,
            amount_minor=row.amount_minor,
        )


def _row_of(session: Session, payment: Payment, refund: StripeRefund) -> Refund:
    """The refund's row: asked for here, heard of before, or new from Stripe's dashboard.

    One wish has one refund, of one charge: any other with its key in the metadata is a refund like those of
    the dashboard. Whoever has the Stripe key can write a key of ours there.
    """
    named = refund.refund_key or ""
    is_ours = named.startswith(_keys_begin(payment.id)) and len(named) <= MAX_KEY
    row = _row_under(session, payment, refund, named if is_ours else refund.id)
    is_its_own = row.payment_intent_id == refund.intent_id and row.stripe_id in (None, refund.id)
    return row if is_its_own else _row_under(session, payment, refund, refund.id)


def _row_under(session: Session, payment: Payment, refund: StripeRefund, key: str) -> Refund:
    """The row with this key, which is written if there is none."""
    values = {
        "payment_id": payment.id,
        "payment_intent_id": refund.intent_id,
        "amount_minor": refund.amount_minor,
        "state": refund.status,
        "idempotency_key": key,
        "stripe_id": refund.id,
        "created_at": refund.created_at,
        "taken_minor": 0,
        "taken_once": 0,
        "takes": 0,
    }
    session.execute(insert(session, Refund).values(values).on_conflict_do_nothing())
    same = select(Refund).where(Refund.idempotency_key == key)
    return session.scalars(same.execution_options(populate_existing=True)).one()
