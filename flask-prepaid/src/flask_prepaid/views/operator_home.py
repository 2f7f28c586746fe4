"""The page that an operator opens in the morning, and what keeps the books in step with Stripe."""

from __future__ import annotations

from datetime import timedelta

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from .. import clock, reconcile, webhooks
from ..errors import PrepaidError
from ..models import InboxEvent, Payment, PaymentState
from ..operators import Right
from ..reports import copying, credits, days, sales
from ..reports.models import Copying
from ..reports.sales import Sales
from . import buying, desk, page

#: What stands at the top: its words, and how many days it goes back.
SPANS = (("Today", 1), ("7 days", 7), ("30 days", 30))

#: A payment that Stripe has not told the end of is worth a look after so long.
LATE = timedelta(hours=1)

#: How far back a look at Stripe goes from the page; the command goes back to the beginning.
LOOK_BACK = timedelta(days=30)

#: Lines that a list shows.
SHOWN = 50


def home() -> ResponseReturnValue:
    """How the shop does, and whether anything wants a hand."""
    desk.operator()
    prepaid = page.extension()
    session = prepaid.session
    failed = select(Payment).where(
        Payment.state == PaymentState.FAILED, Payment.created_at > prepaid.clock() - timedelta(days=30)
    )
    latest = session.scalars(failed.order_by(Payment.created_at.desc()).limit(8)).all()
    stuck = session.scalars(stuck_payments(session).limit(8)).all()
    return desk.render(
        "home.html",
        spans=[(words, span_of(count), sold_in(span_of(count))) for words, count in SPANS],
        owed=credits.owed(session),
        failed=latest,
        failed_count=session.scalar(select(func.count()).select_from(failed.subquery())),
        recovered=recovered(session),
        stuck=stuck,
        names=desk.names(payment.owner for payment in (*latest, *stuck)),
        unhandled=session.scalar(unhandled_count()),
        copying=session.get(Copying, 1),
        age=lambda moment: desk.age(moment, clock.wall()),
        left_out=sales.left_out(session, span=span_of(30)),
    )


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
    """What is set aside, or whose end has not been known for too long; the oldest first."""
    waiting = (PaymentState.REQUESTED, PaymentState.UNKNOWN)
    late = Payment.state.in_(waiting) & (Payment.created_at < page.extension().clock() - LATE)
    return select(Payment).where(late | (Payment.state == PaymentState.SET_ASIDE)).order_by(Payment.id)


def recovered(session: Session) -> int:
    """How many customers whose payment failed in the last 30 days have paid since."""
    paid = aliased(Payment)
    since = page.extension().clock() - timedelta(days=30)
    came_back = exists().where(
        paid.owner == Payment.owner, paid.id > Payment.id, paid.state == PaymentState.PAID
    )
    failed = select(func.count(Payment.owner.distinct())).where(
        Payment.state == PaymentState.FAILED, Payment.created_at > since, came_back
    )
    return session.scalar(failed) or 0


def unhandled_count() -> Select[int]:
    return select(func.count()).select_from(InboxEvent).where(InboxEvent.handled_at.is_(None))


def inbox() -> ResponseReturnValue:
    """What Stripe has told us, what came of it, and a button that runs it again."""
    desk.operator()
    session = page.extension().session
    only_failed = request.args.get("show") != "all"
    wanted = select(InboxEvent).order_by(InboxEvent.received_at.desc())
    if only_failed:
        wanted = wanted.where(InboxEvent.handled_at.is_(None))
    return desk.render(
        "inbox.html",
        events=session.scalars(wanted.limit(SHOWN)).all(),
        only_failed=only_failed,
        unhandled=session.scalar(unhandled_count()),
        age=lambda moment: desk.age(moment, clock.wall()),
    )


def replay() -> ResponseReturnValue:
    """Run one event of the inbox again, by the same functions as when it came."""
    who = desk.operator(Right.REPLAY)
    prepaid = page.extension()
    event_id = request.form.get("event", "")
    known = event_id.isprintable() and len(event_id) <= 255
    if not known or prepaid.session.get(InboxEvent, event_id) is None:
        flash("There is no such event in the inbox.", "warning")
    else:
        desk.record(who, Right.REPLAY, owner=None, reason="", event=event_id)
        prepaid.session.commit()
        if webhooks.replay(prepaid, event_id):
            flash(f"{event_id} is handled.", "success")
        else:
            flash(f"{event_id} failed again. Its reason stands beside it.", "warning")
    return redirect(url_for("prepaid.operator_inbox", show="all"), 303)


def sync() -> ResponseReturnValue:
    """Copy what moved at Stripe since the last time."""
    desk.operator(Right.SYNC)
    prepaid = page.extension()
    new = copying.sync(prepaid)
    while credits.count(prepaid):
        pass
    flash(f"{new:,} new movements of Stripe's balance are copied.", "success")
    return redirect(url_for("prepaid.operator"), 303)


def compare() -> ResponseReturnValue:
    """Stripe beside the books: what differs, and a button that mends it."""
    who = desk.operator()
    if request.method == "GET":
        return desk.render("compare.html", drift=None, mended=False)
    fix = bool(request.form.get("fix"))
    who = desk.operator(Right.MEND if fix else Right.SYNC)
    prepaid = page.extension()
    if fix:
        desk.record(who, Right.MEND, owner=None, reason="", attempt=buying.attempt() or "")
        prepaid.session.commit()
    try:
        drift = reconcile.reconcile(prepaid, since=prepaid.clock() - LOOK_BACK, fix=fix)
    except PrepaidError:
        prepaid.session.rollback()
        raise
    return desk.render("compare.html", drift=drift, mended=fix)
