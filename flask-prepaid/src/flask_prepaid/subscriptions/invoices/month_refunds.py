"""Money of an invoice that gives month by month goes back: it is taken from the last month first.

So what was not given yet goes before what was, and before anything becomes a debt.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prepaid_ledger.tables import Entry

from ...context import Context
from ...payments.models import Payment
from ..locking import lock
from ..models import Invoice, MonthRefund, PlanMonth
from .lots import OWN, key_of, period_end


def has_months(session: Session, invoice_id: int) -> bool:
    """Whether an invoice gives month by month."""
    return (
        session.scalar(select(PlanMonth.number).where(PlanMonth.invoice_id == invoice_id).limit(1))
        is not None
    )


def take_back(
    context: Context, payment: Payment, invoice: Invoice, name: str, amount_minor: int, reason: str
) -> list[Entry]:
    """Take the months that ``amount_minor`` paid for, the last one first; what the ledger wrote for it."""
    session = context.session
    lock(session, invoice.subscription_id)
    months = _months(session, invoice.id)
    own_minor = payment.amount_minor - sum(month.amount_minor for month in months)
    prices = [*((month.number, month.amount_minor) for month in reversed(months)), (OWN, own_minor)]
    taken, left, entries = _taken_minor(session, invoice.id), amount_minor, []
    given = {month.number for month in months if month.given}
    has_own = payment.credits > sum(month.credits for month in months)
    for number, price_minor in prices:
        part = left if number == OWN else min(left, price_minor - taken.get(number, 0))
        if part > 0:
            left -= part
            refund = MonthRefund(invoice_id=invoice.id, number=number, name=name, amount_minor=part)
            session.add(refund)
            if number in given or (number == OWN and has_own):
                entries.append(claw_back(context, payment.owner, refund, reason=reason))
    _stop(session, payment, invoice.id)
    return entries


def restore(context: Context, payment: Payment, invoice: Invoice, name: str, reason: str) -> list[Entry]:
    """Undo what ``take_back`` did under this name. A month that has begun meanwhile is given by ``tick``."""
    session = context.session
    lock(session, invoice.subscription_id)
    entries = []
    for refund in session.scalars(
        select(MonthRefund).where(MonthRefund.invoice_id == invoice.id, MonthRefund.name == name)
    ).all():
        key = _claw_key(refund)
        if context.ledger.entries(payment.owner, 1, keys={key}):
            undone = context.ledger.restore(
                payment.owner,
                claw_key=key,
                key=f"undone:{key}",
                reason=reason,
                period_end=period_end(session, invoice, refund.number),
            )
            entries.append(undone)
        session.delete(refund)
    _stop(session, payment, invoice.id)
    return entries


def _months(session: Session, invoice_id: int) -> list[PlanMonth]:
    rows = select(PlanMonth).where(PlanMonth.invoice_id == invoice_id).order_by(PlanMonth.number)
    return list(session.scalars(rows.execution_options(populate_existing=True)))


def of_month(session: Session, invoice_id: int, number: int) -> list[MonthRefund]:
    """What has gone back of the money of one month."""
    same = MonthRefund.invoice_id == invoice_id, MonthRefund.number == number
    return list(session.scalars(select(MonthRefund).where(*same).order_by(MonthRefund.name)))


def _taken_minor(session: Session, invoice_id: int) -> dict[int, int]:
    """The money of each month that has gone back."""
    total = func.sum(MonthRefund.amount_minor)
    rows = session.execute(
        select(MonthRefund.number, total)
        .where(MonthRefund.invoice_id == invoice_id)
        .group_by(MonthRefund.number)
    )
    return {number: int(minor) for number, minor in rows}


def _claw_key(refund: MonthRefund) -> str:
    return refund.name if refund.number == OWN else f"{refund.name}:month:{refund.number}"


def claw_back(context: Context, owner: str, refund: MonthRefund, *, reason: str) -> Entry:
    return context.ledger.claw_back(
        owner,
        lot_key=key_of(refund.invoice_id, refund.number),
        key=_claw_key(refund),
        refunded_minor=refund.amount_minor,
        reason=reason,
    )


def _stop(session: Session, payment: Payment, invoice_id: int) -> None:
    """Stop the months whose money has all gone back, and let the others go on."""
    session.flush()
    taken = _taken_minor(session, invoice_id)
    is_all_back = 0 < payment.amount_minor <= sum(taken.values())
    for month in _months(session, invoice_id):
        if month.given_at is None:
            month.stopped = is_all_back or 0 < month.amount_minor <= taken.get(month.number, 0)
    session.flush()
