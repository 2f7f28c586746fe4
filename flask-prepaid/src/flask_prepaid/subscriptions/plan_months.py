"""Plans that give month by month: what a paid invoice gives later, and what becomes of it until then.

Each later month is a row beside the invoice; ``tick`` gives it when it begins, once. A smaller plan cuts it,
and a refund stops it: money that goes back is taken from the last month first, so what was not given yet
goes before what was, and before anything becomes a debt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count, groupby

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from prepaid_ledger import credits_of_refund
from prepaid_ledger.tables import Entry

from .. import signals
from ..context import Context, transaction
from ..gateway.values import moment
from ..payments.models import Payment
from .calendar_months import Window
from .locking import lock
from .models import Invoice, MonthRefund, PlanMonth, PlanPrice, Subscription

#: An invoice's own month, whose credits it gives by itself.
OWN = 1

#: Follows the name of a refund whose money has moved to a month of which it had taken some before.
MOVED = ":moved:"


@dataclass(frozen=True)
class OtherMonth:
    """Credits that an invoice gives in a later month than its own.

    Where they are negative, it takes them from a later month, or from one that is over.
    """

    window: Window
    credits: int


@dataclass(frozen=True)
class Lot:
    """Credits that a subscription gave: in which of an invoice's months, and how many."""

    invoice_id: int
    number: int
    credits: int

    @property
    def key(self) -> str:
        return key_of(self.invoice_id, self.number)

    @property
    def name(self) -> str:
        """Tells it apart in the keys of what is taken of it."""
        return str(self.invoice_id) if self.number == OWN else f"{self.invoice_id}:month:{self.number}"


def key_of(invoice_id: int, number: int) -> str:
    """The key under which a month's credits come in."""
    return f"invoice:{invoice_id}" if number == OWN else f"invoice:{invoice_id}:month:{number}"


def write_down(
    context: Context,
    row: Invoice,
    months: Iterable[OtherMonth],
    own_credits: int,
    amount_minor: int,
) -> int:
    """Keep what an invoice gives later; what of its ``amount_minor`` the month pays that it gives at once.

    :param own_credits: What it gives at once.
    """
    months = list(months)
    total = own_credits + sum(month.credits for month in months)
    before = own_credits
    for number, month in enumerate(months, OWN + 1):
        begun, before = amount_minor * before // total, before + month.credits
        context.session.add(
            PlanMonth(
                invoice_id=row.id,
                number=number,
                subscription_id=row.subscription_id,
                starts_at=moment(month.window[0]),
                ends_at=moment(month.window[1]),
                credits=month.credits,
                amount_minor=amount_minor * before // total - begun,
            )
        )
    context.session.flush()
    return amount_minor * own_credits // total


def tax_in(session: Session, invoice: Invoice, amount_minor: int) -> int:
    """What of a part of a paid invoice's money is tax. An invoice may give more tax back than it takes: 0."""
    payment = session.get_one(Payment, invoice.payment_id)
    whole = max(invoice.total_minor, amount_minor)
    if amount_minor <= 0:
        return 0
    return max(0, min(payment.tax_minor * amount_minor // whole, amount_minor))


def cut(context: Context, subscription: Subscription, month: OtherMonth) -> int:
    """Take credits out of a month that has not come, the last bought first; how many it did not have.

    Where more than one invoice gives it, those that were refunded can't be taken once more.
    """
    session, wanted = context.session, -month.credits
    of_month = select(PlanMonth).where(
        PlanMonth.subscription_id == subscription.id,
        PlanMonth.starts_at == moment(month.window[0]),
        PlanMonth.given_at.is_(None),
    )
    rows = list(session.scalars(of_month.order_by(PlanMonth.invoice_id.desc())))
    for row in rows:
        there = row.credits - row.cut
        if row is not rows[-1]:
            taken_minor = _taken_minor(session, row.invoice_id).get(row.number, 0)
            there -= credits_of_refund(there, row.left_minor, taken_minor)
        part = min(wanted, there)
        row.cut += part
        wanted -= part
    session.flush()
    return wanted


def due(context: Context, *, limit: int = 500) -> list[int]:
    """The subscriptions of which a month has begun that was not given yet."""
    begun = select(PlanMonth.subscription_id).where(_waits(), PlanMonth.starts_at <= context.clock())
    return list(context.session.scalars(begun.distinct().order_by(PlanMonth.subscription_id).limit(limit)))


def give(context: Context, subscription_id: int) -> None:
    """Give the months of a subscription that have begun. Commits. A repeat does nothing."""
    with transaction(context):
        give_begun(context, subscription_id)


def give_begun(context: Context, subscription_id: int) -> None:
    """Give the months of a subscription that have begun, the latest first.

    The latest takes the place of what was there before; the others come late, and last the grace at least.
    What is left moves up as far as the terms allow that the plan has now.
    """
    session, now = context.session, context.clock()
    subscription = lock(session, subscription_id)
    begun = (
        select(PlanMonth)
        .where(PlanMonth.subscription_id == subscription_id, _waits(), PlanMonth.starts_at <= now)
        .order_by(PlanMonth.starts_at.desc(), PlanMonth.invoice_id)
        .execution_options(populate_existing=True)
    )
    rows = list(session.scalars(begun))
    roll_over = session.get_one(PlanPrice, subscription.price_id).roll_over * subscription.quantity
    for starts_at, of_month in groupby(rows, lambda row: row.starts_at):
        months = list(of_month)
        replaces = months[0].ends_at > now and not _is_overtaken(session, subscription_id, starts_at)
        for month in months:
            came = _give(context, subscription, month, roll_over, replaces=replaces)
            replaces = replaces and not came


def _waits() -> ColumnElement[bool]:
    """That a month was not given yet, and is to come."""
    return and_(PlanMonth.given_at.is_(None), PlanMonth.stopped.is_(False))


def _give(
    context: Context, subscription: Subscription, month: PlanMonth, roll_over: int, *, replaces: bool
) -> bool:
    """Give what is left of a month; whether anything came.

    A refund that has taken a part of its money takes that part of its credits at once, under the refund's own
    key, so that it comes again where the refund fails.
    """
    session, ledger, now = context.session, context.ledger, context.clock()
    credits = month.credits - month.cut
    month.given, month.given_at = credits, now
    session.flush()
    if not credits:
        return False
    grace, key = context.config.allowance_grace, key_of(month.invoice_id, month.number)
    invoice = session.get_one(Invoice, month.invoice_id)
    amount_minor = month.left_minor
    tax_minor = tax_in(session, invoice, amount_minor)
    if replaces:
        ledger.allowance(
            subscription.owner,
            credits,
            key=key,
            period_end=month.ends_at,
            grace=grace,
            roll_over=roll_over,
            replacing=keys_before(session, subscription.id, month.starts_at),
            amount_minor=amount_minor,
            tax_minor=tax_minor,
            currency=invoice.currency,
        )
    else:
        lasts = month.ends_at + grace
        ledger.add_to_allowance(
            subscription.owner,
            credits,
            key=key,
            period_end=lasts if lasts > now else now + grace,
            amount_minor=amount_minor,
            tax_minor=tax_minor,
            currency=invoice.currency,
        )
    for refund in _refunds(session, month.invoice_id, month.number):
        _claw_back(context, subscription.owner, refund, reason="refunded")
    signals.after_commit(
        session,
        signals.credits_added,
        owner=subscription.owner,
        credits=credits,
        payment_id=invoice.payment_id,
    )
    return True


def keys_before(session: Session, subscription_id: int, at: datetime) -> set[str]:
    """The keys of all that a subscription gave for the time before ``at``.

    A period is paid an hour after it began, or on a retry: an upgrade that was paid meanwhile is of this
    period, and stays. What a subscription before this one gave stays as long as was told.
    """
    given = select(Invoice.id).where(
        Invoice.subscription_id == subscription_id, Invoice.given > 0, Invoice.created_at < at
    )
    months = select(PlanMonth.invoice_id, PlanMonth.number).where(
        PlanMonth.subscription_id == subscription_id, PlanMonth.given > 0, PlanMonth.starts_at < at
    )
    own = {key_of(invoice_id, OWN) for invoice_id in session.scalars(given)}
    return own | {key_of(invoice_id, number) for invoice_id, number in session.execute(months)}


def period_end(session: Session, invoice: Invoice, number: int = OWN) -> datetime | None:
    """When the time is over that an invoice's credits are for, or those of one of its months."""
    if number != OWN:
        return session.get_one(PlanMonth, (invoice.id, number)).ends_at
    next_one = select(func.min(PlanMonth.starts_at)).where(PlanMonth.invoice_id == invoice.id)
    return session.scalar(next_one) or invoice.period_end


def ends_by_lot(session: Session, invoices: Sequence[Invoice]) -> dict[str, datetime | None]:
    """When the time is over that each lot of these invoices is for, by the lot's key. A grace follows."""
    ends = {key_of(invoice.id, OWN): invoice.period_end for invoice in invoices}
    of_them = PlanMonth.invoice_id.in_([invoice.id for invoice in invoices])
    for month in session.scalars(select(PlanMonth).where(of_them).order_by(PlanMonth.number.desc())):
        ends[key_of(month.invoice_id, OWN)] = month.starts_at  # in the end, that of the second month
        ends[key_of(month.invoice_id, month.number)] = month.ends_at
    return ends


def _is_overtaken(session: Session, subscription_id: int, starts_at: datetime) -> bool:
    """Whether a later month or period was given before this one."""
    months = select(PlanMonth.number).where(
        PlanMonth.subscription_id == subscription_id, PlanMonth.given > 0, PlanMonth.starts_at > starts_at
    )
    periods = select(Invoice.id).where(
        Invoice.subscription_id == subscription_id, Invoice.given > 0, Invoice.period_start > starts_at
    )
    return any(session.scalar(later.limit(1)) is not None for later in (months, periods))


def given_in(session: Session, subscription_id: int, window: Window, *, but: int) -> list[Lot]:
    """What a subscription gave for that time, the last first, without what the invoice ``but`` gave."""
    since, until = moment(window[0]), moment(window[1])
    of_months = (
        select(func.coalesce(func.sum(PlanMonth.credits), 0))
        .where(PlanMonth.invoice_id == Invoice.id)
        .scalar_subquery()
    )
    own = select(Invoice.created_at, Invoice.period_start, Invoice.id, Invoice.given - of_months).where(
        Invoice.subscription_id == subscription_id,
        Invoice.given > of_months,
        Invoice.id != but,
        (Invoice.created_at >= since) | (Invoice.period_start >= since),
    )
    months = select(PlanMonth).where(
        PlanMonth.subscription_id == subscription_id,
        PlanMonth.given > 0,
        PlanMonth.starts_at >= since,
        PlanMonth.invoice_id != but,
    )
    dated = [
        (max(at, start or at), Lot(invoice_id, OWN, int(credits)))
        for at, start, invoice_id, credits in session.execute(own)
    ]
    dated += [
        (month.starts_at, Lot(month.invoice_id, month.number, month.given or 0))
        for month in session.scalars(months)
    ]
    dated.sort(key=lambda each: (each[0], each[1].invoice_id), reverse=True)
    return [lot for at, lot in dated if at < until]


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
    lock(context.session, invoice.subscription_id)
    return _count_back(context, payment, invoice, name, amount_minor, reason)


def _count_back(
    context: Context, payment: Payment, invoice: Invoice, name: str, amount_minor: int, reason: str
) -> list[Entry]:
    """Count money that went back to the months that it paid for, and take the credits of those that came."""
    session, entries = context.session, []
    months, left = _months(session, invoice.id), amount_minor
    came = {month.number for month in months if month.given}
    if payment.credits > sum(month.credits for month in months):
        came.add(OWN)
    taken = _taken_minor(session, invoice.id)
    prices = {month.number: month.left_minor - taken.get(month.number, 0) for month in reversed(months)}
    for number, price_minor in {**prices, OWN: left}.items():
        part = min(left, price_minor)
        if part > 0:
            left -= part
            free = _free_name(session, invoice.id, number, name)
            refund = MonthRefund(invoice_id=invoice.id, number=number, name=free, amount_minor=part)
            session.add(refund)
            if number in came:
                entries.append(_claw_back(context, payment.owner, refund, reason=reason))
    _stop(session, payment, invoice.id)
    return entries


def _free_name(session: Session, invoice_id: int, number: int, name: str) -> str:
    """The name of a refund, or one made of it where more of its money comes to a month later."""
    known = {refund.name for refund in _refunds(session, invoice_id, number)}
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
        for name, minor in _take_out(session, invoice_id).items():
            payment = session.get_one(Payment, invoice.payment_id)
            _count_back(context, payment, invoice, name, minor, "refunded")


def _take_out(session: Session, invoice_id: int) -> Counter[str]:
    """Take out of the months to come what went back of them beyond their price; how much, by the refund."""
    taken, out = _taken_minor(session, invoice_id), Counter[str]()
    for month in _months(session, invoice_id):
        beyond = taken.get(month.number, 0) - month.left_minor if month.given_at is None else 0
        for refund in _refunds(session, invoice_id, month.number) if beyond > 0 else ():
            part = min(beyond, refund.amount_minor)
            refund.amount_minor -= part
            beyond -= part
            out[refund.name.partition(MOVED)[0]] += part
            if not refund.amount_minor:
                session.delete(refund)
    session.flush()
    return out


def restore(context: Context, payment: Payment, invoice: Invoice, name: str, reason: str) -> list[Entry]:
    """Undo what ``take_back`` did under this name. A month that has begun meanwhile is given by ``tick``."""
    session = context.session
    lock(session, invoice.subscription_id)
    entries = []
    moved = MonthRefund.name.startswith(f"{name}{MOVED}", autoescape=True)
    mine = MonthRefund.invoice_id == invoice.id, (MonthRefund.name == name) | moved
    for refund in session.scalars(select(MonthRefund).where(*mine)).all():
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


def _refunds(session: Session, invoice_id: int, number: int) -> list[MonthRefund]:
    of_month = MonthRefund.invoice_id == invoice_id, MonthRefund.number == number
    return list(session.scalars(select(MonthRefund).where(*of_month).order_by(MonthRefund.name)))


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


def _claw_back(context: Context, owner: str, refund: MonthRefund, *, reason: str) -> Entry:
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
            month.stopped = is_all_back or 0 < month.left_minor <= taken.get(month.number, 0)
    session.flush()
