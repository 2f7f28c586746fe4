"""The verbs that read: what an owner has now, had at a time, and what happened in between."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

from sqlalchemy import Select

from ..books import sweep, usage_sums
from ..checks import check_many, check_text, check_time
from ..errors import Busy
from ..prices import Price, check_scale
from ..reading import budgets, entries, quotes, statements, usage, wallets
from ..reading.budgets import BudgetSummary
from ..reading.entries import Page
from ..reading.quotes import Quote
from ..reading.statements import Statement
from ..reading.usage import Usage
from ..reading.wallets import LotSummary, WalletSummary
from ..tables import Kind
from .base import Verbs


class Reads(Verbs):
    """What is read of one owner's credits. Nothing is written, but what is due."""

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
        spender: str | None = None,
        item: str | None = None,
    ) -> Page:
        """The entries of ``owner``, newest first; ``.next_cursor`` finds the page after.

        :param kind: Only those of one kind, such as ``spend``.
        :param since: Only those from then on; ``until``: only those before.
        :param keys: Only those with one of these keys. It may be a SELECT from your tables. What a hold or a
            meter ``chat:7`` has spent has the key ``hold:chat:7``.
        :param spender: Only those of one spender; ``item``: only those of one item.
        :raises ValueError: The limit is not from 1 to 200, the cursor or kind is none of ours, or a
            time has no zone.
        """
        check_time("since", since, optional=True)
        check_time("until", until, optional=True)
        check_text("spender", spender)
        check_text("item", item)
        if keys is not None and not isinstance(keys, Select):
            check_many("keys", keys)
        which = entries.Which(_kind(kind), since, until, keys, spender, item)
        return self._read(entries.page_of, owner, limit=limit, cursor=cursor, which=which)

    def statement(self, owner: str, start: datetime, end: datetime) -> Statement:
        """What moved the credits of ``owner`` from ``start`` up to, and not including, ``end``.

        What is due is written first, so that a statement of the past never changes.

        :raises ValueError: The end is before the start, or one of them has no zone.
        """
        check_time("start", start)
        check_time("end", end)
        clock = self.setup.clock
        if self._read(statements.is_due, owner, clock=clock):
            self._alone(sweep.write_due_of, owner, clock)
        return self._read(statements.statement, owner, start, end, clock=clock, read=self._read)

    def balance_at(self, owner: str, time: datetime) -> int:
        """The credits that ``owner`` had at ``time``.

        :raises ValueError: The time has no zone.
        """
        check_time("time", time)
        return self._read(statements.balance_at, owner, time, clock=self.setup.clock)

    def usage(
        self,
        owner: str,
        start: datetime,
        end: datetime,
        *,
        by: str = "day",
        zone: str = "UTC",
        spender: str | None = None,
        item: str | None = None,
    ) -> list[Usage]:
        """What was spent from ``start`` up to, and not including, ``end``: sums, in order.

        Holds count when they are captured. Read from sums that ``write_due`` keeps up, and from the last
        entries one by one: spends don't wait for it.

        :param by: ``day``, ``hour``, ``spender`` or ``item``. Days and hours without a spend are left out.
        :param zone: Whose days and hours they are, ``Europe/Berlin``.
        :param spender: Only what one spender took; ``item``: only for one item.
        :raises ValueError: ``by`` or the zone is none of ours, the end is before the start, or one of
            the two has no zone.
        """
        check_time("start", start)
        check_time("end", end)
        question = usage.Question(owner, start, end, by, zone, spender, item)
        if self._read(usage.is_behind, owner, clock=self.setup.clock):
            with suppress(RuntimeError, Busy):  # the entries are read one by one then
                self._alone(usage_sums.bring_up, owner)
        return self._read(usage.usage, question, clock=self.setup.clock)

    def quote(self, owner: str, price: Price | int, *, spender: str | None = None) -> Quote:
        """What a use would cost ``owner`` now, and whether it can be paid. Nothing is taken or set aside.

        :param price: What ``Rates.price`` made, or a number of credits from 0 on.
        :param spender: Who would spend: the budgets of ``key:17`` and of the whole wallet are asked.
        :raises ValueError: One of them is none that a spend can have; the message names it.
        """
        setup = self.setup
        if isinstance(price, Price):
            check_scale(price, setup.scale)
        credits = price.credits if isinstance(price, Price) else price
        return self._read(
            quotes.quote, owner, credits, spender=spender, clock=setup.clock, debt_blocks=setup.debt_blocks
        )

    def budgets(self, owner: str, *, spender: str | None = None) -> list[BudgetSummary]:
        """The budgets of ``owner`` as they stand now, each with ``spent``, ``left`` and ``resets_at``.

        Those of the whole wallet come first, then those of its spenders by name.

        :param spender: Only those that limit one spender: theirs, and those of the whole wallet.
        """
        check_text("spender", spender)
        return self._read(budgets.budgets, owner, spender=spender, clock=self.setup.clock)


def _kind(name: str | None) -> Kind | None:
    """:raises ValueError: There is no such kind of entry."""
    if name is not None and name not in list(Kind):
        raise ValueError(f"kind is one of {', '.join(Kind)}, not {name!r:.80}")
    return None if name is None else Kind(name)
