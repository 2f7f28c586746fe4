"""The sums of a wallet that are kept beside its entries, as they were when an audit compared them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from ...tables import Budget, UsageMark, Wallet
from .scope import Which


class Counted(NamedTuple):
    """A budget, and what it counted in the window that ran."""

    spender: str
    every: str
    window_start: datetime | None
    resets_at: datetime | None
    spent: int

    def has(self, at: datetime) -> bool:
        """Whether a time lies in the window."""
        if self.window_start is None or self.resets_at is None:
            return True
        return self.window_start <= at < self.resets_at

    def before(self, proved: Counted) -> int | None:
        """What the window had been charged when it was proved; ``None`` if that does not say."""
        if (self.window_start, self.resets_at) == (proved.window_start, proved.resets_at):
            return proved.spent
        if self.window_start is None or proved.resets_at is None or self.window_start < proved.resets_at:
            return None
        return 0  # it was rolled on since, by the first charge in it


class Sums(NamedTuple):
    """What was compared. By default that is nothing: so it is of a proof that says nothing of it.

    ``seq`` is up to where the wallet had come, and the ``budgets`` were those after so many
    ``budget_changes``. Its sums of usage were those of the entries up to ``summed``.
    """

    seq: int = 0
    summed: int = 0
    budget_changes: int = 0
    budgets: tuple[Counted, ...] = ()


NOTHING = Sums()


def sums_now(connection: Connection, which: Which) -> Mapping[int, Sums]:
    """The sums of some wallets as they stand, for when they were compared in this snapshot."""
    budgets = defaultdict[int, list[Counted]](list)
    rows: Any = select(
        Budget.wallet_id,
        Budget.spender,
        Budget.every,
        Budget.window_start,
        Budget.resets_at,
        Budget.spent_of(Wallet),
    )
    rows = rows.join(Wallet, Budget.of(Wallet)).where(which.has(Budget.wallet_id, Budget.slot))
    for wallet_id, *counted in connection.execute(rows):
        budgets[wallet_id].append(Counted._make(counted))
    wallets = (
        select(Wallet.id, Wallet.seq, func.coalesce(UsageMark.seq, 0), Wallet.budget_changes)
        .outerjoin(UsageMark, UsageMark.of(Wallet))
        .where(which.has(Wallet.id, Wallet.slot))
    )
    return {
        wallet_id: Sums(seq, summed, changes, tuple(budgets.get(wallet_id, ())))
        for wallet_id, seq, summed, changes in connection.execute(wallets)
    }


def counted_before(now: Sums, proved: Sums) -> dict[Counted, int] | None:
    """Each budget, with what was counted in its window when it was proved.

    ``None`` where that is not known of one: it was set since, or is another than the ledger would have made.
    """
    were = {(budget.spender, budget.every): budget for budget in proved.budgets}
    counted = dict[Counted, int]()
    for budget in now.budgets:
        was = were.get((budget.spender, budget.every))
        before = None if was is None else budget.before(was)
        if before is None or now.budget_changes != proved.budget_changes:
            return None
        counted[budget] = before
    return counted
