"""Whether each budget counts what its window was charged, counted anew from entries and holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from ...books.budgets.budget_counts import EVERYBODY
from ...books.budgets.charges import charges
from ...database.rows import Stretch
from ...tables import ArchiveMark, Budget, Wallet
from ..scope.problem import Problem
from ..scope.proofs import Proof
from ..scope.scope import Moved, Which, kept_for_a_scope
from ..scope.sums import NOTHING, Counted, counted_before, sums_now
from .charged_since import Charge, charged_since
from .windows import wrong_windows


def budget_counts(connection: Connection, which: Which, earlier: Mapping[int, Proof]) -> Iterator[Problem]:
    """Budgets that count something else, and wallets whose spends would not ask for theirs.

    A window that was over before the archive ends is rolled on by the next charge, and is not counted anew.
    Of a stretch, a budget counts what it did when it was proved, and the charges that moved since. All of
    a wallet is counted anew, as setting a budget does, where one was set since, or was not proved.

    :param earlier: The proofs of the wallets.
    """
    if connection.scalar(_first(which)) is None:
        return
    for owner in connection.scalars(_unasked(which)):
        yield Problem("I10", owner, "there are budgets, and the wallet says that there never was one")
    for owner, spender, every, why in wrong_windows(connection, which):
        yield Problem("I10", owner, f"the window of {_name(spender, every)} {why}")
    if isinstance(which, Moved):
        known, anew = _known(connection, which, earlier)
        for wallet_id, budget, counted, late in _off_since(connection, known) if known else ():
            whose = connection.scalar(select(Wallet.owner).where(Wallet.id == wallet_id))
            yield from _problems(
                whose, budget.spender, budget.every, budget.spent, counted, budget.resets_at, late
            )
        if not anew:
            return
        which = Moved(connection, anew)
    for off in _off(which):
        for row in connection.execute(off):
            yield from _problems(*row)


def _name(spender: str, every: str) -> str:
    return f"the budget of {spender or 'the wallet'} ({every})"


def _problems(
    owner: str | None,
    spender: str,
    every: str,
    spent: int,
    counted: int,
    resets_at: datetime | None,
    late: datetime | None,
) -> Iterator[Problem]:
    """What is off in a budget.

    :param late: When its last charge was, if that was after its window.
    """
    name = _name(spender, every)
    if counted != spent:
        yield Problem("I10", owner, f"{name} counts {spent}, entries and holds sum up to {counted}")
    if late is not None:
        yield Problem("I10", owner, f"{name} has a window up to {resets_at}, and was charged at {late}")


class Known(NamedTuple):
    """A wallet's budgets, and what was counted in each one's window when it was proved."""

    stretch: Stretch
    budgets: dict[Counted, int]


def _known(
    connection: Connection, which: Moved, earlier: Mapping[int, Proof]
) -> tuple[list[Known], list[Stretch]]:
    """The wallets whose budgets go on from their proofs, and those that are counted anew."""
    known, anew = list[Known](), list[Stretch]()
    now = sums_now(connection, which)
    for stretch in which.stretches:
        sums = now.get(stretch.wallet_id, NOTHING)
        proved = earlier[stretch.wallet_id].sums if stretch.wallet_id in earlier else NOTHING
        budgets = counted_before(sums, proved)
        if budgets is None:
            anew.append(stretch._replace(after=0))
        elif budgets:
            known.append(Known(stretch._replace(after=proved.seq), budgets))
    return known, anew


def _off_since(
    connection: Connection, known: Sequence[Known]
) -> Iterator[tuple[int, Counted, int, datetime | None]]:
    """Budgets that count something else than they did, and what moved since; or were charged later."""
    late = dict[tuple[int, Counted], datetime]()
    counts = {each.stretch.wallet_id: each.budgets for each in known}
    for charge, budget in _charged(connection, known):
        if budget.has(charge.at):
            counts[charge.wallet_id][budget] += int(charge.credits)
        elif budget.resets_at is not None and charge.at >= budget.resets_at:
            late[charge.wallet_id, budget] = charge.at
    for wallet_id, budgets in counts.items():
        for budget, counted in budgets.items():
            if counted != budget.spent or (wallet_id, budget) in late:
                yield wallet_id, budget, counted, late.get((wallet_id, budget))


def _charged(connection: Connection, known: Sequence[Known]) -> Iterator[tuple[Charge, Counted]]:
    """Each charge that moved since, with each budget of whom it was charged to."""
    theirs = defaultdict[tuple[int, str | None], list[Counted]](list)
    for each in known:
        for budget in each.budgets:
            theirs[each.stretch.wallet_id, budget.spender].append(budget)
    for charge in charged_since(connection, Moved(connection, [each.stretch for each in known])):
        for spender in {charge.spender, EVERYBODY}:
            for budget in theirs.get((charge.wallet_id, spender), ()):
                yield charge, budget


@kept_for_a_scope
def _first(which: Which) -> Select[int]:
    return select(Budget.wallet_id).where(which.has(Budget.wallet_id, Budget.slot)).limit(1)


@kept_for_a_scope
def _unasked(which: Which) -> Select[str]:
    """Who has budgets though their wallet says that they don't."""
    its = which.has(Budget.wallet_id, Budget.slot)
    budgets = select(Wallet.owner).join(Budget, Budget.of(Wallet))
    return budgets.where(Wallet.budget_changes == 0, its).distinct()


@kept_for_a_scope
def _off(which: Which) -> tuple[Select[*tuple[Any, ...]], ...]:
    """Budgets that count something else: those of a whole wallet, and those of a spender."""
    its = which.has(Budget.wallet_id, Budget.slot)
    charged = charges(which.has)
    same_wallet = Budget.same_wallet_as(charged.c)
    everybodys = Budget.spender == EVERYBODY
    spent = Budget.spent_of(Wallet)
    begins = or_(Budget.window_start.is_(None), charged.c.at >= Budget.window_start)
    until = ArchiveMark.at
    is_late = and_(charged.c.at >= Budget.resets_at, or_(until.is_(None), charged.c.at > until))
    is_counted = or_(until.is_(None), Budget.window_start.is_(None), Budget.window_start > until)
    summed = func.coalesce(func.sum(case((is_late, 0), else_=charged.c.credits)), 0)
    late = func.max(case((is_late, charged.c.at)))
    row = (Wallet.owner, Budget.spender, Budget.every, spent)
    return tuple(
        select(*row, case((is_counted, summed), else_=spent), Budget.resets_at, late)
        .join(Wallet, Budget.of(Wallet))
        .outerjoin(ArchiveMark, ArchiveMark.same_wallet_as(Budget))
        .outerjoin(charged, and_(by_whom, begins))
        .where(whose, its)
        .group_by(*row, Budget.wallet_id, Budget.window_start, Budget.resets_at, until)
        .having(or_(and_(is_counted, summed != spent), late.is_not(None)))
        for whose, by_whom in (
            (everybodys, same_wallet),
            (~everybodys, and_(same_wallet, charged.c.spender == Budget.spender)),
        )
    )
