"""The verbs of a ledger, awaited in an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Engine, Insert

from .background import in_background
from .books.extensions import Overrun
from .database.types import Quantities
from .errors import PrepaidError
from .held.async_meters import AsyncMeter
from .held.held_credits import HeldCredits
from .ledger import Ledger
from .prices import Price, Rates, use_at
from .reading.statements import Statement
from .spends.group_commit.asynchronous import LoopGroupCommit
from .spends.single import SpendRequest, Spent
from .tables import Entry, Hold, HoldState
from .verbs.base import refuse_key

__all__ = ["AsyncHeldCredits", "AsyncLedger", "AsyncMeter"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

Awaited = Callable[Concatenate["AsyncLedger", Arguments], Coroutine[Any, Any, Result]]


def in_a_thread(verb: Callable[Concatenate[Ledger, Arguments], Result]) -> Awaited[Arguments, Result]:
    """Make a verb of ``Ledger`` one that is awaited: a thread of the loop runs it."""

    @wraps(verb)
    async def awaited(self: AsyncLedger, /, *args: Arguments.args, **terms: Arguments.kwargs) -> Result:
        return await asyncio.to_thread(verb, self.ledger, *args, **terms)

    return awaited


class AsyncLedger:
    """A ledger whose verbs are awaited. Make one for each event loop, and keep it.

    Each verb is a transaction of its own, also where its text speaks of yours. Spends by ``spend_now`` that
    wait at the same time share a commit; on PostgreSQL no thread waits for it, which is several times as
    fast. All other verbs run on threads.

    :param ledger: One that is on an engine, not on a session.
    :raises TypeError: It is something else.
    """

    def __init__(self, ledger: Ledger) -> None:
        if not isinstance(ledger, Ledger) or ledger.is_joined:
            raise TypeError(f"AsyncLedger takes a ledger on an engine, Ledger(engine), not {ledger!r}")
        self.ledger = ledger
        #: Those that ``spend_now`` makes in this loop.
        self.spends = LoopGroupCommit(ledger.setup.spends)

    async def spend_now(
        self,
        owner: str,
        *,
        credits: int | None = None,
        key: str,
        work: Insert | None = None,
        values: Mapping[str, object] | None = None,
        spender: str | None = None,
        item: str | None = None,
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
    ) -> Spent:
        """Take credits and commit, fast; answer once it is durable. Refusals are those of a ledger's.

        :param credits: How many; 1 by default.
        :param work: One INSERT of yours that is committed with it, or not at all.
        :param values: Its parameters.
        :param spender: Who spends for the owner: ``key:17``, ``member:5``. Budgets and usage are by it.
        :param item: What is bought: ``report``, ``gpt-x``.
        :param quantity: How much of it: a whole number, or one for each unit by its name.
        :param price_version: The price list that made credits of it.
        :param price: What ``Rates.price`` made: it says credits, item, quantity and version by itself.
        """
        credits, item, quantity, price_version = use_at(
            price, credits, item, quantity, price_version, scale=self.ledger.setup.scale
        )
        credits = 1 if credits is None else credits
        refuse_key(self.ledger, key)
        request = SpendRequest(owner, credits, key, work, values, spender, item, quantity, price_version)
        return await self.spends.spend(request)

    async def hold(
        self,
        owner: str,
        credits: int | None = None,
        *,
        key: str,
        spender: str | None = None,
        item: str | None = None,
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
    ) -> AsyncHeldCredits:
        """Set credits aside while work is done, and commit: ``async with await ledger.hold(...) as hold``.

        Again with the same key, it is as a ledger's. Where the task is cancelled while it waits for this, the
        credits go back, but for those that an earlier call with the key has set aside.

        :param key: Names the use, ``job:4``. The entry of what is captured has the key ``hold:job:4``.
        :param spender: Who spends for the owner: ``key:17``, ``member:5``. Budgets and usage are by it.
        :param item: What is bought: ``report``, ``gpt-x``.
        :param quantity: How much of it: a whole number, or one for each unit by its name.
        :param price_version: The price list that made credits of it.
        :param price: What ``Rates.price`` made: it says credits, item, quantity and version by itself.
        """
        opening = in_background(
            asyncio.to_thread(
                self.ledger.hold,
                owner,
                credits,
                key=key,
                spender=spender,
                item=item,
                quantity=quantity,
                price_version=price_version,
                price=price,
            )
        )
        try:
            held = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_give_back)
            raise
        return AsyncHeldCredits(self, held)

    def meter(
        self,
        owner: str,
        *,
        key: str,
        spender: str | None = None,
        item: str | None = None,
        step: int = 50,
        rates: Rates | None = None,
        expires_after: timedelta | None = None,
    ) -> AsyncMeter:
        """Charge for a stream what was delivered: ``async with ledger.meter(...) as meter``.

        ``await meter.count()`` before each part. Credits for a step are held at once, and for one more each
        time before they run out. What was counted is captured in the end, also if the task is cancelled.
        Refusals are those of a ledger's.

        :param key: Names the use, ``chat:99``. It is metered once: again, it is refused. The entry of what is
            charged has the key ``hold:chat:99``.
        :param spender: Who spends for the owner: ``key:17``, ``member:5``. Budgets and usage are by it.
        :param item: What is bought: ``gpt-x``.
        :param step: By how many credits the hold grows, also with ``rates``. A step is one short commit.
        :param rates: Makes credits of what is counted: ``meter.count(output=1)``; without, it is credits.
        :param expires_after: For how long after the last step its credits are held.
        """
        return AsyncMeter(
            lambda: self.ledger.meter(
                owner,
                key=key,
                spender=spender,
                item=item,
                step=step,
                rates=rates,
                expires_after=expires_after,
            )
        )

    async def statement(self, owner: str, start: datetime, end: datetime) -> Statement:
        """What moved the credits of ``owner`` from ``start`` up to ``end``, its entries read at once."""

        def read_whole() -> Statement:
            statement = self.ledger.statement(owner, start, end)
            return replace(statement, entries=iter(list(statement.entries)))

        return await asyncio.to_thread(read_whole)

    async def archived_entries(self, owner: str, archive: Engine) -> list[Entry]:
        """The entries of ``owner`` that lie in an archive, the oldest first, read at once."""
        return await asyncio.to_thread(lambda: [*self.ledger.archived_entries(owner, archive)])

    async def grant_many(
        self,
        owners: Iterable[str],
        credits: int,
        *,
        key: str,
        reason: str,
        expires_at: datetime | None = None,
    ) -> AsyncIterator[int]:
        """Grant the same to each of ``owners``, once, and commit; how many have it, after each thousand."""
        chunks = self.ledger.grant_many(owners, credits, key=key, reason=reason, expires_at=expires_at)
        while (done := await asyncio.to_thread(next, chunks, None)) is not None:
            yield done

    balance = in_a_thread(Ledger.balance)
    available = in_a_thread(Ledger.available)
    wallet = in_a_thread(Ledger.wallet)
    lots = in_a_thread(Ledger.lots)
    entries = in_a_thread(Ledger.entries)
    usage = in_a_thread(Ledger.usage)
    quote = in_a_thread(Ledger.quote)
    budgets = in_a_thread(Ledger.budgets)
    set_budget = in_a_thread(Ledger.set_budget)
    balance_at = in_a_thread(Ledger.balance_at)
    spend = in_a_thread(Ledger.spend)
    spend_many = in_a_thread(Ledger.spend_many)
    grant = in_a_thread(Ledger.grant)
    purchase = in_a_thread(Ledger.purchase)
    allowance = in_a_thread(Ledger.allowance)
    add_to_allowance = in_a_thread(Ledger.add_to_allowance)
    move_end = in_a_thread(Ledger.move_end)
    adjust = in_a_thread(Ledger.adjust)
    reverse = in_a_thread(Ledger.reverse)
    claw_back = in_a_thread(Ledger.claw_back)
    restore = in_a_thread(Ledger.restore)
    capture = in_a_thread(Ledger.capture)
    extend = in_a_thread(Ledger.extend)
    release = in_a_thread(Ledger.release)
    write_due = in_a_thread(Ledger.write_due)
    bring_up_to_date = in_a_thread(Ledger.bring_up_to_date)
    upgrade = in_a_thread(Ledger.upgrade)
    is_upgraded = in_a_thread(Ledger.is_upgraded)
    archive = in_a_thread(Ledger.archive)
    audit = in_a_thread(Ledger.audit)


def _give_back(opening: asyncio.Task[HeldCredits]) -> None:
    """Give back what was held for a task that was cancelled meanwhile."""
    if not opening.cancelled() and opening.exception() is None:
        held = opening.result()
        if held.is_new:
            in_background(asyncio.to_thread(held.release))


class AsyncHeldCredits:
    """Credits that are held while an ``async with`` block runs; what is not captured goes back at its end."""

    def __init__(self, ledger: AsyncLedger, held: HeldCredits) -> None:
        self._ledger = ledger
        self.owner = held.owner
        self.key = held.key
        self.credits = held.credits
        self.state = held.state
        self.seq = held.seq

    async def capture(
        self,
        credits: int | None = None,
        *,
        overrun: Overrun = "refuse",
        quantity: Quantities | None = None,
        price_version: str | None = None,
        price: Price | None = None,
    ) -> None:
        """Take ``credits`` of it, all by default; the rest goes back.

        :param overrun: What becomes of credits beyond the hold. ``refuse``: a ``ValueError``; ``spend``: they
            are taken as well, or it is refused and the hold stays as it was; ``debt``: those that are there
            are taken, and the rest is owed, within the budgets.
        :param quantity: How much it was in the end; by default what the hold says. So is ``price_version``.
        :param price: What it costs in the end, by ``Rates.price``: it says all of these by itself.
        :raises HoldClosed: It has ended otherwise.
        :raises ValueError: More is captured than is held.
        :raises InsufficientCredits: Fewer are available than are to be spent beyond it.
        :raises BudgetExceeded: A budget has fewer left than are captured beyond it.
        """
        self._ended(
            await self._ledger.capture(
                self.owner,
                key=self.key,
                credits=credits,
                overrun=overrun,
                quantity=quantity,
                price_version=price_version,
                price=price,
                seq=self.seq,
            )
        )

    async def extend(self, credits: int | None = None, *, until: datetime | None = None) -> None:
        """Let it have more credits, or more time, or both. Where that is refused, it stays as it was.

        Both are absolute, so that a repeat is harmless; it never shrinks.

        :param credits: How many it holds in all then.
        :param until: When it ends by itself then, with its zone.
        :raises HoldClosed: It has ended.
        :raises ValueError: Neither is given, or one is none that a hold can have.
        :raises InsufficientCredits: Fewer are available than it is to grow by.
        :raises BudgetExceeded: A budget has fewer left than it is to grow by.
        """
        extended = await self._ledger.extend(
            self.owner, key=self.key, credits=credits, until=until, seq=self.seq
        )
        self.credits = extended.credits

    async def release(self) -> None:
        """Give all of it back.

        :raises HoldClosed: It was captured.
        """
        self._ended(await self._ledger.release(self.owner, key=self.key, seq=self.seq))

    def _ended(self, hold: Hold) -> None:
        self.state = hold.state

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        if self.state is not HoldState.OPEN:
            return
        try:
            await self.release()
        except PrepaidError:
            if error is None:  # else the block's own error is the one to see
                raise
