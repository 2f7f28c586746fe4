"""What the customer's balance at Stripe has bought, where the money in it has gone back a second time.

A smaller plan and a credit note move money of a charge to the balance, and take the credits of it. The
balance pays for the next purchase. Where the charge is refunded or disputed as a whole later, that money is
gone twice, and what it has bought the second time is taken back, the first bought first. A dispute that is
won gives it again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from prepaid_ledger.database import take_turns

from ...context import Context, transaction
from ...payments import payments
from ...payments.models import BalancePaid, Dispute, Payment, Refund
from ...subscriptions.locking import lock
from ...subscriptions.models import Invoice, InvoiceState, Subscription
from .models import CreditNote
from .taking_back import take_back


@dataclass(frozen=True)
class Given:
    """So much of a payment's money, in its smallest unit, was given to its owner's balance, and when."""

    payment: Payment
    at: datetime
    minor: int


def due(context: Context, *, limit: int = 100) -> list[str]:
    """The owners of whom something has changed that their balance has paid, or has been paid with."""
    changed = (
        select(Payment.owner)
        .join(BalancePaid, BalancePaid.payment_id == Payment.id)
        .where(BalancePaid.changes > BalancePaid.seen)
    )
    return list(context.session.scalars(changed.distinct().order_by(Payment.owner).limit(limit)))


def check(context: Context, owner: str) -> None:
    """Take back what the owner's balance has bought with money that is gone, or give it again. Commits."""
    with transaction(context) as session:
        take_turns(session, f"prepaid_balance:{owner}")
        _lock(session, owner)
        bought = _bought(session, owner)
        changes = {row.payment_id: row.changes for _, row in bought}
        parts: Counter[int] = Counter()
        for currency in sorted({payment.currency for payment, _ in bought}):
            parts += _gone_from(session, owner, [each for each in bought if each[0].currency == currency])
        for payment, row in bought:
            name, part = f"balance:{payment.id}", parts[payment.id]
            take_back(context, payment, row, name, part, "gone from the balance")
        for payment_id, seen in changes.items():
            looked = update(BalancePaid).where(BalancePaid.payment_id == payment_id)
            session.execute(looked.values(seen=seen).execution_options(synchronize_session=False))


def _lock(session: Session, owner: str) -> None:
    """Keep every other writer off the payments and plans, before any wallet is locked, as everybody does."""
    mine = select(BalancePaid.payment_id).join(Payment, Payment.id == BalancePaid.payment_id)
    mine = mine.where(Payment.owner == owner)
    session.execute(update(Payment).where(Payment.id.in_(mine)).values(id=Payment.id))
    plans = select(Invoice.subscription_id).where(Invoice.payment_id.in_(mine)).distinct()
    for subscription_id in session.scalars(plans.order_by(Invoice.subscription_id)).all():
        lock(session, subscription_id)


def _bought(session: Session, owner: str) -> list[tuple[Payment, BalancePaid]]:
    """What the balance has paid of the owner's, the first bought first."""
    rows = session.execute(
        select(Payment, BalancePaid)
        .join(BalancePaid, BalancePaid.payment_id == Payment.id)
        .where(Payment.owner == owner)
        .order_by(BalancePaid.at, Payment.id)
        .execution_options(populate_existing=True)
    )
    return [(payment, row) for payment, row in rows]


def _gone_from(session: Session, owner: str, bought: list[tuple[Payment, BalancePaid]]) -> Counter[int]:
    """How much of what the balance has paid is to be taken back, by payment.

    Money that is gone has bought something only after it came.

    :param bought: In one currency, the first bought first.
    """
    given = _given_to_balance(session, owner, bought[0][0].currency)
    worth = {each.payment.id: payments.cost_minor(each.payment) for each in given}
    worth |= {payment.id: payments.cost_minor(payment) for payment, _ in bought}
    back = _back_elsewhere(session, worth)
    moved: Counter[int] = Counter()
    for each in given:
        moved[each.payment.id] += each.minor
    gone = {
        payment_id: max(back[payment_id] + moved[payment_id] - worth[payment_id], 0) for payment_id in moved
    }
    left = {
        payment.id: max(min(row.amount_minor, worth[payment.id] - back[payment.id] - moved[payment.id]), 0)
        for payment, row in bought
    }
    parts: Counter[int] = Counter()
    for each in given:
        gone_now = min(gone[each.payment.id], each.minor)
        gone[each.payment.id] -= gone_now
        for payment, row in bought:
            if row.at >= each.at:
                part = min(gone_now, left[payment.id] - parts[payment.id])
                parts[payment.id] += part
                gone_now -= part
    return parts


def _given_to_balance(session: Session, owner: str, currency: str) -> list[Given]:
    """What was given to the balance, the first first: by credit notes, and by smaller plans."""
    notes = (
        select(Payment, CreditNote)
        .join(CreditNote, CreditNote.payment_id == Payment.id)
        .where(Payment.owner == owner, Payment.currency == currency, CreditNote.taken_minor > 0)
    )
    given = [
        Given(payment, note.created_at, note.amount_minor - note.outside_minor)
        for payment, note in session.execute(notes)
    ]
    return sorted(given + _given_by_smaller(session, owner, currency, given), key=lambda each: each.at)


def _given_by_smaller(session: Session, owner: str, currency: str, notes: list[Given]) -> list[Given]:
    """What smaller plans have given: of what the same plan had cost before, the last bought first."""
    rows = session.execute(
        select(Invoice, Payment)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .outerjoin(Payment, Payment.id == Invoice.payment_id)
        .where(Subscription.owner == owner, Invoice.currency == currency, Invoice.state == InvoiceState.PAID)
        .order_by(Invoice.created_at, Invoice.id)
    )
    given, moved = [], Counter[int]()
    for note in notes:
        moved[note.payment.id] += note.minor
    before: defaultdict[int, list[Payment]] = defaultdict(list)
    for invoice, paid in rows:
        left = max(-invoice.total_minor, 0)
        for payment in reversed(before[invoice.subscription_id]):
            if part := min(left, max(payments.cost_minor(payment) - moved[payment.id], 0)):
                given.append(Given(payment, invoice.paid_at or invoice.created_at, part))
                moved[payment.id] += part
                left -= part
        if paid is not None:
            before[invoice.subscription_id].append(paid)
    return given


def _back_elsewhere(session: Session, payment_ids: Iterable[int]) -> Counter[int]:
    """The money of payments that went back in another way than to the balance, by payment."""
    back: Counter[int] = Counter()
    outside = case((CreditNote.taken_minor > 0, CreditNote.outside_minor), else_=0)
    for table, minor in ((Refund, Refund.taken_minor), (Dispute, Dispute.taken_minor), (CreditNote, outside)):
        of_payments = select(table.payment_id, func.sum(minor)).where(table.payment_id.in_(payment_ids))
        for payment_id, total in session.execute(of_payments.group_by(table.payment_id)):
            back[payment_id] += int(total)
    return back
