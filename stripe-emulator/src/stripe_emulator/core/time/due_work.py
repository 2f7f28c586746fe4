"""What falls due: planned by the file of an object, and done in order of time.

A file names in its ``Register`` what happens when something falls due, and asks for it:

    due_work.schedule(session["expires_at"], "checkout.session.expire", session["id"])

Each thing is dated by the moment that it fell due, and a few of them are done in one transaction. Objects
on a test clock name it when they schedule; they wait for it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stripe_emulator.core.database import transactions, undo
from stripe_emulator.core.database.settings import get_setting, put_setting
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.time.clock import TEST_CLOCK, at, move, now

_log = logging.getLogger(__name__)

Handler = Callable[[str], None]

#: What happens when something falls due, by its name; called with the object's id.
HANDLERS: dict[str, Handler] = {}

#: How many things that are due run before they are written; others wait a blink for them.
TOGETHER = 64

#: Where work remembers that it is time itself that acts.
BY_TIME = "by_time"

#: Name of the setting that keeps what fell due and could not happen, and how many of them.
FAILED, FAILED_KEPT = "failed_work", 100

#: Name of the setting that keeps over which time the clock jumped last; so few seconds later, a jump goes on.
JUMP, AT_ONCE = "jump", 60


def schedule(moment: int, what: str, object_id: str) -> None:
    """Have ``what`` happen to an object at a moment, by the clock that this work is dated by.

    It may be scheduled several times.
    """
    assert what in HANDLERS, what
    test_clock = transactions.current().memo.get(TEST_CLOCK)
    transactions.current().execute(
        "INSERT INTO due (at, clock, what, object) VALUES (?, ?, ?, ?)",
        (moment, test_clock, what, object_id),
    )


def unschedule(object_id: str, what: str | None = None) -> None:
    """Forget what was to happen to an object, or only the ``what`` of it."""
    transactions.current().execute(
        "DELETE FROM due WHERE object = ? AND what = coalesce(?, what)", (object_id, what)
    )


def run_due(storage: Store, until: int | None = None) -> int:
    """Run what is due by ``until`` (now, if not given), in order; return how much ran.

    The global clock moves along, so that whoever is asked meanwhile sees the same time.
    """
    ran = 0
    while some := _run_some(storage, until):
        ran += some
    return ran


def advance(storage: Store, to: int) -> None:
    """Move the global clock forward to a moment; all that falls due on the way happens first."""
    with storage.transaction():
        _note_jump(now(), to)
    run_due(storage, to)
    with storage.transaction():
        move(to)


def _note_jump(start: int, end: int) -> None:
    """Remember over which time the clock jumps; a jump that follows at once goes on with the last."""
    before = get_setting(JUMP)
    put_setting(JUMP, [before[0] if before and start - before[1] < AT_ONCE else start, end])


def when(due_at: float) -> float:
    """When something that was due is done: at its own moment if the clock jumped over that, else now."""
    start, end = get_setting(JUMP, [0, 0])
    return due_at if start < due_at <= end else now()


@dataclass(frozen=True)
class Due:
    """Something that falls due: when, what, and to which object."""

    moment: int
    what: str
    object_id: str


def take_due(until: int, *, test_clock: str | None = None) -> Due | None:
    """The next thing that is due by ``until``, off the list; None if nothing is."""
    row = (
        transactions.current()
        .execute(
            "DELETE FROM due WHERE seq = (SELECT seq FROM due WHERE clock IS ? AND at <= ?"
            " ORDER BY at, seq LIMIT 1) RETURNING at, what, object",
            (test_clock, until),
        )
        .fetchone()
    )
    return None if row is None else Due(*row)


def run(due: Due) -> None:
    """Have a thing that fell due happen, dated by its moment. If it can't, it is kept, and time goes on."""
    memo = transactions.current().memo
    memo[BY_TIME] = memo.get(BY_TIME, 0) + 1
    try:
        with at(due.moment), undo.savepoint():
            HANDLERS[due.what](due.object_id)
    except Exception as error:
        keep_failure(due, error)
    finally:
        transactions.current().memo[BY_TIME] -= 1


def keep_failure(due: Due, error: Exception) -> None:
    """Remember what could not happen, for the dashboard, and log why."""
    _log.error("%s of %s failed", due.what, due.object_id, exc_info=error)
    failed = {
        "at": due.moment,
        "what": due.what,
        "object": due.object_id,
        "error": f"{type(error).__name__}: {error}",
    }
    put_setting(FAILED, [*failed_work(), failed][-FAILED_KEPT:])


def failed_work() -> list[dict[str, Any]]:
    """What fell due and could not happen, oldest first: ``at``, ``what``, ``object`` and the ``error``."""
    failed: list[dict[str, Any]] = get_setting(FAILED, [])
    return failed


def somebody_asks() -> bool:
    """Whether somebody acts, and not time itself: what was agreed before is not refused by time."""
    return not transactions.current().memo.get(BY_TIME)


def _run_some(storage: Store, until: int | None) -> int:
    """Run up to ``TOGETHER`` due things in one transaction: a year of renewals waits for fewer disks."""
    ran = 0
    with storage.transaction() as transaction:
        limit = until if until is not None else transaction.now
        while ran < TOGETHER and (due := take_due(limit)) is not None:
            move(due.moment)
            run(due)
            ran += 1
    return ran
