"""Stripe's time, which can be moved, and what falls due in it.

``now()`` dates every object. ``wall()`` is the time outside; only webhook signatures use it,
since the receiver compares them with its own clock.

The file of an object names in its ``Register`` what happens when something falls due, and asks
for it:

    clock.schedule(session["expires_at"], "checkout.session.expire", session["id"])

What falls due runs in order of time, each thing dated by the moment that it fell due and a few
of them in one transaction. Objects on a test clock name it when they schedule; they wait for it.
"""

from __future__ import annotations

import calendar
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stripe_emulator.core import transactions, undo
from stripe_emulator.core.settings import get_setting, put_setting
from stripe_emulator.core.storage import Store

_log = logging.getLogger(__name__)

Handler = Callable[[str], None]

#: What happens when something falls due, by its name; called with the object's id.
HANDLERS: dict[str, Handler] = {}

DAY = 24 * 60 * 60

#: How many things that are due run before they are written; others wait a blink for them.
TOGETHER = 64

#: Where work remembers that it is time itself that acts.
BY_TIME = "by_time"

#: Name of the setting that keeps what fell due and could not happen, and how many of them.
FAILED, FAILED_KEPT = "failed_work", 100

#: Name of the setting that keeps over which time the clock jumped last; so few seconds later, a jump goes on.
JUMP, AT_ONCE = "jump", 60

#: Where a transaction that lives on a test clock remembers which one, and the account's own time.
TEST_CLOCK, ACCOUNT_TIME = "test_clock", "account_time"


def now() -> int:
    """Unix time at Stripe, the same throughout a transaction."""
    return transactions.current().now


def account_now() -> int:
    """Unix time of the account, also in work that lives on a test clock: events and answers go by it."""
    moment: int = transactions.current().memo.get(ACCOUNT_TIME, now())
    return moment


def live_on(test_clock: str, moment: int) -> None:
    """Date the rest of this transaction by a test clock that stands at ``moment``."""
    transaction = transactions.current()
    transaction.memo.setdefault(ACCOUNT_TIME, transaction.now)
    transaction.memo[TEST_CLOCK] = test_clock
    transaction.now = moment


def wall() -> int:
    """Unix time outside of the emulator."""
    return int(time.time())


@contextmanager
def at(moment: int) -> Iterator[None]:
    """Date what the block does by another moment, such as a test clock's."""
    transaction = transactions.current()
    before, transaction.now = transaction.now, moment
    try:
        yield
    finally:
        transaction.now = before


def add_months(moment: int, months: int) -> int:
    """A moment so many months later, on the same day and at the same time.

    Where that month is too short, it is the last day.
    """
    then = datetime.fromtimestamp(moment, UTC)
    year, month = divmod(then.year * 12 + then.month - 1 + months, 12)
    day = min(then.day, calendar.monthrange(year, month + 1)[1])
    return int(then.replace(year=year, month=month + 1, day=day).timestamp())


def month_index(moment: int) -> int:
    """Months since the year 0, January being 1, so that months compare as numbers."""
    then = datetime.fromtimestamp(moment, UTC)
    return then.year * 12 + then.month


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


def move(to: int) -> None:
    """Set the global clock without running anything. Never backwards."""
    outside = transactions.current().store.wall()
    if to > outside + get_setting("offset", 0):
        put_setting("offset", to - outside)
        transactions.current().wakes = True


def set_to(moment: int) -> None:
    """Start the global clock at a moment, past or future; for an empty account."""
    put_setting("offset", moment - transactions.current().store.wall())
    transactions.current().now = moment


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
