"""Where money of payments has moved to, other than back to who paid: to the balance, or to a changed plan.

Stripe moves it without a word of refunds: what an invoice gives back of a plan pays for the same invoice's
other lines first, and what is left of it goes to the customer's balance. A credit note's money goes there,
too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from ....payments import payments
from ....payments.models import CarriedOver, Dispute, Payment, Refund
from ....subscriptions.models import Invoice, InvoiceState, Subscription
from ..models import CreditNote


@dataclass(frozen=True)
class Moved:
    """So much of a payment's money, in its smallest unit, has moved, and when.

    ``to`` is what it has paid for at once; ``None`` is the owner's balance.
    """

    payment: Payment
    at: datetime
    minor: int
    to: CarriedOver | None = None


def moved_money(session: Session, owner: str, currency: str) -> list[Moved]:
    """All that has moved of the owner's money in a currency, the first first."""
    notes = (
        select(Payment, CreditNote)
        .join(CreditNote, CreditNote.payment_id == Payment.id)
        .where(Payment.owner == owner, Payment.currency == currency, CreditNote.taken_minor > 0)
    )
    by_notes = [
        Moved(payment, note.created_at, note.amount_minor - note.outside_minor)
        for payment, note in session.execute(notes)
    ]
    return sorted(by_notes + _by_changes(session, owner, currency), key=lambda each: each.at)


def _by_changes(session: Session, owner: str, currency: str) -> list[Moved]:
    """What changes of plans have moved: of what the same plan had cost before, the last bought first."""
    rows = session.execute(
        select(Invoice, Payment, CarriedOver)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .outerjoin(Payment, Payment.id == Invoice.payment_id)
        .outerjoin(CarriedOver, CarriedOver.payment_id == Payment.id)
        .where(Subscription.owner == owner, Invoice.currency == currency, Invoice.state == InvoiceState.PAID)
        .order_by(Invoice.created_at, Invoice.id)
    )
    moved: list[Moved] = []
    #: What of each payment has not moved, by the subscription, in the order in which they were paid.
    before: defaultdict[int, dict[Payment, int]] = defaultdict(dict)
    for invoice, paid, carried in rows:
        at, unmoved = invoice.paid_at or invoice.created_at, before[invoice.subscription_id]
        for to, minor in ((carried, _minor(carried)), (None, max(-invoice.total_minor, 0))):
            left = minor
            for payment in reversed(unmoved):
                if part := min(left, unmoved[payment]):
                    moved.append(Moved(payment, at, part, to))
                    unmoved[payment] -= part
                    left -= part
        if paid is not None:
            unmoved[paid] = payments.cost_minor(paid) + _minor(carried)
    return moved


def _minor(carried: CarriedOver | None) -> int:
    return carried.amount_minor if carried is not None else 0


def back_elsewhere(session: Session, payment_ids: Iterable[int]) -> Counter[int]:
    """The money of payments that went back in another way than to the balance, by payment."""
    back: Counter[int] = Counter()
    outside = case((CreditNote.taken_minor > 0, CreditNote.outside_minor), else_=0)
    for table, minor in ((Refund, Refund.taken_minor), (Dispute, Dispute.taken_minor), (CreditNote, outside)):
        of_payments = select(table.payment_id, func.sum(minor)).where(table.payment_id.in_(payment_ids))
        for payment_id, total in session.execute(of_payments.group_by(table.payment_id)):
            back[payment_id] += int(total)
    return back


def claimed_minor(session: Session, payment_ids: Iterable[int]) -> Counter[int]:
    """The money for which refunds, disputes and credit notes have taken credits, by payment."""
    claimed: Counter[int] = Counter()
    for table in (Refund, Dispute, CreditNote):
        of_payments = select(table.payment_id, func.sum(table.taken_minor))
        of_payments = of_payments.where(table.payment_id.in_(payment_ids)).group_by(table.payment_id)
        for payment_id, total in session.execute(of_payments):
            claimed[payment_id] += int(total)
    return claimed
