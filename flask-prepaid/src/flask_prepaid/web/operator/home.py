"""The page that an operator opens in the morning."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from flask.typing import ResponseReturnValue
from sqlalchemy import Select, func, select

from ...payments import shown_states
from ...payments.models import Payment
from ...payments.outcome import transitions, wrong_charges
from ...purchases.money_back.disputes import disputes, fraud_warnings
from ...reports import credits, days, failures, plan_revenue, sales
from ...reports.days import Span
from ...reports.sales import Sales
from ...reports.selection import Selection
from ...reports.uncounted_failures import GIVEN_UP
from . import health, page
from .customers import dunning
from .reports import sales as sales_page
from .reports.plans import LATELY

#: What stands at the top: its words, and how many days it goes back.
SPANS = (("Today", 1), ("7 days", 7), ("30 days", 30))

#: A payment that Stripe has not told the end of is worth a look after so long.
LATE = timedelta(hours=1)

#: Payments that a list shows; it goes back by ``LATELY`` days.
SHOWN = 8


def home() -> ResponseReturnValue:
    """How the shop does, and whether anything wants a hand."""
    page.operator()
    context = page.context()
    session = context.session
    month = last_days(LATELY)
    failed = session.scalars(failed_payments(month).limit(SHOWN)).all()
    stuck = session.scalars(stuck_payments().limit(SHOWN)).all()
    warned = fraud_warnings.payments_to_answer(session, SHOWN)
    disputed = disputes.to_answer(session, context.clock())
    listed = (*failed, *stuck, *warned, *(payment for _, payment in disputed))
    return page.render(
        "home.html",
        spans=[(words, *span_of(last_days(count))) for words, count in SPANS],
        owed=credits.owed(session),
        failed=failed,
        failures=failures.totals(failures.failures(context, month)),
        plans=plans_now(month),
        stuck=stuck,
        stuck_count=count_of(stuck_payments()),
        states=shown_states.of_each(session, listed),
        labels=page.labels(payment.owner for payment in listed),
        health=health.health(),
        warned=warned,
        warned_count=sum(
            (
                fraud_warnings.count(session),
                fraud_warnings.count(session, tried=True),
                fraud_warnings.count_without_credits(session),
            )
        ),
        disputed=disputed,
        disputed_count=disputes.count_to_answer(session, context.clock()),
        left_out=sales.left_out(session, month.span),
        owing=dunning.totals(),
        tables=sales_page.tables(month),
        uncopied=sales.uncopied(session),
    )


def last_days(count: int) -> Selection:
    span = days.last_days(page.context(), count)
    return Selection(span.first, span.last)


def span_of(time: Selection) -> tuple[Span, list[tuple[str, Sales, Sales, int]], dict[str, int]]:
    """The days, what was sold in them, and what was paid in them that is not copied from Stripe yet."""
    context = page.context()
    begin = days.midnight(time.span.first, context.config.time_zone)
    return time.span, sold_in(time), sales.uncopied(context.session, since=begin)


def plans_now(month: Selection) -> list[plan_revenue.Month]:
    """Monthly revenue now, against thirty days ago: one line per currency."""
    session = page.context().session
    lines = []
    for currency in plan_revenue.currencies(session):
        daily = plan_revenue.months(session, month, currency=currency)
        line = plan_revenue.Month(month.span.first, currency, opening_minor=daily[0].opening_minor)
        line.closing_minor, line.customers = daily[-1].closing_minor, daily[-1].customers
        line.customers_before, line.lost = daily[0].customers_before, sum(day.lost for day in daily)
        lines.append(line)
    return lines


def sold_in(selection: Selection) -> list[tuple[str, Sales, Sales, int]]:
    """Sales per currency, those of the time before, and of how many payments both are made at least."""
    session = page.context().session
    now, before = (sales.totals(sales.sales(session, time)) for time in (selection, selection.before()))
    counts = sales_page.fewest(selection)
    return [
        (
            currency,
            now.get(currency, Sales()),
            before.get(currency, Sales()),
            counts.get(currency, Counter())["net_minor"],
        )
        for currency in sorted(now.keys() | before.keys())
    ]


def failed_payments(month: Selection) -> Select[Payment]:
    """The payments of a month that failed and that nobody will pay any more, the latest first."""
    since = days.midnight(month.span.first, page.context().config.time_zone)
    failed = select(Payment).where(
        Payment.failure.is_not(None),
        Payment.state.in_(GIVEN_UP),
        Payment.created_at >= since,
    )
    return failed.order_by(Payment.created_at.desc())


def stuck_payments() -> Select[Payment]:
    """What needs a review, or whose end has not been known for too long; the oldest first."""
    late = Payment.state.in_(transitions.UNRESOLVED) & (Payment.created_at < page.context().clock() - LATE)
    return select(Payment).where(late | wrong_charges.waits()).order_by(Payment.id)


def count_of(payments: Select[Payment]) -> int:
    """How many there are, of which a list shows the first."""
    counted = select(func.count()).select_from(payments.order_by(None).subquery())
    return page.context().session.scalar(counted) or 0
