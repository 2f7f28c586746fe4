"""What was drawn for a customer, by day and by key; what each spend bought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, literal, select

from ..models import ApiKey, Number, db
from ..numbers import KEY_OF

#: By which key: one's id, by none (on this site), or by whichever (``None``).
By = int | Literal["site"] | None

ON_THIS_SITE = "this site"


@dataclass(frozen=True)
class Bought:
    """What one spend gave, and by which key it was asked for."""

    values: list[int]
    key_name: str


@dataclass(frozen=True)
class Share:
    """What one key, or this site, drew of one customer's credits; on one day, UTC, where it says so."""

    key_id: int | None
    name: str
    calls: int
    credits: int
    day: date | None = None


@dataclass(frozen=True)
class Total:
    """Calls that sold numbers, and the credits that they took."""

    calls: int = 0
    credits: int = 0

    @classmethod
    def of(cls, shares: Iterable[Share]) -> Total:
        listed = list(shares)
        return cls(sum(share.calls for share in listed), sum(share.credits for share in listed))


def begin_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def bought(user_id: int, ledger_keys: Sequence[str]) -> Mapping[str, Bought]:
    """What the spends among ``ledger_keys`` gave."""
    ids = [key.removeprefix(KEY_OF) for key in ledger_keys if key.startswith(KEY_OF)]
    rows = db.session.execute(
        select(Number.id, Number.values, ApiKey.name)
        .outerjoin(ApiKey, ApiKey.id == Number.api_key_id)
        .where(Number.user_id == user_id, Number.id.in_(ids))
    )
    return {KEY_OF + row.id: Bought(row.values, row.name or "") for row in rows}


def spends_by(user_id: int, by: By) -> Select[str] | None:
    """The ledger's keys of what one key drew; ``None`` where it is no matter which."""
    if by is None:
        return None
    return select(literal(KEY_OF) + Number.id).where(Number.user_id == user_id, drawn_by(by))


def drawn_by(by: By) -> ColumnElement[bool]:
    return Number.api_key_id.is_(None) if by == "site" else Number.api_key_id == by


def by_day_and_key(user_id: int, first: date, last: date, by: By = None) -> list[Share]:
    """What each key drew on each day from ``first`` to ``last``, both included; the days in order."""
    on = day_of(Number.created_at)
    whose = [Number.user_id == user_id, Number.created_at >= begin_of(first)]
    whose.append(Number.created_at < begin_of(last) + timedelta(days=1))
    if by is not None:
        whose.append(drawn_by(by))
    rows = db.session.execute(
        select(
            on.label("day"),
            Number.api_key_id,
            ApiKey.name,
            func.count().label("calls"),
            func.sum(Number.charged).label("credits"),
        )
        .select_from(Number)
        .outerjoin(ApiKey, ApiKey.id == Number.api_key_id)
        .where(*whose)
        .group_by(on, Number.api_key_id, ApiKey.name)
        .order_by(on, Number.api_key_id)
    )
    return [
        Share(
            row.api_key_id,
            ON_THIS_SITE if row.api_key_id is None else row.name,
            row.calls,
            int(row.credits),
            date.fromisoformat(str(row.day)),
        )
        for row in rows
    ]


def by_day(shares: Iterable[Share]) -> dict[date, Total]:
    """The days that sold anything, in order."""
    days: dict[date, list[Share]] = {}
    for share in shares:
        assert share.day is not None, "shares of no day are no statement by day"
        days.setdefault(share.day, []).append(share)
    return {day: Total.of(listed) for day, listed in days.items()}


def by_key(shares: Iterable[Share]) -> list[Share]:
    """What each key drew on all the days, the one with the most first."""
    keys: dict[int | None, list[Share]] = {}
    for share in shares:
        keys.setdefault(share.key_id, []).append(share)
    added = [(key_id, listed[0].name, Total.of(listed)) for key_id, listed in keys.items()]
    summed = [Share(key_id, name, total.calls, total.credits) for key_id, name, total in added]
    return sorted(summed, key=lambda share: -share.credits)


def lasts_days(user_id: int, credits: int, today: date) -> int | None:
    """For how many days ``credits`` last at the pace of the last 30 days, or since the first number in them.

    ``None`` where nothing was drawn.
    """
    shares = by_day_and_key(user_id, today - timedelta(days=29), today)
    drawn = Total.of(shares).credits
    if not drawn:
        return None
    first = min(share.day for share in shares if share.day is not None)
    return credits * ((today - first).days + 1) // drawn


def day_of(column: Any) -> Any:
    """The UTC day of a time, in the database."""
    if db.engine.dialect.name == "sqlite":
        return func.date(column)
    return func.date(func.timezone("UTC", column))
