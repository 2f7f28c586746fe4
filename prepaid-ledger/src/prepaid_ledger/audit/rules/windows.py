"""Whether each budget's window is one of its calendar, has begun, and nothing was charged after it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from ...books.budgets.windows import Window, window_of
from ...tables import Budget, Every, Wallet
from ..scope.scope import Which, kept_for_a_scope


def wrong_windows(connection: Connection, which: Which) -> Iterator[tuple[str, str, str, str]]:
    """Owner, spender and ``every`` of budgets with a window that the ledger would not have made, and why.

    A charge begins the window that it lies in, and moves the wallet; so does setting a budget.
    """
    for owner, spender, every, zone, *window, moved_at in connection.execute(_windows(which)):
        why = _why(every, zone, Window(*window), moved_at)
        if why is not None:
            yield owner, spender, every, why


def _why(every: Every, zone: str, window: Window, moved_at: datetime) -> str | None:
    """What is wrong with a window; ``None`` where nothing is."""
    if window.start is None:
        return None
    try:
        right = window_of(every, zone, window.start)
    except ValueError as error:
        return str(error)
    if window != right:
        return f"runs from {window.start} to {window.end}, and in {zone} from {right.start} to {right.end}"
    if window.start > moved_at:
        return f"runs from {window.start}, and the wallet has moved at {moved_at} last"
    return None


@kept_for_a_scope
def _windows(which: Which) -> Select[*tuple[Any, ...]]:
    columns = (Budget.spender, Budget.every, Budget.zone, Budget.window_start, Budget.resets_at)
    return (
        select(Wallet.owner, *columns, Wallet.moved_at)
        .join(Wallet, Budget.of(Wallet))
        .where(which.has(Budget.wallet_id, Budget.slot), Budget.window_start.is_not(None))
    )
