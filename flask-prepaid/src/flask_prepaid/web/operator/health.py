"""What keeps the books in step with Stripe: how it stands, the copy of its balance, and the comparison."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy import Select, func, select

from prepaid_ledger import clock

from ...context import transaction
from ...errors import GatewayUnavailable
from ...operations import reconcile
from ...operations.doctor import CLOCK_OFF_S
from ...operations.models import InboxEvent
from ...reports.balance import copying
from ...reports.models import Copying
from ...reports.sums import counting
from .. import forms
from . import page
from .roles import Right

#: How far back a look at Stripe goes from the page; the command goes back to the beginning.
LOOK_BACK = timedelta(days=30)

#: The tick comes around every few seconds, and copies every few minutes: so much later, something is wrong.
LATE_TICK = timedelta(minutes=5)
LATE_COPY = timedelta(minutes=30)

#: What is told where Stripe did not answer to a comparison, or to one that mends.
NOT_COMPARED = "Stripe does not answer right now, so nothing was compared. Try again in a minute."
NOT_MENDED = "Stripe does not answer right now, so not all was compared and mended. Try again in a minute."


@dataclass(frozen=True)
class Health:
    """How things stand. ``wrong`` says in words what needs attention.

    ``delay_s`` is how long the last hundred events took from Stripe to here, in the middle; ``None`` is not
    known.
    """

    unhandled: int
    heard_at: datetime | None
    delay_s: int | None
    ticked_at: datetime | None
    synced_at: datetime | None
    clock_off_s: int | None
    compared: reconcile.Compared | None
    wrong: list[str]


def health() -> Health:
    """Webhooks, tick, copy, clock and comparison."""
    session, now = page.context().session, clock.wall()
    copy = session.get(Copying, 1)
    last = session.execute(
        select(InboxEvent.received_at, InboxEvent.created_at)
        .order_by(InboxEvent.received_at.desc())
        .limit(100)
    ).all()
    # An emulator's clock is moved: only Stripe's own can be held against ours.
    real = last if page.context().config.api_base is None else []
    delays = sorted(max((received - created).total_seconds(), 0) for received, created in real)
    compared = reconcile.last(session)
    ticked_at, synced_at = (copy.ticked_at, copy.synced_at) if copy else (None, None)
    off_s = copy.clock_off_s if copy else None
    wrong: list[str] = []
    if copy is not None and copy.away_since is not None:
        wrong.append(
            Markup("Stripe has not answered since {}. What waits for it is done as soon as it does.").format(
                page.at(copy.away_since)
            )
        )
    if ticked_at is None or now - ticked_at > LATE_TICK:
        wrong.append("The background job is not running: start “flask prepaid tick --every 10” beside it.")
    if synced_at is None or now - synced_at > LATE_COPY:
        wrong.append("Stripe's balance was not copied lately, so the sales are old.")
    if off_s is not None and abs(off_s) > CLOCK_OFF_S:
        wrong.append(f"This machine's clock is {abs(off_s)} s off Stripe's: webhooks are refused.")
    if compared is not None and compared.drift:
        wrong.append("The last comparison with Stripe found differences.")
    return Health(
        unhandled=session.scalar(unhandled_count()) or 0,
        heard_at=last[0].received_at if last else None,
        delay_s=round(delays[len(delays) // 2]) if delays else None,
        ticked_at=ticked_at,
        synced_at=synced_at,
        clock_off_s=off_s,
        compared=compared,
        wrong=wrong,
    )


def unhandled_count() -> Select[int]:
    return select(func.count()).select_from(InboxEvent).where(InboxEvent.handled_at.is_(None))


def sync() -> ResponseReturnValue:
    """Copy what moved at Stripe since the last time."""
    page.operator(Right.SYNC)
    context = page.context()
    try:
        new = copying.sync(context)
    except GatewayUnavailable:
        flash("Stripe does not answer right now, so not all was copied. Try again in a minute.", "warning")
    else:
        flash(f"{new:,} new movements of Stripe's balance are copied.", "success")
    counting.catch_up(context)
    return redirect(url_for("prepaid.operator"), 303)


def compare() -> ResponseReturnValue:
    """What the last comparison with Stripe found; sent, it compares anew, or mends what differs."""
    page.operator()
    if request.method == "POST":
        mends = bool(request.form.get("fix"))
        try:
            compare_now(fix=mends)
        except GatewayUnavailable:
            flash(NOT_MENDED if mends else NOT_COMPARED, "warning")
        else:
            if mends:  # else the page says itself that it was compared just now
                flash("Mended what can be mended, and compared anew.", "success")
        return redirect(url_for("prepaid.operator_compare"), 303)
    return page.render("compare.html", compared=reconcile.last(page.context().session))


def compare_now(*, fix: bool) -> None:
    """Compare the last days, on the record where something may be mended."""
    operator = page.operator(Right.MEND if fix else Right.SYNC)
    context = page.context()
    if fix:
        with transaction(context):
            page.record(operator, Right.MEND, owner=None, reason="", attempt=forms.attempt() or "")
    reconcile.reconcile(context, since=context.clock() - LOOK_BACK, fix=fix)
