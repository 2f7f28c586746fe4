"""How much of a payment can still be refunded, and from which of its charges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prepaid_ledger.errors import NothingToReverse

from ... import money
from ...checks import MAX_ID
from ...gateway.billing.invoice_parts import ChargedPart
from ...payments import part_charges
from ...payments.models import NOT_REFUNDED, Payment, PaymentState, Refund, RefundState
from .disputes import disputes
from .models import CreditNote


def payment_of(session: Session, payment_id: int) -> Payment:
    """
    :raises NothingToReverse: There is no such payment.
    """
    payment = session.get(Payment, payment_id) if 1 <= payment_id <= MAX_ID else None
    if payment is None:
        raise NothingToReverse(f"There is no payment {payment_id}.")
    return payment


def parts_to_refund(
    session: Session, payment: Payment, amount_minor: int | None, charge: str | None
) -> list[ChargedPart]:
    """How much of which charge is to be refunded: so much together, or by default all that is not given back.

    :param charge: The PaymentIntent of the one charge that is meant; ``None`` is all, the first first.
    :raises NothingToReverse: That can't be refunded.
    """
    _require_paid(session, payment, charge)
    charges = _meant(_charges_left(session, [payment])[payment.id], charge)
    left = sum(part.charged_minor for part in charges)
    if not left:
        raise NothingToReverse(f"Nothing of {charge or f'payment {payment.id}'} is left to refund.")
    amount = left - credited_minor(session, payment, charge) if amount_minor is None else amount_minor
    if amount_minor is None and amount <= 0:
        raise NothingToReverse(
            f"Credit notes have given back all that is left of {charge or f'payment {payment.id}'}, "
            f"{money.show(left, payment.currency)}, to the customer's balance or outside of Stripe. To send "
            "it to the card as well, name the amount."
        )
    if not 0 < amount <= left:
        shown, asked_for = (money.show(minor, payment.currency) for minor in (left, amount))
        name = charge or f"Payment {payment.id}"
        raise NothingToReverse(f"{name} has {shown} left to refund, not {asked_for}.")
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


def _require_paid(session: Session, payment: Payment, charge: str | None) -> None:
    """
    :raises NothingToReverse: It was not paid by a charge, or not by this one; or a bank has all of it.
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
    if charge is not None and not part_charges.is_of(session, payment, charge):
        raise NothingToReverse(f"{charge} has brought no money of payment {payment.id}.")


def left_to_refund(session: Session, payment: Payment, charge: str | None = None) -> int:
    """How much of what was charged can be refunded, in its smallest unit: no refund and no bank has it.

    :param charge: The PaymentIntent of the one charge that is meant; by default all of them.
    """
    if payment.state is not PaymentState.PAID:
        return 0
    return sum(part.charged_minor for part in _meant(_charges_left(session, [payment])[payment.id], charge))


def _meant(charges: list[ChargedPart], charge: str | None) -> list[ChargedPart]:
    return [part for part in charges if charge in (None, part.intent_id)]


def credited_minor(session: Session, payment: Payment, charge: str | None = None) -> int:
    """What credit notes have given back of a payment, not to its card, in its smallest unit.

    :param charge: The PaymentIntent of the one charge that is meant: what the others have left counts first.
    """
    standing = select(func.coalesce(func.sum(CreditNote.taken_minor), 0))
    credited = int(session.scalars(standing.where(CreditNote.payment_id == payment.id)).one())
    if charge is None or not credited:
        return credited
    others = left_to_refund(session, payment) - left_to_refund(session, payment, charge)
    return max(0, credited - others)


def unanswered(session: Session, payment_ids: Sequence[int]) -> set[int]:
    """Those of these payments of which a refund was requested, and Stripe has not answered yet."""
    requested = Refund.payment_id.in_(payment_ids), Refund.state == RefundState.REQUESTED
    return set(session.scalars(select(Refund.payment_id).where(*requested)))


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
    refunded = refunded_minor(session, ids)
    taken = {dispute.payment_intent_id for dispute in disputes.in_force(session, ids)}
    return {
        payment_id: [
            ChargedPart(part.intent_id, max(part.charged_minor - refunded[part.intent_id], 0))
            for part in parts
            if part.intent_id not in taken
        ]
        for payment_id, parts in part_charges.of_each(session, payments).items()
    }


def refunded_minor(session: Session, payment_ids: Sequence[int]) -> Counter[str]:
    """The money of payments that is refunded, or requested to be, by the charge that it refunds."""
    refunded = (
        select(Refund.payment_intent_id, func.sum(Refund.amount_minor))
        .where(Refund.payment_id.in_(payment_ids), Refund.state.not_in(NOT_REFUNDED))
        .group_by(Refund.payment_intent_id)
    )
    return Counter({intent_id: int(minor) for intent_id, minor in session.execute(refunded)})
