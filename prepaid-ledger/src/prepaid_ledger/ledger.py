"""``Ledger``: the one class that a program meets."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from .audit.problem import Rule
from .clock import Clock, wall
from .database.engine import prepare
from .spends.group_commit import GroupCommit
from .verbs import LedgerVerbs, Setup

#: How long a hold lasts that nobody ends, where the program does not say.
HOLD_EXPIRES_AFTER = timedelta(hours=1)


class Ledger(LedgerVerbs):
    """The credits of many owners in one database. Make one for each engine, and keep it.

    :param engine: PostgreSQL, or a file of SQLite. Its commits are made durable.
    :param clock: Gives the time now, in UTC.
    :param debt_blocks: Whether an owner who owes credits is refused; the next purchase pays a debt first.
    :param hold_expires_after: How long a hold lasts that nobody ends.
    :param audit_rules: Rules on tables of your own, which each audit proves beside the ledger's.
    :param standby: A standby of this database: audits read there, as far as it has come, and load no primary.
    :raises UnfitDatabase: The database is another one, or cannot make a commit durable.
    :raises ValueError: The clock gives no time with its zone, or holds would end before they begin.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock = wall,
        debt_blocks: bool = True,
        hold_expires_after: timedelta = HOLD_EXPIRES_AFTER,
        audit_rules: Iterable[Rule] = (),
        standby: Engine | None = None,
    ) -> None:
        prepare(engine)
        _check_clock(clock)
        if not isinstance(hold_expires_after, timedelta) or hold_expires_after <= timedelta(0):
            raise ValueError(
                "hold_expires_after is a timedelta above 0, such as timedelta(hours=1), not "
                f"{hold_expires_after!r}"
            )
        spends = GroupCommit(engine, clock=clock, debt_blocks=debt_blocks)
        self._setup = Setup(
            engine, clock, debt_blocks, hold_expires_after, spends, tuple(audit_rules), standby
        )
        self._joined: Session | None = None

    def on(self, session: Session) -> Ledger:
        """This ledger in the caller's transaction: what it writes is committed with it, or not at all."""
        joined = copy(self)
        joined._joined = session
        return joined

    @property
    def setup(self) -> Setup:
        return self._setup

    @property
    def _session(self) -> Session | None:
        return self._joined


def _check_clock(clock: object) -> None:
    """:raises ValueError: It is no function that gives a time with its zone."""
    now = clock() if callable(clock) else clock
    if not callable(clock) or not isinstance(now, datetime) or now.utcoffset() is None:
        raise ValueError(
            "clock is a function that gives a time with its zone, such as lambda: datetime.now(UTC), not "
            f"{clock!r}"
        )
