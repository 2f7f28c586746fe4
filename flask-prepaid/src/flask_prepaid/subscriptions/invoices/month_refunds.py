"""Money of an invoice that gives month by month goes back: it is taken from the last month first.

So what was not given yet goes before what was, and before anything becomes a debt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count
from typing import cast

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from prepaid_ledger.tables import Entry

from ...context import Context
from ...payments.models import Payment
from ..models import Invoice, MonthRefund, PlanMonth, Subscription
from ..plan_rows import lock
from .plan_lots import OWN, key_of, period_end


@dataclass(frozen=True)
class MonthMeasure:
    """What goes back of months: their money, or their credits where money of an earlier invoice paid them.

    ``attribute`` is where a ``MonthRefund`` has it, ``of_month`` is how much a month has of it.
    """

    attribute: str
    of_month: Callable[[PlanMonth], int]

    @property
    def column(self) -> InstrumentedAttribute[int]:
        return cast(InstrumentedAttribute[int], getattr(MonthRefund, self.attribute))

    def of_refund(self, refund: MonthRefund) -> int:
        return cast(int, getattr(refund, self.attribute))

    def put(self, refund: MonthRefund, number: int) -> None:
        setattr(refund, self.attribute, number)


MONEY = MonthMeasure("amount_minor", lambda month: month.left_minor)
CREDITS = MonthMeasure("credits", lambda month: month.left_credits)

#: Follows the name of a refund whose money has moved to a month of which it had taken some before.
MOVED = ":moved:"


def has_months(session: Session, invoice_id: int) -> bool:
    """Whether an invoice gives month by month."""
    return (
        session.scalar(select(PlanMonth.number).where(PlanMonth.invoice_id == invoice_id).limit(1))
        is not None
    )


def take_back(
    context: Context,
    payment: Payment,
    invoice: Invoice,
    name: str,
    amount_minor: int,
    reason: str,
    *,
    credits: int = 0,
) -> list[Entry]:
    """Take the months that ``amount_minor`` paid for, the last one first; what the ledger wrote for it.

    :param credits: In place of the money, so many credits.
    """
    lock(context.session, invoice.subscription_id)
    if credits:
        return _count_back(context, payment, invoice, name, credits, reason, CREDITS)
    return _count_back(context, payment, invoice, name, amount_minor, reason, MONEY)


def _count_back(
    context: Context,
    payment: Payment,
    invoice: Invoice,
    name: str,
    left: int,
    reason: str,
    what: MonthMeasure,
) -> list[Entry]:
    """Count what went back to the months that it is of, and take the credits of those that came.

    :param left: So much went back, of money or of credits.
    """
    session, entries = context.session, []
    months = _months(session, invoice.id)
    came = {month.number for month in months if month.given}
    if payment.credits > sum(month.credits for month in months):
        came.add(OWN)
    taken = _taken(session, invoice.id, what)
    rooms = {month.number: what.of_month(month) - taken.get(month.number, 0) for month in reversed(months)}
    for number, room in {**rooms, OWN: left}.items():
        part = min(left, room)
        if part > 0:
            left -= part
            free = _free_name(session, invoice.id, number, name)
            refund = MonthRefund(invoice_id=invoice.id, number=number, name=free, amount_minor=0, credits=0)
            what.put(refund, part)
            session.add(refund)
            if number in came:
                entries.append(claw_back(context, payment.owner, refund, reason=reason))
    _stop(context, payment, invoice.id)
    return entries


def _free_name(session: Session, invoice_id: int, number: int, name: str) -> str:
    """The name of a refund, or one made of it where more of its money comes to a month later."""
    known = {refund.name for refund in of_month(session, invoice_id, number)}
    names = chain([name], (f"{name}{MOVED}{times}" for times in count(1)))
    return next(each for each in names if each not in known)


def count_again(context: Context, subscription: Subscription) -> None:
    """Count anew what went back of months that were cut since: less can be theirs, so the rest is of others.

    The caller holds the subscription's row.
    """
    session = context.session
    cut = PlanMonth.subscription_id == subscription.id, PlanMonth.cut > 0, PlanMonth.given_at.is_(None)
    for invoice_id in session.scalars(select(PlanMonth.invoice_id).where(*cut).distinct()).all():
        invoice = session.get_one(Invoice, invoice_id)
        for what in (MONEY, CREDITS):
            for name, part in _take_out(session, invoice_id, what).items():
                payment = session.get_one(Payment, invoice.payment_id)
                _count_back(context, payment, invoice, name, part, "refunded", what)


def _take_out(session: Session, invoice_id: int, what: MonthMeasure) -> Counter[str]:
    """Take out of the months to come what went back beyond what they have; how much, by the refund."""
    taken, out = _taken(session, invoice_id, what), Counter[str]()
    for month in _months(session, invoice_id):
        beyond = taken.get(month.number, 0) - what.of_month(month) if month.given_at is None else 0
        for refund in of_month(session, invoice_id, month.number) if beyond > 0 else ():
            part = min(beyond, what.of_refund(refund))
            what.put(refund, what.of_refund(refund) - part)
            beyond -= part
            if part:
                out[refund.name.partition(MOVED)[0]] += part
            if not (refund.amount_minor or refund.credits):
                session.delete(refund)
    session.flush()
    return out


def restore(context: Context, payment: Payment, invoice: Invoice, name: str, reason: str) -> list[Entry]:
    """Undo what ``take_back`` did under this name. A month that has begun meanwhile is given by ``tick``."""
    session = context.session
    lock(session, invoice.subscription_id)
    entries = []
    for refund in _named(session, invoice.id, name):
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
    _stop(context, payment, invoice.id)
    return entries


def later_keys(session: Session, invoice_id: int, name: str) -> set[str]:
    """By which names ``take_back`` has taken, or stopped, the later months of an invoice, under this name."""
    return {_claw_key(refund) for refund in _named(session, invoice_id, name) if refund.number != OWN}


def _named(session: Session, invoice_id: int, name: str) -> list[MonthRefund]:
    """What ``take_back`` has counted to months under this name."""
    moved = MonthRefund.name.startswith(f"{name}{MOVED}", autoescape=True)
    mine = MonthRefund.invoice_id == invoice_id, (MonthRefund.name == name) | moved
    return list(session.scalars(select(MonthRefund).where(*mine)))


def _months(session: Session, invoice_id: int) -> list[PlanMonth]:
    rows = select(PlanMonth).where(PlanMonth.invoice_id == invoice_id).order_by(PlanMonth.number)
    return list(session.scalars(rows.execution_options(populate_existing=True)))


def of_month(session: Session, invoice_id: int, number: int) -> list[MonthRefund]:
    """What has gone back of the money of one month."""
    same = MonthRefund.invoice_id == invoice_id, MonthRefund.number == number
    return list(session.scalars(select(MonthRefund).where(*same).order_by(MonthRefund.name)))


def taken_minor(session: Session, invoice_id: int) -> dict[int, int]:
    """The money of each month that has gone back."""
    return _taken(session, invoice_id, MONEY)


def _taken(session: Session, invoice_id: int, what: MonthMeasure) -> dict[int, int]:
    """What of each month has gone back."""
    rows = session.execute(
        select(MonthRefund.number, func.sum(what.column))
        .where(MonthRefund.invoice_id == invoice_id)
        .group_by(MonthRefund.number)
    )
    return {number: int(total) for number, total in rows}


def _claw_key(refund: MonthRefund) -> str:
    return refund.name if refund.number == OWN else f"{refund.name}:month:{refund.number}"


def claw_back(context: Context, owner: str, refund: MonthRefund, *, reason: str) -> Entry:
    return context.ledger.claw_back(
        owner,
        lot_key=key_of(refund.invoice_id, refund.number),
        key=_claw_key(refund),
        refunded_minor=None if refund.credits else refund.amount_minor,
        credits=refund.credits or None,
        reason=reason,
    )


def _stop(context: Context, payment: Payment, invoice_id: int) -> None:
    """Stop the months of which all has gone back, and let the others go on."""
    session, now = context.session, context.clock()
    session.flush()
    taken, credits = taken_minor(session, invoice_id), _taken(session, invoice_id, CREDITS)
    is_all_back = 0 < payment.amount_minor <= sum(taken.values())
    for month in _months(session, invoice_id):
        if month.given_at is None:
            was_stopped = month.stopped
            is_paid_back = 0 < month.left_minor <= taken.get(month.number, 0)
            is_taken = 0 < month.left_credits <= credits.get(month.number, 0)
            month.stopped = is_all_back or is_paid_back or is_taken
            month.withheld |= was_stopped and not month.stopped and month.starts_at <= now
    session.flush()
