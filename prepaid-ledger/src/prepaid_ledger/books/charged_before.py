"""What a budget begins with: what was charged in its window before it was set, by the sums of usage."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, union_all
from sqlalchemy.orm import Session, aliased

from ..tables import Entry, Hold, HoldExtension, HoldState, Kind, UsageMark, UsageSum
from .budgets.budget_counts import EVERYBODY
from .budgets.charges import REVERSAL, extensions, holds, owed, spends, total
from .usage_sums import QUARTER
from .wallets.last_before import last_before
from .wallets.wallet_state import WalletState


def charged_in(session: Session, wallet: WalletState, spender: str, start: datetime | None) -> int:
    """What one spender of a wallet, or the whole wallet, was charged since ``start``, or ever.

    Spends up to the wallet's mark of usage are not read: there are sums of them. It is one statement, for
    whoever brings the sums up does not ask for the wallet's lock. Of holds those of the window are read, and
    for ever those that are open.
    """
    mark = func.coalesce(select(UsageMark.seq).where(UsageMark.of(wallet)).scalar_subquery(), 0)
    if start is None:
        parts = _ever(wallet, mark)
        sums = select(func.coalesce(func.sum(UsageSum.credits - UsageSum.returned), 0))
    else:
        parts = _since(wallet, mark, last_before(session, wallet, start))
        sums = select(func.coalesce(func.sum(UsageSum.credits), 0))
    charged = union_all(*parts).subquery("charges")
    others = select(total(charged)).where(charged.c.at.is_not(None))
    sums = sums.where(UsageSum.of(wallet))
    if spender != EVERYBODY:
        others, sums = others.where(charged.c.spender == spender), sums.where(UsageSum.spender == spender)
    if start is not None:
        others = others.where(charged.c.at >= start)
        sums = sums.where(UsageSum.quarter >= int(start.timestamp()) // QUARTER)
    return int(session.scalars(select(others.scalar_subquery() + sums.scalar_subquery())).one())


def _ever(wallet: WalletState, mark: ColumnElement[int]) -> list[Select[*tuple[Any, ...]]]:
    """What the sums do not have, whenever it was: it does not matter when a hold was charged."""
    moved = select(Entry.wallet_id, Entry.slot, Entry.spender, Entry.at, (-Entry.credits).label("credits"))
    held = select(Hold.wallet_id, Hold.slot, Hold.spender, Hold.at, Hold.credits)
    return [
        moved.where(Entry.of(wallet), Entry.seq > mark, Entry.kind.in_([Kind.SPEND, Kind.REVERSAL])),
        owed().where(Entry.of(wallet)),
        held.where(Hold.of(wallet), Hold.closed_seq.is_(None)),
    ]


def _since(wallet: WalletState, mark: ColumnElement[int], after: int) -> list[Select[*tuple[Any, ...]]]:
    """What the sums of a window do not have, less what of holds they have: those count as they opened.

    :param after: The last ``seq`` before the window.
    """
    return [
        spends().where(Entry.of(wallet), Entry.seq > mark, Entry.seq > after),
        captures().where(Hold.of(wallet), Hold.closed_seq > after, Hold.closed_seq <= mark),
        owed().where(Entry.of(wallet), Entry.seq > after),
        returns().where(REVERSAL.of(wallet), REVERSAL.refers_to_seq > after),
        holds().where(Hold.of(wallet), Hold.seq > after),
        extensions().where(Hold.of(wallet), HoldExtension.of(wallet), HoldExtension.seq > after),
    ]


def captures() -> Select[*tuple[Any, ...]]:
    """What holds have spent, when they were captured: negative."""
    return select(Hold.wallet_id, Hold.slot, Hold.spender, Hold.closed_at, -Hold.captured).where(
        Hold.state == HoldState.CAPTURED
    )


def returns() -> Select[*tuple[Any, ...]]:
    """What is reversed of spends; of captures it has no time. A join might read all spends of the wallet."""
    spent = aliased(Entry)
    of_spend = spent.same_wallet_as(REVERSAL) & (spent.seq == REVERSAL.refers_to_seq)
    at = select(spent.at).where(of_spend, spent.refers_to_seq.is_(None)).scalar_subquery()
    return select(
        REVERSAL.wallet_id, REVERSAL.slot, REVERSAL.spender, at.label("at"), -REVERSAL.credits
    ).where(REVERSAL.kind == Kind.REVERSAL)
