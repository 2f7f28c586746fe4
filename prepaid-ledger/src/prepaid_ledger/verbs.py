"""The ledger's verbs, each once: ``Ledger`` has them on an engine, a host's extension on its own session.

``spend``, ``grant``, ``purchase``, ``allowance``, ``add_to_allowance``, ``move_end``, ``adjust``,
``reverse``, ``claw_back`` and ``restore`` write in the caller's transaction where there is one, and never
commit it; where there is none, each is a transaction of its own. All other verbs that write commit by
themselves, on a connection of their own: on SQLite, which has one writer at a time, commit your session
first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, Insert, Select
from sqlalchemy.orm import Session

from . import database
from .audit import audit
from .audit.problem import Problem, Rule
from .books import allowances, clawbacks, entries, holds, reversals, sweep
from .books.allowances import ALLOWANCE_GRACE
from .books.posting import Posting
from .clock import Clock
from .database import LEDGER
from .database.transactions import commit_alone, is_writing, raising_busy
from .errors import PrepaidError, UnknownVersion
from .held_credits import HeldCredits
from .reading import statements, wallets
from .reading.statements import Statement
from .reading.wallets import LotSummary, Page, WalletSummary
from .spends.group_commit import GroupCommit
from .spends.single import SpendRequest, Spent
from .tables import Entry, Hold, Kind

Terms = ParamSpec("Terms")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Setup:
    """What every verb works with: one database, the time, two rules of the host, spends, and audit rules."""

    engine: Engine
    clock: Clock
    debt_blocks: bool
    hold_expires_after: timedelta
    spends: GroupCommit
    audit_rules: tuple[Rule, ...] = ()


class LedgerVerbs(ABC):
    """What can be done with credits."""

    @property
    @abstractmethod
    def setup(self) -> Setup:
        """What every verb works with."""

    @property
    @abstractmethod
    def _session(self) -> Session | None:
        """The caller's session; ``None`` where each verb is a transaction of its own."""

    def balance(self, owner: str) -> int:
        """The credits of ``owner``, with those that open holds set aside."""
        return self.wallet(owner).balance

    def available(self, owner: str) -> int:
        """The credits that ``owner`` can spend now."""
        return self.wallet(owner).available

    def wallet(self, owner: str) -> WalletSummary:
        """``balance``, ``held``, ``available`` and ``debt`` of ``owner``; zeros for one never heard of."""
        return self._read(wallets.summary, owner, clock=self.setup.clock)

    def lots(self, owner: str) -> list[LotSummary]:
        """What is left of what came in, in the order in which it will be drawn."""
        return self._read(wallets.lots, owner, clock=self.setup.clock)

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
        return self._read(wallets.entries, owner, limit=limit, cursor=cursor, which=which)

    def statement(self, owner: str, start: datetime, end: datetime) -> Statement:
        """What moved the credits of ``owner`` from ``start`` up to, and not including, ``end``.

        What is due is written first, so that a statement of the past never changes.

        :raises ValueError: The end is before the start.
        """
        clock = self.setup.clock
        if self._read(statements.is_due, owner, clock=clock):
            self.bring_up_to_date(owner)
        return self._read(statements.statement, owner, start, end, clock=clock, read=self._read)

    def balance_at(self, owner: str, time: datetime) -> int:
        """The credits that ``owner`` had at ``time``."""
        return self._read(statements.balance_at, owner, time, clock=self.setup.clock)

    def spend(self, owner: str, *, credits: int = 1, key: str, reason: str | None = None) -> Entry:
        """Take credits in your transaction: the work and its price are committed together, or neither.

        Call it last, then commit: until then other writers of this wallet wait.

        :param key: Names what is paid for, ``report:17``. Once spent, it returns the first entry.
        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits, and the ledger's ``debt_blocks`` is set.
        :raises KeyReused: The key has posted something else.
        :raises Busy: Another writer held the wallet for too long.
        :raises DBAPIError: A deadlock or serialization failure: roll back and repeat your transaction.
        """
        posting = Posting.of_spend(credits, key, reason=reason)
        setup = self.setup
        entry, _is_new = self._join(
            entries.spend, owner, posting, clock=setup.clock, debt_blocks=setup.debt_blocks
        )
        return entry

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
        :raises WalletBlocked: The wallet owes credits, and the ledger's ``debt_blocks`` is set.
        :raises KeyReused: The key has posted something else.
        :raises Busy: The database did not get to it. What came of it, the same key tells.
        """
        self._take_turns()
        return self.setup.spends.spend(SpendRequest(owner, credits, key, work, values))

    def spend_many(self, spends: Iterable[SpendRequest]) -> list[Spent | PrepaidError]:
        """Make many spends and commit, hundreds at a time; what came of each, in their order.

        A refusal is in its place in the list, and the others are spent all the same.
        """
        self._take_turns()
        return self.setup.spends.spend_many(spends)

    def grant(
        self, owner: str, credits: int, *, key: str, reason: str, expires_at: datetime | None = None
    ) -> Entry:
        """Give credits that nobody paid for, in your transaction. They pay a debt first.

        :param expires_at: When what is left of them ends; the first call's stands.
        :raises KeyReused: The key has posted something else.
        """
        posting = Posting(Kind.GRANT, credits, key, expires_at=expires_at, reason=reason)
        return self._join(entries.receive, owner, posting, self.setup.clock)

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
        posting = Posting(Kind.GRANT, credits, key, expires_at=expires_at, reason=reason)
        return sweep.grant_many(self.setup.engine, owners, posting, self.setup.clock)

    def purchase(
        self,
        owner: str,
        credits: int,
        *,
        key: str,
        amount_minor: int,
        currency: str,
        expires_at: datetime | None = None,
    ) -> Entry:
        """Give credits that were paid for, in your transaction. They pay a debt first.

        :param key: Names your record of the payment, ``payment:17``.
        :param amount_minor: What was paid, in the smallest unit of ``currency``; 0 under a full discount.
        :param expires_at: When what is left of them ends; the first call's stands.
        :raises KeyReused: The key has posted something else.
        """
        posting = Posting(
            Kind.PURCHASE,
            credits,
            key,
            expires_at=expires_at,
            amount_minor=amount_minor,
            currency=currency,
        )
        return self._join(entries.receive, owner, posting, self.setup.clock)

    def allowance(
        self,
        owner: str,
        credits: int,
        *,
        key: str,
        period_end: datetime,
        amount_minor: int,
        currency: str,
        grace: timedelta = ALLOWANCE_GRACE,
        roll_over: int = 0,
        replacing: Collection[str] | None = None,
    ) -> Entry:
        """Give the credits of a period that was paid, in your transaction. They pay a debt first.

        What is left of earlier allowances ends, but for ``roll_over`` credits that move up.

        :param key: Names the invoice.
        :param period_end: They last until then, and ``grace`` longer.
        :param amount_minor: What was paid, in the smallest unit of ``currency``.
        :param replacing: The keys of the allowances that end now; by default all of the owner's.
        :raises KeyReused: The key has posted something else.
        """
        posting = Posting(
            Kind.ALLOWANCE,
            credits,
            key,
            expires_at=period_end + grace,
            amount_minor=amount_minor,
            currency=currency,
        )
        return self._join(
            allowances.allowance,
            owner,
            posting,
            self.setup.clock,
            roll_over=roll_over,
            replacing=replacing,
        )

    def add_to_allowance(
        self, owner: str, credits: int, *, key: str, period_end: datetime, amount_minor: int, currency: str
    ) -> Entry:
        """Give what an upgrade adds to the running period, in your transaction, until the period's end.

        :param key: Names the upgrade's invoice.
        :raises KeyReused: The key has posted something else.
        """
        posting = Posting(
            Kind.ALLOWANCE,
            credits,
            key,
            expires_at=period_end,
            amount_minor=amount_minor,
            currency=currency,
        )
        return self._join(entries.receive, owner, posting, self.setup.clock)

    def move_end(self, owner: str, *, key: str, expires_at: datetime) -> None:
        """Let what is left of the credits that ``key`` gave end at another time, in your transaction.

        What is spent, held or over by now stays as it is. A repeat does nothing.
        """
        self._join(allowances.move_end, owner, key, expires_at, self.setup.clock)

    def adjust(self, owner: str, credits: int, *, key: str, reason: str) -> Entry:
        """Correct a wallet by hand, in your transaction; ``credits`` may be negative.

        :raises InsufficientCredits: Fewer are available than are taken.
        :raises KeyReused: The key has posted something else.
        """
        posting = Posting(Kind.ADJUSTMENT, credits, key, reason=reason)
        return self._join(entries.adjust, owner, posting, self.setup.clock)

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
        return self._join(
            reversals.reverse,
            owner,
            spend_key=spend_key,
            key=key,
            credits=credits,
            reason=reason,
            clock=self.setup.clock,
        )

    def claw_back(
        self,
        owner: str,
        *,
        lot_key: str,
        key: str,
        refunded_minor: int | None = None,
        credits: int | None = None,
        reason: str | None = None,
    ) -> Entry:
        """Take back the credits of money that left again, in your transaction.

        They are taken from the rest of the lot first, then from other credits that are not held; what is
        spent already becomes the wallet's debt.

        :param lot_key: The key of the purchase or allowance, ``payment:17``.
        :param key: Names this refund or dispute, ``refund:re_1``.
        :param refunded_minor: The money of this one refund, never the sum of several.
        :param credits: In place of it, the credits to take; never more than are left of the lot's share.
        :raises NothingToReverse: The key has not brought any credits in.
        :raises KeyReused: The key has posted something else.
        """
        return self._join(
            clawbacks.claw_back,
            owner,
            lot_key=lot_key,
            key=key,
            refunded_minor=refunded_minor,
            credits=credits,
            reason=reason,
            clock=self.setup.clock,
        )

    def restore(self, owner: str, *, claw_key: str, key: str, reason: str | None = None) -> Entry:
        """Undo a clawback, in your transaction: the refund failed at the bank, or the dispute was won.

        :param claw_key: The key of the clawback, ``refund:re_1``.
        :raises NothingToReverse: There is no such clawback, or it is undone already.
        :raises KeyReused: The key has posted something else.
        """
        return self._join(
            clawbacks.restore, owner, claw_key=claw_key, key=key, reason=reason, clock=self.setup.clock
        )

    def hold(self, owner: str, credits: int, *, key: str) -> HeldCredits:
        """Set credits aside while work is done, and commit.

        In a ``with`` block, what was not captured goes back at its end. Without one, end it by ``capture`` or
        ``release``, in any process; else it ends by itself after the ledger's ``hold_expires_after``.

        :raises InsufficientCredits: Fewer are available.
        :raises WalletBlocked: The wallet owes credits, and the ledger's ``debt_blocks`` is set.
        :raises KeyReused: The key holds another number of credits.
        :raises Busy: The database did not get to it.
        """
        setup = self.setup
        held = self._alone(
            holds.hold,
            owner,
            credits,
            key=key,
            expires_after=setup.hold_expires_after,
            clock=setup.clock,
            debt_blocks=setup.debt_blocks,
        )
        return HeldCredits(self, owner, held)

    def capture(self, owner: str, *, key: str, credits: int | None = None) -> Hold:
        """Take ``credits`` of a hold, all by default; the rest goes back. Commits.

        :raises HoldClosed: It has ended otherwise, or there is none.
        :raises ValueError: More is captured than is held.
        """
        return self._alone(holds.capture, owner, key=key, credits=credits, clock=self.setup.clock)

    def release(self, owner: str, *, key: str) -> Hold:
        """Give back all of a hold. Commits. Ended without a capture already, it moves nothing.

        :raises HoldClosed: It was captured, or there is none.
        """
        return self._alone(holds.release, owner, key=key, clock=self.setup.clock)

    def write_due(self) -> int:
        """Write what is due: lots that have ended, holds whose time is over; how many wallets were due."""
        return sweep.write_due(self.setup.engine, self.setup.clock)

    def bring_up_to_date(self, owner: str) -> None:
        """Write what is due in one wallet, and commit."""
        self._alone(sweep.write_due_of, owner, self.setup.clock)

    def upgrade(self) -> None:
        """Make the ledger's tables, or bring them up to date. Does nothing when they are.

        :raises UnknownVersion: Tables are there that this code has not made. They stay as they are.
        """
        database.upgrade(self.setup.engine, LEDGER)

    def is_upgraded(self) -> bool:
        """Whether the tables are those of this version: for a readiness check."""
        with self.setup.engine.connect() as connection, suppress(UnknownVersion):
            return LEDGER.version(connection) == LEDGER.newest
        return False

    def audit(self, *rules: Rule) -> list[Problem]:
        """Everything that is off, by the ledger's rules and those it was made with; empty when all is right.

        :param rules: Further rules, on tables of your own, read from the same snapshot.
        """
        return list(audit.audit(self.setup.engine, *self.setup.audit_rules, *rules))

    def _join(
        self,
        verb: Callable[Concatenate[Session, Terms], Result],
        /,
        *args: Terms.args,
        **terms: Terms.kwargs,
    ) -> Result:
        """Write in the caller's transaction; where there is none, in one of its own."""
        if self._session is None:
            return self._alone(verb, *args, **terms)
        with raising_busy():
            return verb(self._session, *args, **terms)

    def _alone(
        self,
        verb: Callable[Concatenate[Session, Terms], Result],
        /,
        *args: Terms.args,
        **terms: Terms.kwargs,
    ) -> Result:
        """Write in a transaction of its own, and commit."""
        self._take_turns()
        return commit_alone(self.setup.engine, lambda session: verb(session, *args, **terms))

    def _read(
        self,
        query: Callable[Concatenate[Session, Terms], Result],
        /,
        *args: Terms.args,
        **terms: Terms.kwargs,
    ) -> Result:
        """Read as the caller's transaction sees it; where there is none, what is committed."""
        with raising_busy():
            if self._session is not None:
                return query(self._session, *args, **terms)
            with Session(self.setup.engine) as session:
                return query(session, *args, **terms)

    def _take_turns(self) -> None:
        """Refuse at once what would wait for itself: the caller's session is SQLite's one writer."""
        if self.setup.engine.dialect.name != "sqlite" or self._session is None:
            return
        if is_writing(self._session):
            raise RuntimeError(
                "Your session has written and not committed. This verb commits by itself, on a connection of "
                "its own, and SQLite has one writer at a time: commit or roll back your session first."
            )
