"""The charges that have brought a payment's money: one, or several that have paid its invoice in parts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert

from ..gateway.billing.invoice_parts import ChargedPart
from .models import Dispute, PartCharge, Payment


def write_down(session: Session, payment: Payment, charges: Sequence[ChargedPart]) -> None:
    """Note the charges of a payment, where they are more than one. In the caller's transaction.

    Events of what went back of one before the last was paid have found no payment: ``tick`` asks Stripe.
    """
    if len(charges) < 2:
        return
    payment.check_at = clock.wall()
    for part in charges:
        values = {
            "payment_intent_id": part.intent_id,
            "payment_id": payment.id,
            "charged_minor": part.charged_minor,
        }
        session.execute(insert(session, PartCharge).values(values).on_conflict_do_nothing())


def of(session: Session, payment: Payment) -> list[ChargedPart]:
    """The charges of a payment, the first first; none where nothing was charged at Stripe."""
    return of_each(session, [payment])[payment.id]


def of_each(session: Session, payments: Sequence[Payment]) -> dict[int, list[ChargedPart]]:
    """The charges of each payment, by its id."""
    several: dict[int, list[ChargedPart]] = {payment.id: [] for payment in payments}
    for row in session.scalars(select(PartCharge).where(PartCharge.payment_id.in_(several))):
        several[row.payment_id].append(ChargedPart(row.payment_intent_id, row.charged_minor))
    return {payment.id: _in_order(payment, several[payment.id]) for payment in payments}


def _in_order(payment: Payment, parts: list[ChargedPart]) -> list[ChargedPart]:
    if payment.payment_intent_id is None or not payment.charged_minor:
        return []
    parts.sort(key=lambda part: (part.intent_id != payment.payment_intent_id, part.intent_id))
    return parts or [ChargedPart(payment.payment_intent_id, payment.charged_minor)]


def is_of(session: Session, payment: Payment, intent_id: str) -> bool:
    """Whether a PaymentIntent has brought some of a payment's money."""
    return payment.payment_intent_id == intent_id or any(
        part.intent_id == intent_id for part in of(session, payment)
    )


def is_of_its_charge(
    intent_id: InstrumentedAttribute[str] = Dispute.payment_intent_id,
) -> ColumnElement[bool]:
    """Whether a row is of a charge that has brought its payment's money, for a query of both.

    A payment may have been paid otherwise than agreed before, or twice.

    :param intent_id: The row's column with the PaymentIntent; that of a dispute by default.
    """
    is_part = exists().where(PartCharge.payment_intent_id == intent_id).correlate_except(PartCharge)
    return (intent_id == Payment.payment_intent_id) | is_part


def payment_of(session: Session, intent_id: str) -> Payment | None:
    """The payment of which a PaymentIntent has paid a part."""
    named = select(Payment).join(PartCharge, PartCharge.payment_id == Payment.id)
    return session.scalars(named.where(PartCharge.payment_intent_id == intent_id)).first()
