"""Whether each budget counts what its window was charged, counted anew from entries and holds."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, and_, func, or_, select

from ..books.budget_counts import EVERYBODY
from ..books.charges import charges
from ..tables import Budget, Wallet
from .problem import Problem
from .scope import Which


def budget_counts(connection: Connection, which: Which) -> Iterator[Problem]:
    """Budgets that count something else, and wallets whose spends would not ask for theirs."""
    its = which.has(Budget.wallet_id)
    if connection.scalar(select(Budget.wallet_id).where(its).limit(1)) is None:
        return
    unasked = select(Wallet.owner).join(Budget, Budget.of(Wallet)).where(Wallet.budget_changes == 0, its)
    for owner in connection.scalars(unasked.distinct()):
        yield Problem("I10", owner, "there are budgets, and the wallet says that there never was one")
    charged = charges(lambda wallet_id, slot: which.has(wallet_id))
    same_wallet = Budget.beside(charged.c)
    everybodys = Budget.spender == EVERYBODY
    spent = Budget.spent_of(Wallet)
    for whose, by_whom in (
        (everybodys, same_wallet),
        (~everybodys, and_(same_wallet, charged.c.spender == Budget.spender)),
    ):
        in_window = or_(
            Budget.window_start.is_(None),
            and_(charged.c.at >= Budget.window_start, charged.c.at < Budget.resets_at),
        )
        total = func.coalesce(func.sum(charged.c.credits), 0)
        off = (
            select(Wallet.owner, Budget.spender, Budget.every, spent, total)
            .join(Wallet, Budget.of(Wallet))
            .outerjoin(charged, and_(by_whom, in_window))
            .where(whose, its)
            .group_by(Wallet.owner, Budget.wallet_id, Budget.spender, Budget.every, spent)
            .having(total != spent)
        )
        for owner, spender, every, counts, counted in connection.execute(off):
            name = f"the budget of {spender or 'the wallet'} ({every})"
            yield Problem("I10", owner, f"{name} counts {counts}, entries and holds sum up to {counted}")
