"""Which entry of a wallet was the last before a time: found in few steps, without an index by time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...tables import Entry
from .wallet_state import WalletState


def last_before(session: Session, wallet: WalletState, time: datetime, *, inclusive: bool = False) -> int:
    """The ``seq`` of the last entry before ``time``, or 0."""
    low, high = 0, wallet.seq + 1  # the entry is from low on, and before high
    while high - low > 1:
        middle = (low + high) // 2
        entry = session.execute(
            select(Entry.seq, Entry.at)
            .where(Entry.of(wallet), Entry.seq >= middle, Entry.seq < high)
            .order_by(Entry.seq)
            .limit(1)
        ).one_or_none()
        if entry is not None and (entry.at <= time if inclusive else entry.at < time):
            low = entry.seq
        else:
            high = middle
    return low
