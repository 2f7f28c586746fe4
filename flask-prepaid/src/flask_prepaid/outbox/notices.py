"""What a customer was told once, and is not told again."""

from __future__ import annotations

from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert

from .models import Notice


def claim_notice(session: Session, owner: str, about: str) -> bool:
    """Note that the owner gets this notice now; whether nobody has before. Of two at once, one may send."""
    row = {"owner": owner, "about": about, "sent_at": clock.wall()}
    new = insert(session, Notice).values(row).on_conflict_do_nothing().returning(Notice.owner)
    return session.scalar(new) is not None
