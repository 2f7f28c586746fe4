"""What is known of a wallet's time whose finished spends lie in the archive: sums, and all that stayed."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..books.usage_sums import QUARTER
from ..books.wallets.wallet_state import WalletState
from ..tables import ArchiveMark, Entry, Kind, UsageSum


def archive_mark_of(session: Session, wallet: WalletState) -> ArchiveMark | None:
    """Up to where the wallet's finished spends lie in the archive, if any do."""
    return session.scalar(select(ArchiveMark).where(ArchiveMark.of(wallet)))


def check_quarter(mark: ArchiveMark | None, time: datetime, *, by_sums: bool = False) -> None:
    """Refuse a time that sums can't tell of.

    :param by_sums: What was spent before it is asked for: sums have all of the quarter of an hour in which
        the archive ends, and can't tell of a part of it.
    :raises ValueError: It is in the archive's time, and no quarter of an hour begins then.
    """
    if mark is None or time.timestamp() % QUARTER == 0:
        return
    since = datetime.fromtimestamp(time.timestamp() // QUARTER * QUARTER, UTC) if by_sums else time
    if since > mark.at:
        return
    raise ValueError(
        f"Spends up to {mark.at:%Y-%m-%d %H:%M:%S} UTC are in the archive, and the books have sums of them "
        f"by quarters of an hour. Ask for a time at :00, :15, :30 or :45, in place of {time:%H:%M:%S}, or "
        "for a later one."
    )


def balance_then(
    session: Session, wallet: WalletState, mark: ArchiveMark, time: datetime, *, inclusive: bool
) -> int:
    """The credits at a time of the archive: all that came in and went, less what was spent before.

    :param inclusive: With what came in or went at that very moment, but for spends.
    :raises ValueError: No quarter of an hour begins then.
    """
    check_quarter(mark, time)
    moved = select(func.coalesce(func.sum(Entry.credits), 0)).where(
        Entry.of(wallet),
        Entry.seq <= mark.seq,
        Entry.kind.not_in((Kind.SPEND, Kind.REVERSAL)),
        Entry.at <= time if inclusive else Entry.at < time,
    )
    used = select(func.coalesce(func.sum(UsageSum.credits - UsageSum.returned), 0)).where(
        UsageSum.of(wallet), UsageSum.quarter < int(time.timestamp()) // QUARTER
    )
    return int(session.scalar(moved) or 0) - int(session.scalar(used) or 0)
