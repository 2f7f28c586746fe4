"""The inbox: the events that Stripe has sent, what came of each, and buttons that run them again."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, func, or_, select

from ...context import transaction
from ...operations.inbox import replay as run_again
from ...operations.inbox import unhandled
from ...operations.models import InboxEvent
from .. import forms
from . import events, page
from .health import unhandled_count
from .roles import Operator, Right

#: Events on one page, and how many one press runs again.
SHOWN = 20
AT_ONCE = 100


def inbox() -> ResponseReturnValue:
    """The events that were not handled, or all of them, the latest first. One alone has its whole ids."""
    page.operator()
    session = page.context().session
    only_failed = request.args.get("show") != "all"
    text = forms.line(request.args, "q")
    rows = session.scalars(wanted(text, only_failed=only_failed).limit(SHOWN + 1)).all()
    subjects = events.about(session, {row.object_id for row in rows if row.object_id})
    return page.render(
        "inbox.html",
        events=rows[:SHOWN],
        subjects=subjects,
        disputes=events.disputes_among(session, {row.object_id for row in rows if row.object_id}),
        labels=page.labels(subject.owner for subject in subjects.values()),
        why=events.why,
        sent_until=events.sent_until,
        older=rows[SHOWN - 1].id if len(rows) > SHOWN else None,
        only_failed=only_failed,
        text=text,
        unhandled=session.scalar(unhandled_count()),
        latest=session.scalar(select(func.max(InboxEvent.received_at))),
        at_once=AT_ONCE,
    )


def wanted(text: str, *, only_failed: bool) -> Select[InboxEvent]:
    """Events of the type or the id ``text``, from the one on that ``before`` names."""
    rows = select(InboxEvent).order_by(InboxEvent.received_at.desc(), InboxEvent.id.desc())
    if only_failed:
        rows = rows.where(InboxEvent.handled_at.is_(None))
    if text:
        names = (InboxEvent.id, InboxEvent.object_id, InboxEvent.type)
        rows = rows.where(or_(*(name == text for name in names)))
    before = forms.line(request.args, "before")
    last = page.context().session.get(InboxEvent, before) if before else None
    if last is None:
        return rows
    return rows.where(
        (InboxEvent.received_at < last.received_at)
        | ((InboxEvent.received_at == last.received_at) & (InboxEvent.id < last.id))
    )


def replay() -> ResponseReturnValue:
    """Run one event of the inbox again, ``all`` that were not handled, or those of one ``owner``.

    The same functions as before handle them.
    """
    operator = page.operator(Right.REPLAY)
    context = page.context()
    if request.form.get("all"):
        run_all_again(operator, unhandled(context)[:AT_ONCE])
        return back_to_list()
    owner = forms.line(request.form, "owner")
    if owner:
        waiting = [event.id for event, _ in events.not_handled_of(context.session, owner)]
        run_all_again(operator, waiting[:AT_ONCE], owner)
        return redirect(page.customer_url(owner), 303)
    event_id = forms.line(request.form, "event")
    if context.session.get(InboxEvent, event_id) is None:
        flash("There is no such event in the inbox.", "warning")
    else:
        with transaction(context):
            page.record(operator, Right.REPLAY, owner=None, reason="", event=event_id)
        if run_again(context, event_id):
            flash(f"{event_id} is handled.", "success")
        else:
            flash(f"{event_id} failed again. Its reason stands beside it.", "warning")
    return back_to_list()


def back_to_list() -> ResponseReturnValue:
    """The list as it was chosen where the button was pressed."""
    shown = "all" if request.form.get("show") == "all" else None
    text = forms.line(request.form, "q") or None
    return redirect(url_for("prepaid.operator_inbox", show=shown, q=text), 303)


def run_all_again(operator: Operator, waiting: Sequence[str], owner: str | None = None) -> None:
    """The oldest first; so many at once that the page answers in time."""
    if not waiting:
        flash("Every event is handled already.", "success")
        return
    context = page.context()
    with transaction(context):
        page.record(operator, Right.REPLAY, owner=owner, reason="", events=len(waiting))
    failed = [event for event in waiting if not run_again(context, event)]
    flash(
        f"{len(waiting) - len(failed):,} handled, {len(failed):,} failed again.",
        "warning" if failed else "success",
    )
