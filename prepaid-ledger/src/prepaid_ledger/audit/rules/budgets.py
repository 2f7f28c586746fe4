"""Whether each budget counts what its window was charged, counted anew from entries and holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, and_, or_, select

from ...books.budgets.budget_counts import EVERYBODY
from ...books.budgets.charges import charges, total
from ...tables import ArchiveMark, Budget, Wallet
from ..scope.problem import Problem
from ..scope.scope import Which, kept_for_a_scope


def budget_counts(connection: Connection, which: Which) -> Iterator[Problem]:
    """Budgets that count something else, and wallets whose spends would not ask for theirs.

    A window that was over before the archive ends is rolled on by the next charge, and is not counted anew.
    """
    if connection.scalar(_first(which)) is None:
        return
    for owner in connection.scalars(_unasked(which)):
        yield Problem("I10", owner, "there are budgets, and the wallet says that there never was one")
    for off in _off(which):
        for owner, spender, every, spent, counted in connection.execute(off):
            name = f"the budget of {spender or 'the wallet'} ({every})"
            yield Problem("I10", owner, f"{name} counts {spent}, entries and holds sum up to {counted}")


@kept_for_a_scope
def _first(which: Which) -> Select[int]:
    return select(Budget.wallet_id).where(which.has(Budget.wallet_id)).limit(1)


@kept_for_a_scope
def _unasked(which: Which) -> Select[str]:
    """Who has budgets though their wallet says that they don't."""
    its = which.has(Budget.wallet_id)
    budgets = select(Wallet.owner).join(Budget, Budget.of(Wallet))
    return budgets.where(Wallet.budget_changes == 0, its).distinct()


@kept_for_a_scope
def _off(which: Which) -> tuple[Select[*tuple[Any, ...]], ...]:
    """Budgets that count something else: those of a whole wallet, and those of a spender."""
    its = which.has(Budget.wallet_id)
    charged = charges(lambda wallet_id, slot: which.has(wallet_id))
    same_wallet = Budget.same_wallet_as(charged.c)
    everybodys = Budget.spender == EVERYBODY
    spent = Budget.spent_of(Wallet)
    in_window = or_(
        Budget.window_start.is_(None),
        and_(charged.c.at >= Budget.window_start, charged.c.at < Budget.resets_at),
    )
    summed = total(charged)
    past = ArchiveMark.same_wallet_as(Budget) & (Budget.window_start <= ArchiveMark.at)
    is_past = select(ArchiveMark.wallet_id).where(past).exists()
    return tuple(
        select(Wallet.owner, Budget.spender, Budget.every, spent, summed)
        .join(Wallet, Budget.of(Wallet))
        .outerjoin(charged, and_(by_whom, in_window))
        .where(whose, its, ~is_past)
        .group_by(Wallet.owner, Budget.wallet_id, Budget.spender, Budget.every, spent)
        .having(summed != spent)
        for whose, by_whom in (
            (everybodys, same_wallet),
            (~everybodys, and_(same_wallet, charged.c.spender == Budget.spender)),
        )
    )
