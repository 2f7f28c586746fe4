"""Messages go to the host's receivers and to mailboxes, in this process: after the commit, and by ``tick``.

A receiver that raises, or a mailer that does, holds up its own lane alone: that owner's signals, or mails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from flask import current_app

from .. import signals
from ..context import Context, reading, transaction
from . import lanes, mail_log
from .lanes import Due, Outcome
from .mail_log import SentMail
from .messages import Lane, Lanes, decoded
from .models import Target

log = logging.getLogger(__name__)


#: Writes a mail to the owner about a signal: its name, the owner, what is sent along. ``None``: no address.
WriteMail = Callable[[str, str, dict[str, Any]], SentMail | None]


def deliver(context: Context, written: Lanes, write_mail: WriteMail | None) -> None:
    """Deliver what this process has written and committed. What goes wrong is logged: ``tick`` goes on."""
    for lane, mine in written.items():
        if lane.target is Target.ENDPOINT:
            continue  # a customer's server may be slow: tick asks it
        try:
            empty(context, lane, write_mail, mine)
        except Exception:
            context.session.rollback()
            log.exception("%s of %s are left to tick", lane.target, lane.owner)


def deliver_due(context: Context, write_mail: WriteMail | None, *, limit: int) -> int:
    """Try what is due at receivers and mailboxes; how many lanes had something. Commits."""
    with reading(context) as session:
        due = lanes.due(session, context.clock(), limit=limit, endpoints=False)
    for lane in due:
        try:
            empty(context, lane, write_mail)
        except Exception:
            context.session.rollback()
            log.exception("%s of %s could not be told", lane.target, lane.owner)
    return len(due)


def empty(context: Context, lane: Lane, write_mail: WriteMail | None, mine: Iterable[int] = ()) -> None:
    """Deliver what waits in a lane, one after the other, until it is empty or one fails. Commits.

    :param mine: Deliveries that this process took when it wrote them.
    """
    left = set(mine)
    while (due := taken(context, lane, left)) is not None:
        left.discard(due.id)
        if lane.target is Target.MAIL:
            outcome, sent = mail(context, due, write_mail)
        else:
            outcome, sent = tell(context, due), None
        with transaction(context) as session:
            lanes.note(session, due, outcome, context.clock())
            if sent is not None:
                mail_log.note(session, lane.owner, sent, uid=due.uid, now=context.clock())
        if outcome.error:
            break
    if left:
        with transaction(context) as session:
            lanes.let_go(session, left, context.clock())


def taken(context: Context, lane: Lane, mine: set[int]) -> Due | None:
    with reading(context) as session:
        return lanes.take(session, lane, context.clock(), mine)


def tell(context: Context, due: Due) -> Outcome:
    """Send a signal to each of its receivers that has not had it. One that raises leaves the others be.

    Each that had it is noted in the commit of what it wrote. Of two with one name, both are told once more
    where one raises: they can't be told apart later.
    """
    signal = signals.named(due.signal)
    if signal is None:
        return Outcome()  # written by another release; nobody here can listen to it
    app: Any = current_app._get_current_object()  # type: ignore[attr-defined]
    receivers: dict[str, list[Any]] = {}
    for receiver in signal.receivers_for(app):
        receivers.setdefault(name_of(receiver), []).append(receiver)
    told, error = set((due.told or "").split()), ""
    waiting = [name for name in sorted(receivers) if name not in told]
    for name in waiting:
        try:
            with signals.telling(due.uid):
                for receiver in receivers[name]:
                    app.ensure_sync(receiver)(app, owner=due.lane.owner, **decoded(due.data))
        except Exception as failure:
            context.session.rollback()
            log.exception("%s failed at %s of %s", name, due.signal, due.lane.owner)
            error = error or f"{name}: {type(failure).__name__}"
            continue
        told.add(name)
        if len(waiting) > 1:  # the last one is noted with the end of the delivery
            with transaction(context) as session:
                lanes.note_told(session, due, told)
    return Outcome(error, told=" ".join(sorted(told)) if error else None)


def name_of(receiver: Any) -> str:
    """A receiver's name in every process that runs this code."""
    named = receiver if hasattr(receiver, "__qualname__") else type(receiver)
    return f"{named.__module__}.{named.__qualname__}".replace(" ", "")


def mail(context: Context, due: Due, write_mail: WriteMail | None) -> tuple[Outcome, SentMail | None]:
    """Write the customer a mail, and what came of it."""
    if write_mail is None:
        return Outcome(), None  # the host wants no mails any more
    try:
        sent = write_mail(due.signal, due.lane.owner, decoded(due.data))
    except Exception as error:
        context.session.rollback()
        log.exception("the mail %s to %s was not written", due.signal, due.lane.owner)
        return Outcome(type(error).__name__), None
    if sent is None or sent.error is None:
        return Outcome(), sent
    context.session.rollback()
    log.error("the mail %s to %s was not sent", sent.name, due.lane.owner, exc_info=sent.error)
    return Outcome(type(sent.error).__name__), sent
