"""A plan's invoices: what each gives, by one rule, and once.

**The rule.** Credits follow the lines of a paid invoice. A whole period gives the plan's
credits; a part of one gives its share to the second, and takes it where the line gives money
back. What is left over of a credit is dropped. So an upgrade gives ``floor(difference * rest / period)``, a
preview knows it beforehand, and a change made in Stripe's dashboard gives the same. A line that
costs nothing, as in a trial, gives nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from sqlalchemy import func, select

from prepaid_ledger.database import insert

from .. import signals
from ..context import Context
from ..gateway.subscription_values import InvoiceLine, StripeInvoice, moment
from ..payments.models import Payment, PaymentState, Via
from .models import Invoice, InvoiceState, PlanPrice, Subscription

log = logging.getLogger(__name__)

#: An invoice in one of these changes no more.
FINAL = frozenset({InvoiceState.PAID, InvoiceState.VOID})

Period = tuple[int, int]


@dataclass(frozen=True)
class Worth:
    """What an invoice gives.

    ``ends`` is when its period does, in Unix seconds. ``replaces``: a new period begins, and what
    is left of the last one's credits lapses or rolls over, up to ``roll_over``. ``per_period`` is what a
    whole period gives from then on.
    """

    credits: int
    ends: int
    replaces: bool
    roll_over: int
    per_period: int


class NotOurs(Exception):
    """An invoice bills for something whose credits are not known here."""


def worth(
    lines: Iterable[InvoiceLine],
    prices: Mapping[str, PlanPrice],
    period_at: Callable[[int, int], Period | None],
    rate_in: Callable[[Period], int],
) -> Worth:
    """What an invoice with these lines gives, by the rule above.

    :param period_at: Finds the whole period that has a moment in it and ends at another one.
    :param rate_in: What a whole period has given by the last invoice in one. Stripe gives nothing back for
        what was free, so it has no line: the rest of such a period is taken for the one that takes its place.
    :raises NotOurs: A line is for a plan that we don't know, or for part of a period that we don't.
    """
    total, roll_over, ends, per_period = Fraction(0), 0, 0, 0
    begins: int | None = None
    taken_back_until = 0
    lines = [line for line in lines if line.is_of_plan and line.counts]
    ours = {line.item_id for line in lines if line.price_id in prices}
    takes_free = not any(line.gives_back for line in lines)
    for line in lines:
        price = prices.get(line.price_id or "")
        if price is None and ours and line.item_id not in {None, *ours}:
            continue  # an item that the dashboard has put beside the plan
        if price is None:
            raise NotOurs(f"price {line.price_id}")
        credits = price.credits * line.quantity
        ends = max(ends, line.end)
        per_period = per_period if line.gives_back else credits
        if not line.is_part:
            share = Fraction(line.amount_minor, price.amount_minor * line.quantity)
            total += credits * min(share, Fraction(1))
            begins, roll_over = line.start, price.roll_over * line.quantity
            continue
        whole = period_at(line.start, line.end)
        if whole is None:
            raise NotOurs(f"a part of a period until {line.end}")
        share = Fraction(line.end - line.start, whole[1] - whole[0])
        if takes_free:
            credits -= rate_in(whole)
        total += -credits * share if line.gives_back else credits * share
        if line.gives_back:
            taken_back_until = max(taken_back_until, line.end)
    # A period that is given up in the middle was counted to the second: its credits stay as they are.
    replaces = begins is not None and taken_back_until <= begins
    return Worth(int(total), ends, replaces, roll_over, per_period)


def whole_period(lines: Iterable[InvoiceLine]) -> Period | None:
    """The period that an invoice bills as a whole, also where a trial or a discount made it cost nothing."""
    whole = [line for line in lines if line.is_of_plan and not line.is_part]
    return (whole[-1].start, whole[-1].end) if whole else None


def periods(context: Context, subscription: Subscription) -> Callable[[int, int], Period | None]:
    """Finds periods among those that the subscription's invoices have billed."""

    def period_at(since: int, end: int) -> Period | None:
        start = context.session.scalars(
            select(Invoice.period_start).where(
                Invoice.subscription_id == subscription.id,
                Invoice.period_end == moment(end),
                Invoice.period_start <= moment(since),
            )
        ).first()
        return None if start is None else (int(start.timestamp()), end)

    return period_at


def rates(context: Context, subscription: Subscription) -> Callable[[Period], int]:
    """Finds what a whole period gives, by the last invoice in a period that is settled."""

    def rate_in(period: Period) -> int:
        inside = select(Invoice.per_period).where(
            Invoice.subscription_id == subscription.id,
            Invoice.created_at >= moment(period[0]),
            Invoice.created_at < moment(period[1]),
            Invoice.per_period > 0,
        )
        return context.session.scalar(inside.order_by(Invoice.created_at.desc(), Invoice.id.desc())) or 0

    return rate_in


def unsettled_since(context: Context, subscription_id: int) -> datetime | None:
    """From when on invoices may still have to be settled; ``None`` is all of them."""
    mine = select(Invoice.created_at).where(Invoice.subscription_id == subscription_id)
    waits = Invoice.state.not_in(FINAL) | ((Invoice.state == InvoiceState.PAID) & Invoice.credits.is_(None))
    waiting = context.session.scalar(mine.where(waits).order_by(Invoice.created_at))
    return waiting or context.session.scalar(mine.order_by(Invoice.created_at.desc()))


def apply(
    context: Context,
    subscription: Subscription,
    bills: Iterable[StripeInvoice],
    prices: Mapping[str, PlanPrice],
) -> None:
    """Bring the rows of these invoices to what was fetched, and settle what is paid, oldest first.

    The caller holds the subscription's row.
    """
    for bill in bills:
        row = _row(context, subscription, bill)
        if row.state == InvoiceState.PAID and row.credits is None:
            _settle(context, subscription, row, bill, prices)


def _row(context: Context, subscription: Subscription, bill: StripeInvoice) -> Invoice:
    session = context.session
    period = whole_period(bill.lines)
    values = {
        "number": bill.number,
        "state": bill.status,
        "total_minor": bill.total_minor,
        "due_minor": bill.due_minor,
        "currency": bill.currency,
        "period_start": moment(period[0]) if period else None,
        "period_end": moment(period[1]) if period else None,
        "page_url": bill.page_url,
        "pdf_url": bill.pdf_url,
        "retry_at": bill.retry_at,
        "created_at": bill.created_at,
        "paid_at": bill.paid_at,
        "fetched_at": bill.asked_at,
    }
    fresh = {"subscription_id": subscription.id, "stripe_id": bill.id, **values}
    session.execute(insert(session, Invoice).values(fresh).on_conflict_do_nothing())
    named = select(Invoice).where(Invoice.stripe_id == bill.id).execution_options(populate_existing=True)
    row = session.scalars(named).one()
    if row.fetched_at <= bill.asked_at and row.state not in FINAL:
        for name, value in values.items():
            setattr(row, name, value)
        session.flush()
    return row


def _settle(
    context: Context,
    subscription: Subscription,
    row: Invoice,
    bill: StripeInvoice,
    prices: Mapping[str, PlanPrice],
) -> None:
    """Give what a paid invoice bought, once: the row's lock is held, and its credits are not set."""
    try:
        due = worth(bill.lines, prices, periods(context, subscription), rates(context, subscription))
    except NotOurs as unknown:
        log.error("invoice %s of %s gives no credits: %s is not known", bill.id, subscription.owner, unknown)
        return
    if bill.credited_minor and due.credits > 0:
        part = Fraction(bill.total_minor - bill.credited_minor, bill.total_minor)
        due = replace(due, credits=int(due.credits * part))
    row.credits, row.per_period = due.credits, due.per_period
    if due.credits > 0:
        _give(context, subscription, row, bill, due)
    elif due.credits < 0:
        _take(context, subscription, row, -due.credits, since=_period_begins(context, subscription, bill))


def _give(
    context: Context, subscription: Subscription, row: Invoice, bill: StripeInvoice, due: Worth
) -> None:
    payment = _payment(context, subscription, bill, due.credits)
    row.payment_id = payment.id
    key = f"invoice:{row.id}"
    grace, ends, now = context.config.allowance_grace, moment(due.ends), context.clock()
    if due.replaces and ends > now and not _overtaken(context, row):
        context.ledger.allowance(
            subscription.owner,
            due.credits,
            key=key,
            period_end=ends,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            grace=grace,
            roll_over=due.roll_over,
            replacing=_keys_before(context, row),
        )
    else:
        # Beside what is there: the rest of a period, or one that was paid when it was over.
        lasts = ends if whole_period(bill.lines) is None else ends + grace
        context.ledger.add_to_allowance(
            subscription.owner,
            due.credits,
            key=key,
            period_end=max(lasts, now + grace) if lasts <= now else lasts,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
        )
    signals.after_commit(
        context.session,
        signals.credits_added,
        owner=subscription.owner,
        credits=due.credits,
        payment_id=payment.id,
    )


def _keys_before(context: Context, row: Invoice) -> set[str]:
    """The keys of all that this subscription gave until the invoice's period began.

    A period is paid an hour after it began, or on a retry: an upgrade that was paid meanwhile is of this
    period, and stays. What a subscription before this one gave stays as long as was told.
    """
    given = select(Invoice.id).where(
        Invoice.subscription_id == row.subscription_id,
        Invoice.credits > 0,
        Invoice.created_at < row.period_start,
    )
    return {f"invoice:{invoice_id}" for invoice_id in context.session.scalars(given)}


def _overtaken(context: Context, row: Invoice) -> bool:
    """Whether a later period was paid before this one."""
    later = select(Invoice.id).where(
        Invoice.subscription_id == row.subscription_id,
        Invoice.period_start > row.period_start,
        Invoice.credits > 0,
    )
    return context.session.scalar(later.limit(1)) is not None


def _period_begins(context: Context, subscription: Subscription, bill: StripeInvoice) -> datetime:
    """When the period began of which an invoice gives a part back."""
    period_at = periods(context, subscription)
    parts = [line for line in bill.lines if line.is_of_plan and line.is_part]
    return moment(min(whole[0] for line in parts if (whole := period_at(line.start, line.end))))


def _take(
    context: Context, subscription: Subscription, row: Invoice, credits: int, *, since: datetime
) -> None:
    """A downgrade made at once gave money back: take the credits of the rest of the period.

    Of what was given last first: an upgrade may have brought a part of them. What was given before the
    period began, at ``since``, is none of it: Stripe gives money back also for a period that is not paid.
    """
    given = select(Invoice.id, func.coalesce(Invoice.credits, 0)).where(
        Invoice.subscription_id == subscription.id,
        Invoice.credits > 0,
        Invoice.id != row.id,
        (Invoice.created_at >= since) | (Invoice.period_start >= since),
    )
    given = given.order_by(Invoice.created_at.desc(), Invoice.id.desc())
    invoices = context.session.execute(given).all()
    taken = 0
    for number, (invoice_id, there) in enumerate(invoices, 1):
        lot_key, key = f"invoice:{invoice_id}", f"invoice:{row.id}:{invoice_id}"
        part = min(credits - taken, there)
        if part:
            is_last = number == len(invoices)
            taken += _take_of(context, subscription.owner, lot_key, key, part, keeps_claim=is_last)
    row.credits = -taken


def _take_of(context: Context, owner: str, lot_key: str, key: str, credits: int, *, keeps_claim: bool) -> int:
    """Take up to ``credits`` of what an invoice gave; how many there were to take.

    :param keeps_claim: Whether what was refunded already is taken later, if that refund fails. If not, the
        credits of another invoice make up for it.
    """
    why = "The plan was made smaller"
    entry = context.ledger.claw_back(owner, lot_key=lot_key, key=key, credits=credits, reason=why)
    taken = entry.debt - entry.credits
    if taken < credits and not keeps_claim:
        context.ledger.restore(owner, claw_key=key, key=f"{key}:undone", reason=why)
        if taken:
            context.ledger.claw_back(owner, lot_key=lot_key, key=f"{key}:rest", credits=taken, reason=why)
    return taken


def _payment(context: Context, subscription: Subscription, bill: StripeInvoice, credits: int) -> Payment:
    """The paid invoice as a payment like any other: with a history, refunds and disputes."""
    price = context.session.get_one(PlanPrice, subscription.price_id)
    payment = Payment(
        owner=subscription.owner,
        via=Via.PLAN,
        state=PaymentState.PAID,
        title=price.title,
        credits=credits,
        amount_minor=max(bill.total_minor - bill.credited_minor, 0),
        currency=bill.currency,
        paid_minor=bill.paid_minor,
        charged_minor=bill.charged_minor,
        discount_minor=bill.discount_minor,
        tax_minor=bill.tax_minor,
        idempotency_key=f"prepaid-{bill.id}",
        payment_intent_id=bill.intent_id,
        invoice_id=bill.id,
        receipt_url=bill.page_url,
        created_at=bill.created_at,
        paid_at=bill.paid_at,
    )
    context.session.add(payment)
    context.session.flush()
    return payment
