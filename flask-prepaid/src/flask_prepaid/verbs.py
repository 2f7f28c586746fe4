"""The ledger's verbs, as a host calls them on ``Prepaid``.

``spend``, ``grant``, ``adjust`` and ``reverse`` join the host's transaction and never
commit. ``spend_now``, ``hold`` and what ends a hold commit by themselves, on a
connection of their own: on SQLite, commit your session first, since there is one writer
at a time.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar

from flask import Response
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine, Insert, Select
from sqlalchemy.orm import Session

from prepaid_ledger.audit import audit
from prepaid_ledger.books import allowances, holds, reversals, sweep
from prepaid_ledger.books import entries as ledger
from prepaid_ledger.books.allowances import GRACE
from prepaid_ledger.books.models import Entry, Hold, HoldState, Kind
from prepaid_ledger.clock import Clock
from prepaid_ledger.database import engine as database
from prepaid_ledger.errors import PrepaidError
from prepaid_ledger.reading import statements, wallets
from prepaid_ledger.reading.statements import Statement
from prepaid_ledger.reading.wallets import LotLine, Page, Standing
from prepaid_ledger.spends.asynchronous import AwaitedSpends
from prepaid_ledger.spends.group_commit import GroupCommit
from prepaid_ledger.spends.single import Ask, Spent

from . import costs, upgrade
from .operations import books

if TYPE_CHECKING:
    from prepaid_ledger.audit.replay import Problem

    from .config import Config

View = ParamSpec("View")
Result = TypeVar("Result")


class LedgerVerbs:
    """What ``Prepaid`` does with credits, by the current app's database and settings."""

    clock: Clock

    @property
    @abstractmethod
    def session(self) -> Session: ...

    @property
    @abstractmethod
    def engine(self) -> Engine: ...

    @property
    @abstractmethod
    def config(self) -> Config: ...

    @property
    @abstractmethod
    def spends(self) -> GroupCommit: ...

    def balance(self, owner: str) -> int:
        """The credits of ``owner``, with those that open holds set aside."""
        return self.wallet(owner).balance

    def available(self, owner: str) -> int:
        """The credits that ``owner`` can spend now."""
        return self.wallet(owner).available

    def wallet(self, owner: str) -> Standing:
        """``balance``, ``held``, ``available`` and ``debt`` of ``owner``; zeros for one never heard of."""
        with database.answering():
            return wallets.standing(self.session, owner, clock=self.clock)

    def lots(self, owner: str) -> list[LotLine]:
        """What is left of what came in, in the order in which it will be drawn."""
        with database.answering():
            return wallets.lots(self.session, owner, clock=self.clock)

    def entries(
        self,
        owner: str,
        limit: int = 50,
        cursor: str | None = None,
        *,
        kind: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        keys: Collection[str] | Select[str] | None = None,
    ) -> Page:
        """The entries of ``owner``, newest first; ``.next_cursor`` finds the page after.

        :param kind: Only those of one kind, such as ``spend``.
        :param since: Only those from then on; ``until``: only those before.
        :param keys: Only those with one of these keys. It may be a SELECT from your tables.
        :raises ValueError: The limit is not from 1 to 200, or the cursor or kind is none of ours.
        """
        which = wallets.Which(None if kind is None else Kind(kind), since, until, keys)
        with database.answering():
            return wallets.entries(self.session, owner, limit=limit, cursor=cursor, which=which)

    def statement(self, owner: str, start: datetime, end: datetime) -> Statement:
        """What moved the credits of ``owner`` from ``start`` up to, and not including, ``end``.

        What is due is written first, so that a statement of the past never changes.

        :raises ValueError: The end is before the start.
        """
        with database.answering():
            if statements.is_due(self.session, owner, clock=self.clock):
                self._alone(lambda session: sweep.settle(session, owner, self.clock))
            return statements.statement(self.session, owner, start, end, clock=self.clock)

    def balance_at(self, owner: str, time: datetime) -> int:
        """The credits that ``owner`` had at ``time``."""
        with database.answering():
            return statements.balance_at(self.session, owner, time, clock=self.clock)

    def spend(self, owner: str, *, credits: int = 1, key: str, reason: str | None = None) -> Entry:
        """Take credits in your transaction: the work and its price are committed together, or neither.

        Call it last, then commit: until then other writers of this wallet wait.

        :param key: Names what is paid for, ``report:17``. Once spent, it returns the first entry.
        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits, and ``PREPAID_DEBT_BLOCKS`` is set.
        :raises KeyReused: The key has posted something else.
        :raises Busy: Another writer held the wallet for too long.
        :raises DBAPIError: A deadlock or serialization failure: roll back and repeat your transaction.
        """
        with database.answering():
            return ledger.spend(
                self.session,
                owner,
                credits,
                key=key,
                clock=self.clock,
                debt_blocks=self.config.debt_blocks,
                reason=reason,
            )

    def spend_now(
        self,
        owner: str,
        *,
        credits: int = 1,
        key: str,
        work: Insert | None = None,
        values: Mapping[str, object] | None = None,
    ) -> Spent:
        """Take credits and commit, fast; answer once it is durable.

        :param work: One INSERT of yours that is committed with it, or not at all.
        :param values: Its parameters. A statement made once and given with values is
            faster than one made for each call.
        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits, and ``PREPAID_DEBT_BLOCKS`` is set.
        :raises KeyReused: The key has posted something else.
        :raises Busy: The database did not get to it. What came of it, the same key tells.
        """
        self._take_turns()
        return self.spends.spend(Ask(owner, credits, key, work, values))

    def awaited_spends(self) -> AwaitedSpends:
        """``spend_now`` for an event loop, several times as fast: ``await spends.spend(owner, key=...)``.

        For an ASGI callable in front of the app: make one for each loop, and keep it.
        """
        return AwaitedSpends(self.spends)

    def spend_many(self, spends: Iterable[Ask]) -> list[Spent | PrepaidError]:
        """Make many spends and commit, hundreds at a time; what came of each, in their order.

        A refusal is in its place in the list, and the others are spent all the same.
        """
        self._take_turns()
        return self.spends.spend_many(spends)

    def grant(
        self, owner: str, credits: int, *, key: str, reason: str, expires_at: datetime | None = None
    ) -> Entry:
        """Give credits that nobody paid for, in your transaction. They pay a debt first.

        :param expires_at: When what is left of them ends; the first call's stands.
        :raises KeyReused: The key has posted something else.
        """
        with database.answering():
            return ledger.grant(
                self.session,
                owner,
                credits,
                key=key,
                reason=reason,
                expires_at=expires_at,
                clock=self.clock,
            )

    def grant_many(
        self,
        owners: Iterable[str],
        credits: int,
        *,
        key: str,
        reason: str,
        expires_at: datetime | None = None,
    ) -> Iterator[int]:
        """Grant the same to each of ``owners``, once, and commit; how many have it, after each thousand.

        Walk it to the end, with a progress bar if you like. Broken off, run it again with the same key.

        :raises KeyReused: The key has posted something else in one of the wallets.
        """
        self._take_turns()
        return sweep.grant_many(
            self.engine,
            owners,
            credits,
            key=key,
            reason=reason,
            expires_at=expires_at,
            clock=self.clock,
        )

    def allowance(
        self,
        owner: str,
        credits: int,
        *,
        key: str,
        period_end: datetime,
        amount_minor: int,
        currency: str,
        grace: timedelta = GRACE,
        roll_over: int = 0,
    ) -> Entry:
        """Give the credits of a period that was paid, in your transaction. They pay a debt first.

        What is left of earlier allowances ends, but for ``roll_over`` credits that move up.

        :param key: Names the invoice.
        :param period_end: They last until then, and ``grace`` longer.
        :raises KeyReused: The key has posted something else.
        """
        with database.answering():
            return allowances.allowance(
                self.session,
                owner,
                credits,
                key=key,
                period_end=period_end,
                amount_minor=amount_minor,
                currency=currency,
                grace=grace,
                roll_over=roll_over,
                clock=self.clock,
            )

    def adjust(self, owner: str, credits: int, *, key: str, reason: str) -> Entry:
        """Correct a wallet by hand, in your transaction; ``credits`` may be negative.

        :raises InsufficientCredits: Fewer are available than are taken.
        :raises KeyReused: The key has posted something else.
        """
        with database.answering():
            return ledger.adjust(self.session, owner, credits, key=key, reason=reason, clock=self.clock)

    def reverse(
        self,
        owner: str,
        *,
        spend_key: str,
        key: str,
        credits: int | None = None,
        reason: str | None = None,
    ) -> Entry:
        """Give back a spend, or ``credits`` of it, in your transaction.

        :raises NothingToReverse: There is no such spend, or less of it is left to give back.
        :raises KeyReused: The key has posted something else.
        """
        with database.answering():
            return reversals.reverse(
                self.session,
                owner,
                spend_key=spend_key,
                key=key,
                credits=credits,
                reason=reason,
                clock=self.clock,
            )

    def hold(self, owner: str, credits: int, *, key: str) -> HeldCredits:
        """Set credits aside while work is done, and commit.

        In a ``with`` block, what was not captured goes back at its end. Without one, end
        it by ``capture`` or ``release``, in any process; else it ends by itself after
        ``PREPAID_HOLD_EXPIRES_AFTER``.

        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits, and ``PREPAID_DEBT_BLOCKS`` is set.
        :raises KeyReused: The key holds another number of credits.
        :raises Busy: The database did not get to it.
        """
        held = self._alone(
            lambda session: holds.hold(
                session,
                owner,
                credits,
                key=key,
                expires_after=self.config.hold_expires_after,
                clock=self.clock,
                debt_blocks=self.config.debt_blocks,
            )
        )
        return HeldCredits(self, owner, held)

    def capture(self, owner: str, *, key: str, credits: int | None = None) -> Hold:
        """Take ``credits`` of a hold, all by default; the rest goes back. Commits.

        :raises HoldClosed: It has ended otherwise, or there is none.
        :raises ValueError: More is captured than is held.
        """
        return self._alone(
            lambda session: holds.capture(session, owner, key=key, credits=credits, clock=self.clock)
        )

    def release(self, owner: str, *, key: str) -> Hold:
        """Give back all of a hold. Commits. Ended without a capture already, it moves nothing.

        :raises HoldClosed: It was captured, or there is none.
        """
        return self._alone(lambda session: holds.release(session, owner, key=key, clock=self.clock))

    def costs(
        self, credits: int
    ) -> Callable[[Callable[View, ResponseReturnValue]], Callable[View, Response]]:
        """Make a view cost ``credits``: held before it, taken after it.

        They go back if the view raises or answers 4xx or 5xx; who is short gets 402, who
        is nobody 401.
        """
        return costs.priced(self, credits)

    def upgrade(self) -> None:
        """Bring the ``prepaid_*`` tables up to date."""
        upgrade.upgrade(self.engine)

    def settle_due(self) -> int:
        """Write what is due: lots that have ended, holds whose time is over; how many wallets were due."""
        return sweep.settle_due(self.engine, clock=self.clock)

    def is_upgraded(self) -> bool:
        """Whether the ``prepaid_*`` tables are those of this version: for a readiness check."""
        have, want = upgrade.revisions(self.engine)
        return have == want

    def audit(self) -> list[Problem]:
        """Everything that is off in the books; empty when all is right."""
        return list(audit.audit(self.engine, books.problems))

    @abstractmethod
    def current_owner(self) -> str | None:
        """Who the customer of this request is."""

    def _alone(self, write: Callable[[Session], Result]) -> Result:
        self._take_turns()
        return database.commit_alone(self.engine, write)

    def _take_turns(self) -> None:
        """Refuse at once what would wait for itself: SQLite has one writer, and the host's session is it."""
        if self.engine.dialect.name == "sqlite" and database.is_writing(self.session):
            raise RuntimeError(
                "Your session has written and not committed. This verb commits by itself, on a connection of "
                "its own, and SQLite has one writer at a time: commit or roll back your session first."
            )


class HeldCredits:
    """An open hold in the hand of who does the work."""

    def __init__(self, prepaid: LedgerVerbs, owner: str, hold: Hold) -> None:
        self._prepaid = prepaid
        self.owner = owner
        self.key = hold.key
        self.credits = hold.credits
        self.state = hold.state

    def capture(self, credits: int | None = None) -> None:
        """Take ``credits`` of it, all by default; the rest goes back.

        :raises HoldClosed: It has ended otherwise.
        :raises ValueError: More is captured than is held.
        """
        self.state = self._prepaid.capture(self.owner, key=self.key, credits=credits).state

    def release(self) -> None:
        """Give all of it back.

        :raises HoldClosed: It was captured.
        """
        self.state = self._prepaid.release(self.owner, key=self.key).state

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self.state is HoldState.OPEN:
            self.release()
