"""What codes gave: nobody paid for it, so it stands beside what was sold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..codes.models import Code, CodeClaim
from .days import midnight
from .selection import EVERYTHING, Selection


@dataclass(frozen=True)
class GivenRow:
    """What one code gave: how often, to how many owners, and how many credits to them and to its referrer."""

    code: str
    claims: int
    owners: int
    credits: int
    referrer_credits: int

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)


#: The columns of the report.
COLUMNS = tuple(field.name for field in fields(GivenRow))


def by_code(session: Session, selection: Selection = EVERYTHING, zone: str = "UTC") -> list[GivenRow]:
    """What each code gave in some days of the shop's calendar, who gave most first.

    :param zone: Where a day begins.
    """
    total = func.sum(CodeClaim.credits)
    wanted = (
        select(
            Code.code,
            func.count(),
            func.count(CodeClaim.owner.distinct()),
            total,
            func.sum(CodeClaim.referrer_credits),
        )
        .join(CodeClaim, CodeClaim.code_id == Code.id)
        .group_by(Code.id, Code.code)
        .order_by(total.desc(), Code.code)
    )
    if selection.first is not None:
        wanted = wanted.where(CodeClaim.at >= midnight(selection.first, zone))
    if selection.last is not None:
        wanted = wanted.where(CodeClaim.at < midnight(selection.last + timedelta(days=1), zone))
    return [
        GivenRow(code, claims, owners, int(credits), int(of_referrer))
        for code, claims, owners, credits, of_referrer in session.execute(wanted)
    ]
