"""The page that an operator opens in the morning."""

from __future__ import annotations

from datetime import timedelta

from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ...payments.models import Payment, PaymentState
from ...reports import credits, days, failures, revenue, sales
from ...reports.sales import Sales
from .. import page
from . import health
from . import page as desk

#: What stands at the top: its words, and how many days it goes back.
SPANS = (("Today", 1), ("7 days", 7), ("30 days", 30))

#: A payment that Stripe has not told the end of is worth a look after so long.
LATE = timedelta(hours=1)

#: Payments that a list shows, and the time it is about.
SHOWN = 8
LATELY = 30


def home() -> ResponseReturnValue:
    """How the shop does, and whether anything wants a hand."""
    desk.operator()
    prepaid = page.extension()
    session = prepaid.session
    month = span_of(LATELY)
    failed = select(Payment).where(
        Payment.failure.is_not(None),
        Payment.state.in_(failures.GIVEN_UP),
        Payment.created_at >= failures.midnight(month.first, prepaid.config.time_zone),
    )
    latest = session.scalars(failed.order_by(Payment.created_at.desc()).limit(SHOWN)).all()
    stuck = session.scalars(stuck_payments(session).limit(SHOWN)).all()
    lines = failures.failures(prepaid, start=month.first, end=month.last)
    return desk.render(
        "home.html",
        spans=[(words, span_of(count), sold_in(span_of(count))) for words, count in SPANS],
        owed=credits.owed(session),
        failed=latest,
        lost=failures.totals(lines),
        plans=plans_now(month),
        stuck=stuck,
        names=desk.names(payment.owner for payment in (*latest, *stuck)),
        health=health.health(),
        left_out=sales.left_out(session, span=month),
        uncopied=sales.uncopied(session),
    )


def plans_now(month: days.Span) -> list[revenue.Month]:
    """Monthly revenue now, against thirty days ago: one line per currency."""
    session = page.extension().session
    found = []
    for currency in revenue.currencies(session):
        daily = revenue.months(session, month, currency=currency, by="day")
        total = revenue.Month(month.first, currency, opening_minor=daily[0].opening_minor)
        total.closing_minor, total.customers = daily[-1].closing_minor, daily[-1].customers
        total.customers_before, total.lost = daily[0].customers_before, sum(day.lost for day in daily)
        found.append(total)
    return found


def span_of(count: int) -> days.Span:
    return days.last_days(page.extension(), count)


def sold_in(span: days.Span) -> list[tuple[str, Sales, Sales]]:
    """Sales per currency, and those of the time before."""
    session = page.extension().session
    now, before = (
        sales.totals(sales.sales(session, start=one.first, end=one.last)) for one in (span, span.before())
    )
    return [(of, now.get(of, Sales()), before.get(of, Sales())) for of in sorted(now.keys() | before.keys())]


def stuck_payments(session: Session) -> Select[Payment]:
    """What needs review, or whose end has not been known for too long; the oldest first."""
    waiting = (PaymentState.REQUESTED, PaymentState.UNKNOWN)
    late = Payment.state.in_(waiting) & (Payment.created_at < page.extension().clock() - LATE)
    return select(Payment).where(late | (Payment.state == PaymentState.NEEDS_REVIEW)).order_by(Payment.id)
