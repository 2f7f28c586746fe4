"""What a budget begins with: what was charged in its window before it was set, by the sums of usage."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.orm import Session, aliased

from ..tables import Entry, Hold, Kind, UsageMark, UsageSum
from .budgets.budget_counts import EVERYBODY
from .budgets.charges import REVERSAL, extensions, holds, owed, spends, total
from .usage_sums import QUARTER
from .wallets.wallet_state import WalletState


def charged_in(session: Session, wallet: WalletState, spender: str, start: datetime | None) -> int:
    """What one spender of a wallet, or the whole wallet, was charged since ``start``, or ever.

    Spends up to the wallet's mark of usage are not read: there are sums of them, less what of these holds
    have taken. It is one statement, for whoever brings the sums up does not ask for the wallet's lock.
    """
    # No range of ``seq`` for captures and reversals, which are few: the index is to be that of what refers.
    mark = func.coalesce(select(UsageMark.seq).where(UsageMark.of(wallet)).scalar_subquery(), 0)
    parts = (
        spends().where(Entry.of(wallet), Entry.seq > mark),
        captures().where(Entry.of(wallet), Entry.seq - mark <= 0),
        owed().where(Entry.of(wallet), Entry.refers_to_seq > 0),
        returns().where(REVERSAL.of(wallet)),
        holds().where(Hold.of(wallet)),
        extensions().where(Hold.of(wallet)),
    )
    charged = union_all(*parts).subquery("charges")
    others = select(total(charged)).where(charged.c.at.is_not(None))
    sums = select(func.coalesce(func.sum(UsageSum.credits), 0)).where(UsageSum.of(wallet))
    if spender != EVERYBODY:
        others, sums = others.where(charged.c.spender == spender), sums.where(UsageSum.spender == spender)
    if start is not None:
        others = others.where(charged.c.at >= start)
        sums = sums.where(UsageSum.quarter >= int(start.timestamp()) // QUARTER)
    return int(session.scalars(select(others.scalar_subquery() + sums.scalar_subquery())).one())


def captures() -> Select[*tuple[Any, ...]]:
    """What holds have spent: negative."""
    return select(Entry.wallet_id, Entry.slot, Entry.spender, Entry.at, Entry.credits).where(
        Entry.kind == Kind.SPEND, Entry.refers_to_seq > 0
    )


def returns() -> Select[*tuple[Any, ...]]:
    """What is reversed of spends; of captures it has no time. A join might read all spends of the wallet."""
    spent = aliased(Entry)
    of_spend = spent.same_wallet_as(REVERSAL) & (spent.seq == REVERSAL.refers_to_seq)
    at = select(spent.at).where(of_spend, spent.refers_to_seq.is_(None)).scalar_subquery()
    return select(
        REVERSAL.wallet_id, REVERSAL.slot, REVERSAL.spender, at.label("at"), -REVERSAL.credits
    ).where(REVERSAL.kind == Kind.REVERSAL, REVERSAL.refers_to_seq > 0)
