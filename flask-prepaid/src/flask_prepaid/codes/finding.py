"""Codes that were made: one by its name, the latest, and whether there is any to redeem."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from . import spelling
from .models import Code


def find(session: Session, code: str) -> Code | None:
    """The code that is typed so."""
    plain = spelling.folded(code)
    return None if plain is None else session.scalars(select(Code).where(Code.folded == plain)).first()


def listed(
    session: Session, *, limit: int, before: int | None = None, owner: str | None = None
) -> list[Code]:
    """Codes, the newest first.

    :param before: Only those with a smaller ``id``.
    :param owner: Only those that are this referrer's.
    """
    wanted = select(Code).order_by(Code.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(Code.id < before)
    if owner is not None:
        wanted = wanted.where(Code.referrer == owner)
    return list(session.scalars(wanted))


def is_any_on(session: Session, now: datetime) -> bool:
    """Whether there is a code that somebody could redeem."""
    open_ones = select(Code.id).where(
        Code.off_at.is_(None),
        Code.expires_at.is_(None) | (Code.expires_at > now),
        Code.max_claims.is_(None) | (Code.claims < Code.max_claims),
    )
    return session.scalar(open_ones.limit(1)) is not None
