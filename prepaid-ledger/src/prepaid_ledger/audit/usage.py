"""Whether the sums of usage are those of the entries up to each wallet's mark."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select, union_all

from ..books.usage_sums import sums_of_entries
from ..tables import Entry, UsageMark, UsageSum, Wallet
from .problem import Problem
from .scope import Which


def usage_sums(connection: Connection, which: Which) -> Iterator[Problem]:
    """Sums that are not those of the entries, and marks that no entry has come to."""
    if not any(
        connection.execute(select(table.wallet_id).where(which.has(table.wallet_id)).limit(1)).first()
        for table in (UsageSum, UsageMark)
    ):
        return
    marked = select(UsageMark.wallet_id).where(UsageMark.beside(Entry), Entry.seq <= UsageMark.seq)
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
    key = (both.c.wallet_id, both.c.slot, both.c.quarter, both.c.spender, both.c.item)
    off = select(*key, *sums).group_by(*key).having((sums[0] != 0) | (sums[1] != 0) | (sums[2] != 0))
    rows = off.subquery()
    query = select(Wallet.owner, rows.c.spender, rows.c.item).outerjoin(
        Wallet, (Wallet.slot == rows.c.slot) & (Wallet.id == rows.c.wallet_id)
    )
    for owner, spender, item in connection.execute(query):
        whose = f"{spender or 'nobody'} for {item or 'nothing'}"
        yield Problem("I14", owner, f"the sums of usage of {whose} are not those of the entries")
    beyond = (
        select(Wallet.owner)
        .join(UsageMark, UsageMark.of(Wallet))
        .where(UsageMark.seq > Wallet.seq, which.has(Wallet.id))
    )
    for owner in connection.scalars(beyond):
        yield Problem("I14", owner, "the sums of usage go further than the entries")
