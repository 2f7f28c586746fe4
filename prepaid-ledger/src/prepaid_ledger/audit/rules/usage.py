"""Whether the sums of usage are those of the entries up to each wallet's mark."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import floor
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select, union_all

from ...books.usage_sums import QUARTER, sums_of_entries
from ...database.rows import Stretch
from ...tables import Entry, UsageMark, UsageSum, Wallet
from ..replay.streams import Cell, MarkRow, marks
from ..scope.problem import Problem
from ..scope.proofs import Proof
from ..scope.scope import LAST, Moved, Which
from ..scope.snapshots import fetch
from .usage_since import FIRST, Begin, compared_from

#: The columns of ``sums_of_entries``; what is kept is taken off.
KEPT = (
    UsageSum.wallet_id,
    UsageSum.slot,
    UsageSum.quarter,
    UsageSum.spender,
    UsageSum.item,
    -UsageSum.credits,
    -UsageSum.returned,
    -UsageSum.calls,
)


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
    connection: Connection,
    which: Which,
    earlier: Mapping[int, Proof],
    archived: Mapping[Cell, Counter[str]] | None = None,
) -> Iterator[Problem]:
    """Sums that are not those of the entries, and marks that no entry has come to.

    Times never go back in a wallet. So what was added since sums were compared is in the last quarter of an
    hour of then, or a later one: of a stretch no earlier quarter is compared again.

    :param earlier: The proofs of the wallets.
    :param archived: The credits and calls of the entries that were read from the archive. Where it was not
        read, the sums have as much more than the books as was archived of their wallet.
    """
    whole = {mark.wallet_id: mark for mark in marks(connection, which)}
    if isinstance(which, Moved):
        begun = compared_from(connection, which, earlier, whole)
        anew = {begin.wallet_id for begin in begun if begin.quarter == FIRST}
        whole = {wallet_id: mark for wallet_id, mark in whole.items() if wallet_id in anew}
        query = _off(*_of_quarters(connection, begun))
    elif _are_there(connection, which):
        query = _off(*_of_all(connection, which))
    else:
        return
    off = (Off._make(row) for row in fetch(connection, query))
    wrong = _less(off, archived) if archived is not None else _less_in_all(off, whole)
    for wallet_id, whose in wrong:
        owner = connection.scalar(select(Wallet.owner).where(Wallet.id == wallet_id))
        yield Problem("I14", owner, f"the sums of usage{whose} are not those of the entries")
    beyond = (
        select(Wallet.owner)
        .join(UsageMark, UsageMark.of(Wallet))
        .where(UsageMark.seq > Wallet.seq, which.has(Wallet.id, Wallet.slot))
    )
    for owner in connection.scalars(beyond):
        yield Problem("I14", owner, "the sums of usage go further than the entries")


def _are_there(connection: Connection, which: Which) -> bool:
    firsts = (
        select(table.wallet_id).where(which.has(table.wallet_id, table.slot)).limit(1)
        for table in (UsageSum, UsageMark)
    )
    return any(connection.execute(first).first() for first in firsts)


def _of_all(connection: Connection, which: Which) -> tuple[Select[*tuple[Any, ...]], ...]:
    """The sums of all entries up to the marks, and those that are kept."""
    marked = select(UsageMark.wallet_id).where(UsageMark.same_wallet_as(Entry), Entry.seq <= UsageMark.seq)
    its = which.has(Entry.wallet_id, Entry.slot)
    counted = sums_of_entries(connection.dialect.name, marked.exists(), its)
    return counted, select(*KEPT).where(which.has(UsageSum.wallet_id, UsageSum.slot))


def _of_quarters(connection: Connection, begun: Sequence[Begin]) -> tuple[Select[*tuple[Any, ...]], ...]:
    """The same, from a quarter of an hour of each wallet on."""
    entries = [Stretch(each.wallet_id, each.slot, each.after, each.upto) for each in begun]
    quarters = [Stretch(each.wallet_id, each.slot, each.quarter - 1, LAST) for each in begun]
    counted = sums_of_entries(connection.dialect.name)
    return (
        Moved(connection, entries).since(counted, Entry, Entry.seq),
        Moved(connection, quarters).since(select(*KEPT), UsageSum, UsageSum.quarter),
    )


def _off(counted: Select[*tuple[Any, ...]], kept: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Where sums of the entries in the books and those that are kept differ."""
    both = union_all(counted, kept).subquery().c
    sums = [func.sum(both[name]) for name in ("credits", "returned", "calls")]
    key = (both.wallet_id, both.quarter, both.spender, both.item)
    off = select(*key, *sums).group_by(*key).having((sums[0] != 0) | (sums[1] != 0) | (sums[2] != 0))
    return off.order_by(both.wallet_id)


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
