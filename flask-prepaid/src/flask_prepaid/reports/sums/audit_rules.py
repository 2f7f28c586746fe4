"""Rules of the audit that are about sums: what reports read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select, union_all

from prepaid_ledger import Problem
from prepaid_ledger.tables import ArchiveMark, Entry, Kind, Wallet

from .. import deferred
from ..models import DEFERRED, ROLL_OVER, Counted, CreditSum, DaySum, Movement, OwnerSum


def sums_of_movements(connection: Connection) -> Iterator[Problem]:
    """What reports of sales read is what moved at Stripe, day by day."""

    def sums(table: type[DaySum] | type[Movement]) -> dict[tuple[object, ...], list[int]]:
        rows: Iterable[Any] = connection.execute(_by_day(table))
        return {tuple(row[:KEYS]): [int(number) for number in row[KEYS:]] for row in rows}

    kept, moved = sums(DaySum), sums(Movement)
    for cell in sorted(kept.keys() | moved.keys(), key=str):
        if kept.get(cell) != moved.get(cell):
            day, currency, category, *_ = cell
            yield Problem(
                "I11",
                None,
                f"{category} on {day} in {currency}: reports say {kept.get(cell)}, Stripe {moved.get(cell)}",
            )


#: How many columns of a day's sums say what they are the sums of.
KEYS = 5


@cache
def _by_day(table: type[DaySum] | type[Movement]) -> Select[*tuple[Any, ...]]:
    measures = (table.amount_minor, table.fee_minor, table.discount_minor, table.tax_minor)
    keys = (table.day, table.currency, table.category, table.product, table.country)
    return select(*keys, *(func.sum(measure) for measure in measures)).group_by(*keys)


def sums_of_owners(connection: Connection) -> Iterator[Problem]:
    """What the best customers are ranked by is what each was charged."""
    for currency, owner, minor in connection.execute(_of_owners()):
        yield Problem("I11", owner, f"reports say {minor:+} {currency} more than was charged")


@cache
def _of_owners() -> Select[*tuple[Any, ...]]:
    kept = select(OwnerSum.currency, OwnerSum.owner, OwnerSum.gross_minor.label("minor"))
    charged = select(Movement.currency, Movement.owner, -Movement.amount_minor).where(
        Movement.category == "charge", Movement.owner != ""
    )
    both = union_all(kept, charged).subquery()
    too_much = func.sum(both.c.minor)
    return (
        select(both.c.currency, both.c.owner, too_much)
        .group_by(both.c.currency, both.c.owner)
        .having(too_much != 0)
        .order_by(both.c.owner)
    )


def nets_of_movements(connection: Connection) -> Iterator[Problem]:
    """Gross less refunds, disputes and fees is what Stripe says its balance moved by, line by line."""
    off = Movement.amount_minor - Movement.fee_minor != Movement.net_minor
    rows = connection.execute(
        select(Movement.id, Movement.amount_minor, Movement.fee_minor, Movement.net_minor).where(off)
    )
    for id, amount, fee, net in rows:
        yield Problem("I11", None, f"{id} moved {amount} less {fee}; Stripe's balance moved by {net}")


def sums_of_entries(connection: Connection) -> Iterator[Problem]:
    """What reports of credits read is what the counted entries add up to, kind by kind.

    Spends that lie in the archive were counted before they left.
    """
    counted, summed = by_kind(connection, _of_entries()), by_kind(connection, _of_kinds())
    for spends, credits in connection.execute(_of_archives()):
        of_spends = counted.setdefault(Kind.SPEND.value, [0, 0, 0])
        of_spends[:2] = of_spends[0] + int(spends), of_spends[1] - int(credits)
    for name in sorted(counted.keys() | summed.keys()):
        if counted.get(name) != summed.get(name):
            yield Problem(
                "I11", None, f"{name}: reports say {summed.get(name)}, the entries {counted.get(name)}"
            )


@cache
def _of_entries() -> Select[*tuple[Any, ...]]:
    kind = case((Entry.key.startswith(f"{ROLL_OVER}:"), ROLL_OVER), else_=Entry.kind)
    return (
        select(kind, func.count(), func.sum(Entry.credits), func.sum(Entry.debt))
        .join(Counted, and_(Counted.same_wallet_as(Entry), Entry.seq <= Counted.seq))
        .group_by(kind)
    )


@cache
def _of_archives() -> Select[*tuple[Any, ...]]:
    """How many spends lie in archives, and what they took; no row if none do."""
    sums = (func.sum(ArchiveMark.spends), func.sum(ArchiveMark.credits))
    return select(*sums).having(func.count() > 0)


@cache
def _of_kinds() -> Select[*tuple[Any, ...]]:
    sums = (func.sum(CreditSum.entries), func.sum(CreditSum.credits), func.sum(CreditSum.debt))
    return select(CreditSum.kind, *sums).where(CreditSum.kind != DEFERRED).group_by(CreditSum.kind)


def sums_of_deferred(connection: Connection) -> Iterator[Problem]:
    """What is paid for and not used yet is what the days add up to, once all that moved is counted."""
    if connection.execute(_uncounted()).first() is not None:
        return
    there, summed = (
        {str(currency): int(minor) for currency, minor in connection.execute(sums) if minor}
        for sums in (deferred.in_lots(), _deferred_by_day())
    )
    for currency in sorted(there.keys() | summed.keys()):
        reported, left = summed.get(currency, 0), there.get(currency, 0)
        if reported != left:
            detail = f"reports say {reported} {currency} are deferred, the lots {left}"
            yield Problem("I11", None, detail)


@cache
def _uncounted() -> Select[*tuple[Any, ...]]:
    """A wallet of which something is not counted yet."""
    behind = or_(Wallet.seq > func.coalesce(Counted.seq, 0), Wallet.drawn_seq < Wallet.seq)
    return select(Wallet.id).outerjoin(Counted, Counted.of(Wallet)).where(behind).limit(1)


@cache
def _deferred_by_day() -> Select[*tuple[Any, ...]]:
    return (
        select(CreditSum.currency, func.sum(CreditSum.worth_minor))
        .where(CreditSum.kind == DEFERRED)
        .group_by(CreditSum.currency)
    )


def by_kind(connection: Connection, wanted: Select[*tuple[Any, ...]]) -> dict[str, list[int]]:
    """Number, credits and debt of the entries of each kind."""
    rows: Iterable[Any] = connection.execute(wanted)
    return {str(name): [int(number) for number in numbers] for name, *numbers in rows}
