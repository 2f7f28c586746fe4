"""Messages go to the host's receivers and to mailboxes, in this process: after the commit, and by ``tick``.

A receiver that raises, or a mailer that does, holds up its own queue alone: that owner's signals, or mails.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from .. import signals
from ..context import Context, reading, transaction
from . import due_queues, mail_log, queues
from .mail_log import SentMail
from .messages import Claim, Queue, Queues, decoded
from .models import Target
from .queues import Due, Outcome

log = logging.getLogger(__name__)

#: For how long one tick begins with another message to receivers and mailboxes.
BUDGET_S = 20.0

#: So many messages of one queue are delivered in its turn.
IN_A_TURN = 100

#: Writes a mail to the owner about a signal: its name, the owner, what is sent along, and when it was written
#: down. ``None``: no address.
WriteMail = Callable[[str, str, dict[str, Any], datetime], SentMail | None]


def deliver(context: Context, written: Queues, write_mail: WriteMail | None) -> None:
    """Deliver what this process has written and committed. What goes wrong is logged: ``tick`` goes on."""
    for queue, mine in written.items():
        if queue.target is Target.ENDPOINT:
            continue  # a customer's server may be slow: tick asks it
        try:
            empty(context, queue, write_mail, mine)
        except Exception:
            context.session.rollback()
            log.exception("%s of %s are left to tick", queue.target, queue.owner)


def deliver_due(context: Context, write_mail: WriteMail | None, *, limit: int) -> int:
    """Try what is due at receivers and mailboxes; how many queues had something. Commits.

    Each queue has its turn, and so many messages in it; the next tick goes on.
    """
    until = time.monotonic() + BUDGET_S
    with reading(context) as session:
        due = due_queues.due(session, context.clock(), limit=limit, endpoints=False)
    for queue in due:
        if time.monotonic() > until:
            break
        try:
            empty(context, queue, write_mail, until=until)
        except Exception:
            context.session.rollback()
            log.exception("%s of %s could not be told", queue.target, queue.owner)
    return len(due)


def empty(
    context: Context,
    queue: Queue,
    write_mail: WriteMail | None,
    mine: Claim | None = None,
    *,
    until: float = math.inf,
) -> None:
    """Deliver what waits in a queue, one after the other, until it is empty or one fails. Commits.

    :param mine: Deliveries that this process took when it wrote them. They alone are delivered: a request
        does not work off what waits in front of them.
    :param until: By ``time.monotonic``, when to begin with no other one.
    """
    left = set() if mine is None else set(mine.ids)
    for _ in range(IN_A_TURN):
        due = taken(context, queue, mine) if time.monotonic() <= until else None
        if due is None:
            break
        left.discard(due.id)
        if not _arrives(context, due, write_mail):
            break
    if mine is not None and left:
        with transaction(context) as session:
            queues.let_go(session, Claim(left, mine.until), context.clock())


def _arrives(context: Context, due: Due, write_mail: WriteMail | None) -> bool:
    """Try one delivery, and note what came of it with what a receiver has written. Commits."""
    if due.queue.target is Target.MAIL:
        outcome, sent = mail(context, due, write_mail)
    else:
        outcome, sent = tell(context, due), None
    try:
        with transaction(context, with_hosts=True) as session:
            queues.note(session, due, outcome, context.clock())
            if sent is not None:
                mail_log.note(session, due.queue.owner, sent, uid=due.uid, now=context.clock())
    except SQLAlchemyError as failure:
        log.exception("what the receivers of %s wrote could not be committed", due.signal)
        outcome = Outcome(f"the commit: {type(failure).__name__}", told_receivers=due.told_receivers)
        with transaction(context) as session:
            queues.note(session, due, outcome, context.clock())
    return not outcome.error


def taken(context: Context, queue: Queue, mine: Claim | None) -> Due | None:
    with reading(context) as session:
        return queues.take(session, queue, context.clock(), mine)


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
    had, error = set((due.told_receivers or "").split()), ""
    waiting = [name for name in sorted(receivers) if name not in had]
    for name in waiting:
        try:
            with signals.telling(due.uid):
                for receiver in receivers[name]:
                    app.ensure_sync(receiver)(app, owner=due.queue.owner, **decoded(due.data))
            context.session.flush()  # a row that the database takes for none is this receiver's failure
        except Exception as failure:
            context.session.rollback()
            log.exception("%s failed at %s of %s", name, due.signal, due.queue.owner)
            error = error or f"{name}: {type(failure).__name__}"
            continue
        had.add(name)
        if len(waiting) > 1:  # the last one is noted with the end of the delivery
            with transaction(context, with_hosts=True) as session:
                queues.note_told(session, due, had)
    return Outcome(error, told_receivers=" ".join(sorted(had)) if error else None)


def name_of(receiver: Any) -> str:
    """A receiver's name in every process that runs this code."""
    named = receiver if hasattr(receiver, "__qualname__") else type(receiver)
    return f"{named.__module__}.{named.__qualname__}".replace(" ", "")


def mail(context: Context, due: Due, write_mail: WriteMail | None) -> tuple[Outcome, SentMail | None]:
    """Write the customer a mail, and what came of it."""
    if write_mail is None:
        return Outcome(), None  # the host wants no mails any more
    try:
        with signals.telling(due.uid):
            sent = write_mail(due.signal, due.queue.owner, decoded(due.data), due.at)
    except Exception as error:
        context.session.rollback()
        log.exception("the mail %s to %s was not written", due.signal, due.queue.owner)
        return Outcome(type(error).__name__), None
    if sent is None or sent.error is None:
        return Outcome(), sent
    context.session.rollback()
    log.error("the mail %s to %s was not sent", sent.name, due.queue.owner, exc_info=sent.error)
    return Outcome(type(sent.error).__name__), sent
