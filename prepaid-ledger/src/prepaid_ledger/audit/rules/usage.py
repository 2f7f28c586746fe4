"""Whether the sums of usage are those of the entries up to each wallet's mark."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from math import floor
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select, union_all

from ...books.usage_sums import QUARTER, sums_of_entries
from ...tables import Entry, UsageMark, UsageSum, Wallet
from ..replay.streams import Cell, MarkRow, marks
from ..scope.problem import Problem
from ..scope.scope import Which
from ..scope.snapshots import fetch


class Off(NamedTuple):
    """By how much the entries in the books have more than a sum, or less."""

    wallet_id: int
    quarter: int
    spender: str
    item: str
    credits: int
    returned: int
    calls: int

    @property
    def cell(self) -> Cell:
        return self.wallet_id, self.quarter, self.spender, self.item


def usage_sums(
    connection: Connection, which: Which, archived: Mapping[Cell, Counter[str]] | None = None
) -> Iterator[Problem]:
    """Sums that are not those of the entries, and marks that no entry has come to.

    :param archived: The credits and calls of the entries that were read from the archive. Where it was not
        read, the sums have as much more than the books as was archived of their wallet.
    """
    if not any(
        connection.execute(select(table.wallet_id).where(which.has(table.wallet_id)).limit(1)).first()
        for table in (UsageSum, UsageMark)
    ):
        return
    off = (Off._make(row) for row in fetch(connection, _off(connection, which)))
    if archived is not None:
        wrong = _less(off, archived)
    else:
        wrong = _less_in_all(off, {mark.wallet_id: mark for mark in marks(connection, which)})
    for wallet_id, whose in wrong:
        owner = connection.scalar(select(Wallet.owner).where(Wallet.id == wallet_id))
        yield Problem("I14", owner, f"the sums of usage{whose} are not those of the entries")
    beyond = (
        select(Wallet.owner)
        .join(UsageMark, UsageMark.of(Wallet))
        .where(UsageMark.seq > Wallet.seq, which.has(Wallet.id))
    )
    for owner in connection.scalars(beyond):
        yield Problem("I14", owner, "the sums of usage go further than the entries")


def _off(connection: Connection, which: Which) -> Select[*tuple[Any, ...]]:
    """Where the entries in the books and the sums differ."""
    marked = select(UsageMark.wallet_id).where(UsageMark.same_wallet_as(Entry), Entry.seq <= UsageMark.seq)
    counted = sums_of_entries(connection.dialect.name, marked.exists(), which.has(Entry.wallet_id)).subquery()
    kept = select(
        UsageSum.wallet_id,
        UsageSum.slot,
        UsageSum.quarter,
        UsageSum.spender,
        UsageSum.item,
        -UsageSum.credits,
        -UsageSum.returned,
        -UsageSum.calls,
    ).where(which.has(UsageSum.wallet_id))
    both = union_all(select(counted), kept).subquery()
    sums = [func.sum(both.c[name]) for name in ("credits", "returned", "calls")]
    key = (both.c.wallet_id, both.c.quarter, both.c.spender, both.c.item)
    off = select(*key, *sums).group_by(*key).having((sums[0] != 0) | (sums[1] != 0) | (sums[2] != 0))
    return off.order_by(both.c.wallet_id)


def _less(off: Iterator[Off], archived: Mapping[Cell, Counter[str]]) -> Iterator[tuple[int, str]]:
    """Wallets and cells that are off even with the archive."""
    left = dict(archived)
    for row in off:
        there = left.pop(row.cell, Counter())
        if (row.credits + there["credits"], row.returned, row.calls + there["calls"]) != (0, 0, 0):
            yield row.wallet_id, _whose(row.spender, row.item)
    for wallet_id, _, spender, item in left:
        yield wallet_id, _whose(spender, item)


def _less_in_all(off: Iterator[Off], archived: Mapping[int, MarkRow]) -> Iterator[tuple[int, str]]:
    """Wallets and cells that are off; of wallets that are archived, those whose sums have something else."""
    missing = defaultdict[int, Counter[str]](Counter)
    for row in off:
        mark = archived.get(row.wallet_id)
        if mark is None or row.returned or row.quarter > floor(mark.at.timestamp() / QUARTER):
            yield row.wallet_id, _whose(row.spender, row.item)
        else:
            missing[row.wallet_id].update(credits=-int(row.credits), calls=-int(row.calls))
    for wallet_id, mark in archived.items():
        if (missing[wallet_id]["credits"], missing[wallet_id]["calls"]) != (mark.credits, mark.spends):
            yield wallet_id, ", with what lies in the archive,"


def _whose(spender: str, item: str) -> str:
    return f" of {spender or 'nobody'} for {item or 'nothing'}"
