"""How a wallet fell below its threshold: a top-up follows what its owner spends, and nothing else.

Credits that a refund, a dispute, an operator or their own end have taken are no reason to charge a card.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from prepaid_ledger.tables import ArchiveMark, Entry, Hold, HoldState, Kind, Wallet

from ...payments.models import TopUp


def cause(session: Session, row: TopUp) -> Kind | None:
    """How credits fell below the threshold: by spending, if any were spent since; else as they fell then.

    ``None`` if they were below it when it was switched on.
    """
    wallet = session.execute(
        select(Wallet.slot, Wallet.id, Wallet.held).where(Wallet.owned_by(row.owner))
    ).one_or_none()
    if wallet is None:
        return None
    fewer = Entry.of(wallet), Entry.credits < 0, Entry.debt >= 0  # what pays a debt went before it was owed
    available_before = Entry.balance_after - Entry.credits - wallet.held
    crossed = select(Entry.kind, Entry.seq, Entry.balance_after).where(
        *fewer, Entry.seq > row.after_seq, available_before >= row.threshold
    )
    fall = session.execute(crossed.order_by(Entry.seq.desc()).limit(1)).one_or_none()
    if fall is None:
        return None
    spent = select(Entry.seq).where(*fewer, Entry.seq >= fall.seq, Entry.kind == Kind.SPEND)
    held = select(Hold.seq).where(  # a hold sets credits aside to be spent
        Hold.of(wallet), Hold.seq > fall.seq, Hold.state == HoldState.OPEN
    )
    was_spent = session.scalar(select(or_(spent.exists(), held.exists())))
    was_spent = was_spent or _has_archived_spend(session, wallet, fall)
    return Kind.SPEND if was_spent else Kind(fall.kind)


def _has_archived_spend(session: Session, wallet: Any, fall: Any) -> bool:
    """Whether something was spent after an entry, and lies in the archive: its credits are missing here."""
    mark = session.scalar(select(ArchiveMark).where(ArchiveMark.of(wallet), ArchiveMark.seq > fall.seq))
    if mark is None:
        return False
    stayed = select(func.coalesce(func.sum(Entry.credits), 0)).where(
        Entry.of(wallet), Entry.seq > fall.seq, Entry.seq <= mark.seq
    )
    return bool(fall.balance_after + session.scalars(stayed).one() != mark.balance)
