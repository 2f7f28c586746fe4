"""What the customer's balance at Stripe has bought, where the money in it has gone back a second time.

A smaller plan and a credit note move money of a charge to the balance, and take the credits of it. The
balance pays for the next purchase. Where the charge is refunded or disputed as a whole later, that money is
gone twice, and what it has bought the second time is taken back, the first bought first. A dispute that is
won gives it again.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prepaid_ledger.database import take_turns

from ..context import Context, transaction
from ..payments.models import BalancePaid, Dispute, Payment, Refund, Via
from ..subscriptions.models import Invoice, InvoiceState, Subscription
from .models import CreditNote
from .taking_back import take_back


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
        for currency in sorted({payment.currency for payment, _ in bought}):
            left = _gone_twice(session, owner, currency)
            for payment, row in bought:
                if payment.currency == currency:
                    part = min(left, _still_bought(session, payment, row))
                    take_back(context, payment, row, f"balance:{payment.id}", part, "gone from the balance")
                    left -= part
        for payment_id, seen in changes.items():
            looked = update(BalancePaid).where(BalancePaid.payment_id == payment_id)
            session.execute(looked.values(seen=seen).execution_options(synchronize_session=False))


def _lock(session: Session, owner: str) -> None:
    """Keep every other writer off the payments, before any wallet is locked, as everybody does."""
    mine = select(BalancePaid.payment_id).join(Payment, Payment.id == BalancePaid.payment_id)
    same = Payment.id.in_(mine.where(Payment.owner == owner))
    session.execute(update(Payment).where(same).values(id=Payment.id))


def _bought(session: Session, owner: str) -> list[tuple[Payment, BalancePaid]]:
    """What the balance has paid of the owner's, the first bought first."""
    rows = session.execute(
        select(Payment, BalancePaid)
        .join(BalancePaid, BalancePaid.payment_id == Payment.id)
        .where(Payment.owner == owner)
        .order_by(Payment.id)
        .execution_options(populate_existing=True)
    )
    return [(payment, row) for payment, row in rows]


def _still_bought(session: Session, payment: Payment, row: BalancePaid) -> int:
    """How much of what the balance has paid was not given back in another way."""
    others = sum(_taken(session, table, payment.id) for table in (Refund, Dispute, CreditNote))
    return max(min(row.amount_minor, _worth(payment) - others), 0)


def _gone_twice(session: Session, owner: str, currency: str) -> int:
    """The money that went to the balance, and went back by the charge that had brought it, too."""
    given = _given_to_balance(session, owner, currency)
    gone = 0
    for payment in session.scalars(select(Payment).where(Payment.id.in_(given))):
        back = sum(_taken(session, table, payment.id) for table in (Refund, Dispute))
        gone += min(max(back + given[payment.id] - _worth(payment), 0), given[payment.id])
    return gone


def _given_to_balance(session: Session, owner: str, currency: str) -> Counter[int]:
    """What was given to the balance, by the payment that had brought it: that of the last bought first."""
    given: Counter[int] = Counter()
    notes = (
        select(CreditNote.payment_id, func.sum(CreditNote.taken_minor))
        .join(Payment, Payment.id == CreditNote.payment_id)
        .where(Payment.owner == owner, Payment.currency == currency, CreditNote.taken_minor > 0)
        .group_by(CreditNote.payment_id)
    )
    for payment_id, minor in session.execute(notes):
        given[payment_id] += int(minor)
    smaller = (
        select(Invoice)
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .where(Subscription.owner == owner, Invoice.currency == currency)
        .where(Invoice.total_minor < 0, Invoice.state == InvoiceState.PAID)
        .order_by(Invoice.created_at, Invoice.id)
    )
    for invoice in session.scalars(smaller):
        left = -invoice.total_minor
        for payment in _paid_before(session, invoice):
            part = min(left, max(_worth(payment) - given[payment.id], 0))
            given[payment.id] += part
            left -= part
    return +given


def _paid_before(session: Session, invoice: Invoice) -> list[Payment]:
    """The payments of the invoices before one of the same plan, the latest first."""
    before = (
        select(Payment)
        .join(Invoice, Invoice.payment_id == Payment.id)
        .where(
            Invoice.subscription_id == invoice.subscription_id,
            Invoice.created_at <= invoice.created_at,
            Invoice.id != invoice.id,
        )
    )
    return list(session.scalars(before.order_by(Invoice.created_at.desc(), Invoice.id.desc())))


def _taken(session: Session, table: type[Refund | Dispute | CreditNote], payment_id: int) -> int:
    """The money that all of one kind have taken back of a payment."""
    taken = select(func.sum(table.taken_minor)).where(table.payment_id == payment_id)
    return int(session.scalar(taken) or 0)


def _worth(payment: Payment) -> int:
    """What was paid for a payment's credits, by whatever."""
    return payment.amount_minor if payment.via is Via.PLAN else payment.paid_minor or 0
