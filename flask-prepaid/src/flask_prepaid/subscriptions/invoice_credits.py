"""A plan's invoices: what each gives, by one rule, and once.

**The rule.** Credits follow the lines of a paid invoice. A whole period gives the plan's
credits; a part of one gives its share to the second, and takes it where the line gives money
back. What is left over of a credit is dropped. So an upgrade gives ``floor(difference * rest / period)``, a
preview knows it beforehand, and a change made in Stripe's dashboard gives the same. A line that
costs nothing, as in a trial, gives nothing. Of a plan that gives month by month the rule holds for each
month: the one that has begun is given now, those to come when they begin (``plan_months.py``).
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction

from sqlalchemy import select

from prepaid_ledger.database import insert
from prepaid_ledger.errors import KeyReused

from .. import signals
from ..context import Context
from ..gateway.subscription_values import InvoiceLine, StripeInvoice
from ..gateway.values import moment
from ..payments import balance_paid, customers, part_charges
from ..payments.models import Payment, PaymentState, Via
from . import plan_months
from .calendar_months import Window, windows
from .models import Invoice, InvoiceState, PlanPrice, Subscription
from .plan_months import OtherMonth

log = logging.getLogger(__name__)

#: An invoice in one of these changes no more.
FINAL = frozenset({InvoiceState.PAID, InvoiceState.VOID})


@dataclass(frozen=True)
class Worth:
    """What an invoice gives.

    ``ends`` is when its period does, in Unix seconds. ``replaces``: a new period begins, and what
    is left of the last one's credits lapses or rolls over, up to ``roll_over``. ``per_period`` is what a
    whole period gives from then on, or each month of it where it gives them month by month. ``others`` is
    what comes in months that begin after the invoice's own time, or goes in those and in times that are
    over, and ``since`` when the period, or the month, began of which it gives or takes a part.
    """

    credits: int
    ends: int
    replaces: bool
    roll_over: int
    per_period: int
    others: tuple[OtherMonth, ...] = ()
    since: int = field(default=0, compare=False)


class NotOurs(Exception):
    """An invoice bills for something whose credits are not known here."""


def worth(
    lines: Iterable[InvoiceLine],
    prices: Mapping[str, PlanPrice],
    period_at: Callable[[int, int], Window | None],
    rate_in: Callable[[Window], int],
    anchor_at: datetime | None = None,
) -> Worth:
    """What an invoice with these lines gives, by the rule above.

    :param period_at: Finds the whole period that has a moment in it and ends at another one.
    :param rate_in: What a whole period has given by the last invoice in one. Stripe gives nothing back for
        what was free, so it has no line: the rest of such a period is taken where a line takes its place
        without one that gives it back.
    :param anchor_at: On whose day of the month periods begin.
    :raises NotOurs: A line is for a plan that we don't know, or for part of a period that we don't.
    """
    roll_over, ends, per_period = 0, 0, 0
    begins: int | None = None
    taken_back_until = since = 0
    now: defaultdict[Window, Fraction] = defaultdict(Fraction)
    other: defaultdict[Window, Fraction] = defaultdict(Fraction)
    lines = sorted((line for line in lines if line.is_of_plan and line.counts), key=lambda line: line.start)
    ours = {line.item_id for line in lines if line.price_id in prices}
    given_back = {(line.start, line.end) for line in lines if line.gives_back}
    free_rates: dict[Window, int] = {}
    for line in lines:
        price = prices.get(line.price_id or "")
        if price is None and ours and line.item_id not in {None, *ours}:
            continue  # an item that the dashboard has put beside the plan
        if price is None:
            raise NotOurs(f"price {line.price_id}")
        credits = price.credits * line.quantity
        per_period = per_period if line.gives_back else credits
        whole = period_at(line.start, line.end) if line.is_part else (line.start, line.end)
        if whole is None:
            raise NotOurs(f"a part of a period until {line.end}")
        sign = Fraction(-1 if line.gives_back else 1)
        if not line.is_part:
            sign = min(Fraction(line.amount_minor, price.amount_minor * line.quantity), Fraction(1))
            begins, roll_over = line.start, price.roll_over * line.quantity
        elif (line.start, line.end) not in given_back:
            free = free_rates[whole] if whole in free_rates else rate_in(whole)
            free_rates[whole], credits = credits, credits - free
        (start, end), *rest = [
            month for month in windows(whole, price.parts, anchor_at) if month[1] > line.start
        ]
        now[start, end] += sign * credits * Fraction(end - max(start, line.start), end - start)
        for month in rest:
            other[month] += sign * credits
        ends, since = max(ends, end), min(since or start, start)
        if line.gives_back:
            taken_back_until = max(taken_back_until, line.end)
    if begins is not None:
        _take_apart(now, other, begins)
    # A period that is given up in the middle was counted to the second: its credits stay as they are.
    replaces = begins is not None and taken_back_until <= begins
    months = tuple(OtherMonth(month, int(other[month])) for month in sorted(other) if int(other[month]))
    return Worth(int(sum(now.values())), ends, replaces, roll_over, per_period, months, since)


def _take_apart(now: dict[Window, Fraction], other: dict[Window, Fraction], begins: int) -> None:
    """Take what goes of a time that is over from the credits of that time, not from those that come now."""
    for window in [window for window, credits in now.items() if window[1] <= begins and credits < 0]:
        other[window] += now.pop(window)


def whole_period(lines: Iterable[InvoiceLine]) -> Window | None:
    """The period that an invoice bills as a whole, also where a trial or a discount made it cost nothing."""
    whole = [line for line in lines if line.is_of_plan and not line.is_part]
    return (whole[-1].start, whole[-1].end) if whole else None


def periods(context: Context, subscription: Subscription) -> Callable[[int, int], Window | None]:
    """Finds periods among those that the subscription's invoices have billed."""

    def period_at(since: int, end: int) -> Window | None:
        start = context.session.scalars(
            select(Invoice.period_start).where(
                Invoice.subscription_id == subscription.id,
                Invoice.period_end == moment(end),
                Invoice.period_start <= moment(since),
            )
        ).first()
        return None if start is None else (int(start.timestamp()), end)

    return period_at


def rates(context: Context, subscription: Subscription) -> Callable[[Window], int]:
    """Finds what a whole period gives, by the last invoice in a period that is settled."""

    def rate_in(period: Window) -> int:
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
    gives_to_balance = False
    for bill in bills:
        row = _row(context, subscription, bill)
        if row.state == InvoiceState.PAID and row.credits is None:
            _settle(context, subscription, row, bill, prices)
            gives_to_balance |= bill.total_minor < 0
    if gives_to_balance:
        balance_paid.look_again(context.session, subscription.owner)


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
        of_row = periods(context, subscription), rates(context, subscription)
        due = worth(bill.lines, prices, *of_row, subscription.anchor_at)
    except NotOurs as unknown:
        log.error("invoice %s of %s gives no credits: %s is not known", bill.id, subscription.owner, unknown)
        return
    if bill.credited_minor:
        due = _credited(due, Fraction(bill.total_minor - bill.credited_minor, bill.total_minor))
    row.credits, row.per_period = 0, due.per_period
    given = row.given = _given(due)
    row.credits = given - _take_due(context, subscription, row, due)
    if given or bill.total_minor > bill.credited_minor:
        payment = _payment(context, subscription, row, bill, given)
    if given:
        _give(context, subscription, row, bill, due, payment)
        _give_once(context, subscription, row, bill, prices)


def _given(due: Worth) -> int:
    """What an invoice gives, now and later; what it takes is no part."""
    return max(due.credits, 0) + sum(month.credits for month in due.others if month.credits > 0)


def _credited(due: Worth, part: Fraction) -> Worth:
    """What is left of what it gives, where a credit note has left a ``part`` of its money."""
    others = [
        replace(month, credits=int(month.credits * part)) if month.credits > 0 else month
        for month in due.others
    ]
    left = due.credits if due.credits < 0 else int(due.credits * part)
    return replace(due, credits=left, others=tuple(month for month in others if month.credits))


def _give(
    context: Context,
    subscription: Subscription,
    row: Invoice,
    bill: StripeInvoice,
    due: Worth,
    payment: Payment,
) -> None:
    amount_minor = payment.amount_minor
    if months := [month for month in due.others if month.credits > 0]:
        own = max(due.credits, 0)
        amount_minor = plan_months.write_down(context, row, months, own, amount_minor)
        plan_months.give_begun(context, subscription.id)  # before what is over is given beside them
    if due.credits > 0:
        _give_now(context, subscription, row, bill, due, amount_minor)
        signals.after_commit(
            context.session,
            signals.credits_added,
            owner=subscription.owner,
            credits=due.credits,
            payment_id=payment.id,
        )


def _give_now(
    context: Context,
    subscription: Subscription,
    row: Invoice,
    bill: StripeInvoice,
    due: Worth,
    amount_minor: int,
) -> None:
    key = plan_months.key_of(row.id, plan_months.OWN)
    tax_minor = plan_months.tax_in(context.session, row, amount_minor)
    grace, ends, now = context.config.allowance_grace, moment(due.ends), context.clock()
    if due.replaces and ends > now and not _overtaken(context, row):
        context.ledger.allowance(
            subscription.owner,
            due.credits,
            key=key,
            period_end=ends,
            amount_minor=amount_minor,
            tax_minor=tax_minor,
            currency=bill.currency,
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
            amount_minor=amount_minor,
            tax_minor=tax_minor,
            currency=bill.currency,
        )


def _give_once(
    context: Context,
    subscription: Subscription,
    row: Invoice,
    bill: StripeInvoice,
    prices: Mapping[str, PlanPrice],
) -> None:
    """Give what a plan gives once, at its owner's first payment of a whole period that costs something.

    A trial pays nothing, the rest of a period may cost some cents, and whoever ends the plan and begins it
    anew has had them.
    """
    whole = [line for line in bill.lines if line.is_of_plan and not line.is_part and line.price_id in prices]
    if not whole or bill.total_minor <= bill.credited_minor:
        return
    line = whole[-1]
    price = prices[line.price_id or ""]
    credits, key = price.once * line.quantity, f"once:{price.plan}"
    if not credits:
        return
    if context.ledger.entries(subscription.owner, 1, keys={key}):
        return
    with suppress(KeyReused):  # by an earlier plan of the same name that was paid in this moment
        context.ledger.grant(subscription.owner, credits, key=key, reason=f"Once with {price.title}")
        row.once, row.once_key = credits, key


def _keys_before(context: Context, row: Invoice) -> set[str]:
    """The keys of all that this subscription gave until the invoice's period began."""
    assert row.period_start is not None, "what takes the last period's place is a whole one"
    return plan_months.keys_before(context.session, row.subscription_id, row.period_start)


def _overtaken(context: Context, row: Invoice) -> bool:
    """Whether a later period was paid before this one."""
    later = select(Invoice.id).where(
        Invoice.subscription_id == row.subscription_id,
        Invoice.period_start > row.period_start,
        Invoice.given > 0,
    )
    return context.session.scalar(later.limit(1)) is not None


def _take_due(context: Context, subscription: Subscription, row: Invoice, due: Worth) -> int:
    """Take what an invoice takes, of months to come, of its own and of those that are over; how many."""
    taken, of_lots = 0, Counter[str]()
    for month in due.others:
        if month.credits < 0:
            given_already = plan_months.cut(context, subscription, month)
            taken += -month.credits - given_already
            taken += _take(context, subscription, row, given_already, month.window, of_lots)
    plan_months.count_again(context, subscription)
    if due.credits < 0:
        taken += _take(context, subscription, row, -due.credits, (due.since, due.ends), of_lots)
    return taken


def _take(
    context: Context,
    subscription: Subscription,
    row: Invoice,
    credits: int,
    window: Window,
    of_lots: Counter[str],
) -> int:
    """A downgrade made at once gave money back: take the credits of the rest of the period; how many.

    Of what was given last first: an upgrade may have brought a part of them. What was given before the
    window is none of it, as Stripe gives money back also for a period that is not paid; nor is what was given
    after it, where the downgrade is heard of late.

    :param of_lots: What this invoice has taken of each lot; it is brought up to date.
    """
    lots = plan_months.given_in(context.session, subscription.id, window, but=row.id)
    taken = 0
    for number, lot in enumerate(lots, 1):
        part = min(credits - taken, lot.credits - of_lots[lot.key])
        if part > 0:
            # Windows overlap where the plan's period changed, so one lot may come up for two of them.
            is_last, key = number == len(lots), f"invoice:{row.id}:{lot.name}:{window[0]}"
            part = _take_of(context, subscription.owner, lot.key, key, part, keeps_claim=is_last)
            of_lots[lot.key] += part
            taken += part
    return taken


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


def _payment(
    context: Context, subscription: Subscription, row: Invoice, bill: StripeInvoice, credits: int
) -> Payment:
    """The paid invoice as a payment like any other: with a receipt, a history, refunds and disputes.

    One that costs something and gives no credits is a payment, too: a dearer plan may give as many.
    """
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
        taxed=bill.taxed,
        invoice_number=bill.number,
        idempotency_key=f"prepaid-{bill.id}",
        payment_intent_id=bill.intent_id,
        invoice_id=bill.id,
        receipt_url=bill.page_url,
        created_at=bill.created_at,
        paid_at=bill.paid_at,
    )
    context.session.add(payment)
    context.session.flush()
    balance_paid.note(context.session, payment, bill)
    part_charges.write_down(context.session, payment, bill.charges)
    customers.reopen(context.session, payment.owner, payment.created_at)
    row.payment_id = payment.id
    signals.after_commit(context.session, signals.payment_paid, owner=payment.owner, payment_id=payment.id)
    return payment
