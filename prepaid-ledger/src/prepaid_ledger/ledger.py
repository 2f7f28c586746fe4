"""``Ledger``: the one class that a program meets."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session, scoped_session

from .audit.scope.problem import Rule
from .checks import check_held_for, check_rules, check_whole
from .clock import Clock, wall
from .database.engine import prepare
from .prices import MAX_SCALE
from .spends.group_commit.group_commit import GroupCommit
from .verbs import LedgerVerbs, Setup
from .verbs.session_check import SessionCheck

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
    :param scale: With how many decimals credits are shown. Rates of another scale are refused then; ``None``
        takes any.
    :raises UnfitDatabase: The database is another one, or cannot make a commit durable.
    :raises ValueError: One of the others is none that a ledger can have; the message names it.
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
        scale: int | None = None,
    ) -> None:
        prepare(engine)
        _check_clock(clock)
        check_held_for("hold_expires_after", hold_expires_after)
        if not isinstance(debt_blocks, bool):
            raise ValueError(f"debt_blocks is True or False, not {debt_blocks!r:.80}")
        if scale is not None:
            check_whole("scale", scale, 0, MAX_SCALE)
        rules = tuple(audit_rules)
        check_rules("audit_rules", rules)
        spends = GroupCommit(engine, clock=clock, debt_blocks=debt_blocks)
        check = SessionCheck(engine)
        self._setup = Setup(
            engine, clock, debt_blocks, hold_expires_after, spends, check, rules, standby, scale
        )
        self._joined: Session | None = None

    def on(self, session: Session) -> Ledger:
        """This ledger in the caller's transaction: what it writes is committed with it, or not at all.

        A verb that writes raises ``UnfitDatabase`` where the session leads to another database than the
        ledger's. What only reads is read wherever the session leads to: a replica is fine.

        :raises TypeError: It is no session.
        """
        if not isinstance(session, Session | scoped_session):
            raise TypeError(
                f"A ledger is on a session, Session(engine) or db.session, not on {session!r:.80}. "
                "With an AsyncSession: await session.run_sync(lambda s: ledger.on(s).spend(...))."
            )
        joined = copy(self)
        joined._joined = session
        return joined

    @property
    def is_joined(self) -> bool:
        """Whether it is in a caller's transaction, by ``on``."""
        return self._joined is not None

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
