"""Plans that give month by month: what a paid invoice gives later, and what becomes of it until then.

Each later month is a row beside the invoice; ``tick`` gives it when it begins, once. A smaller plan cuts it,
and a refund stops it (``month_refunds.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import ColumnElement, and_, select, text
from sqlalchemy.orm import Session

from prepaid_ledger import credits_of_refund

from ... import signals
from ...context import Context, transaction
from ...gateway.values import moment
from ...payments.models import Payment
from ..models import Invoice, PlanMonth, PlanPrice, Subscription
from ..plan_rows import lock
from . import month_refunds
from .plan_lots import OWN, key_of, keys_before
from .worth import OtherMonth


def write_down(
    context: Context,
    row: Invoice,
    months: Sequence[OtherMonth],
    own_credits: int,
    amount_minor: int,
) -> int:
    """Keep what an invoice gives later; what of its ``amount_minor`` the month pays that it gives at once.

    :param own_credits: What it gives at once.
    """
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
            taken_minor = month_refunds.taken_minor(session, row.invoice_id).get(row.number, 0)
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
    One that was withheld, since a bank had its money, lasts as long as a month of its own would have.
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
    return and_(PlanMonth.given_at.is_(None), text("NOT stopped"))


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
        if month.withheld:  # nobody could spend it in its own time
            lasts = max(lasts, now + (month.ends_at - month.starts_at) + grace)
        ledger.add_to_allowance(
            subscription.owner,
            credits,
            key=key,
            period_end=lasts if lasts > now else now + grace,
            amount_minor=amount_minor,
            tax_minor=tax_minor,
            currency=invoice.currency,
        )
    for refund in month_refunds.of_month(session, month.invoice_id, month.number):
        month_refunds.claw_back(context, subscription.owner, refund, reason="refunded")
    signals.after_commit(
        session,
        signals.credits_added,
        owner=subscription.owner,
        credits=credits,
        payment_id=invoice.payment_id,
    )
    return True


def _is_overtaken(session: Session, subscription_id: int, starts_at: datetime) -> bool:
    """Whether a later month or period was given before this one."""
    months = select(PlanMonth.number).where(
        PlanMonth.subscription_id == subscription_id, PlanMonth.given > 0, PlanMonth.starts_at > starts_at
    )
    periods = select(Invoice.id).where(
        Invoice.subscription_id == subscription_id, Invoice.given > 0, Invoice.period_start > starts_at
    )
    return any(session.scalar(later.limit(1)) is not None for later in (months, periods))
