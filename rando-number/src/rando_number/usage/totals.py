"""What was drawn for a customer, by day and by key; what each spend bought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, func, select

from flask_prepaid import ApiKey
from flask_prepaid.languages.words import marked

from ..extensions import db
from ..models import Number

#: An API key by its id, this site (where no key is needed), or ``None`` for all of them.
By = int | Literal["site"] | None

#: What the credits are added up by.
Per = Literal["hour", "day", "week"]

ON_THIS_SITE = marked("this site")


@dataclass(frozen=True)
class Bought:
    """What one spend gave, and by which key it was asked for."""

    values: list[int]
    key_name: str


@dataclass(frozen=True)
class Share:
    """The calls by one API key, or on this site, and their credits; from ``at`` on, UTC, if it has a time."""

    key_id: int | None
    name: str
    calls: int
    credits: int
    at: datetime | None = None


@dataclass(frozen=True)
class Total:
    """Calls that sold numbers, and the credits that they took."""

    calls: int = 0
    credits: int = 0

    @classmethod
    def over(cls, shares: Iterable[Share]) -> Total:
        shares = list(shares)
        return cls(sum(share.calls for share in shares), sum(share.credits for share in shares))


def begin_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def bought(user_id: int, ledger_keys: Sequence[str]) -> Mapping[str, Bought]:
    """What the spends among ``ledger_keys`` gave."""
    rows = db.session.execute(
        select(Number.id, Number.values, ApiKey.name)
        .outerjoin(ApiKey, ApiKey.id == Number.api_key_id)
        .where(Number.user_id == user_id, Number.id.in_(ledger_keys))
    )
    return {row.id: Bought(row.values, row.name or "") for row in rows}


def spends_by(user_id: int, by: By) -> Select[str] | None:
    """The ledger's keys of what one API key drew; ``None`` for all of them."""
    if by is None:
        return None
    return select(Number.id).where(Number.user_id == user_id, drawn_by(by))


def drawn_by(by: By) -> ColumnElement[bool]:
    return Number.api_key_id.is_(None) if by == "site" else Number.api_key_id == by


def by_day_and_key(user_id: int, first: date, last: date, by: By = None) -> list[Share]:
    """What each key drew on each day from ``first`` to ``last``, both included; the days in order."""
    return by_time_and_key(user_id, first, last, by, "day")


def by_time_and_key(user_id: int, first: date, last: date, by: By, per: Per) -> list[Share]:
    """What each key drew in each hour or on each day from ``first`` to ``last``, both included; in order.

    By the week it comes by the day: a chart adds it up.
    """
    on = hour_of(Number.created_at) if per == "hour" else day_of(Number.created_at)
    drawn = [Number.user_id == user_id, Number.created_at >= begin_of(first)]
    drawn.append(Number.created_at < begin_of(last) + timedelta(days=1))
    if by is not None:
        drawn.append(drawn_by(by))
    rows = db.session.execute(
        select(
            on.label("at"),
            Number.api_key_id,
            ApiKey.name,
            func.count().label("calls"),
            func.sum(Number.charged).label("credits"),
        )
        .select_from(Number)
        .outerjoin(ApiKey, ApiKey.id == Number.api_key_id)
        .where(*drawn)
        .group_by(on, Number.api_key_id, ApiKey.name)
        .order_by(on, Number.api_key_id)
    )
    return [
        Share(
            row.api_key_id,
            ON_THIS_SITE if row.api_key_id is None else row.name,
            row.calls,
            int(row.credits),
            datetime.fromisoformat(str(row.at)).replace(tzinfo=UTC),
        )
        for row in rows
    ]


def by_day(shares: Iterable[Share]) -> dict[date, Total]:
    """The days that sold anything, in order."""
    days: dict[date, list[Share]] = {}
    for share in shares:
        assert share.at is not None, "only shares of a day can be summed by day"
        days.setdefault(share.at.date(), []).append(share)
    return {day: Total.over(shares_of_day) for day, shares_of_day in days.items()}


def by_key(shares: Iterable[Share]) -> list[Share]:
    """What each key drew on all the days, the one with the most first."""
    keys: dict[int | None, list[Share]] = {}
    for share in shares:
        keys.setdefault(share.key_id, []).append(share)
    summed = [sum_of_key(shares_of_key) for shares_of_key in keys.values()]
    return sorted(summed, key=lambda share: -share.credits)


def sum_of_key(shares: Sequence[Share]) -> Share:
    """What one key drew on all the days."""
    total = Total.over(shares)
    return Share(shares[0].key_id, shares[0].name, total.calls, total.credits)


def lasts_days(user_id: int, credits: int, today: date) -> int | None:
    """For how many days ``credits`` last at the pace of the last 30 days, or since the first number in them.

    ``None`` where nothing was drawn.
    """
    shares = by_day_and_key(user_id, today - timedelta(days=29), today)
    drawn = Total.over(shares).credits
    if not drawn:
        return None
    first = min(share.at.date() for share in shares if share.at is not None)
    return credits * ((today - first).days + 1) // drawn


def hour_of(column: Any) -> Any:
    """The UTC hour of a time, in the database, as ``2026-11-23T08``."""
    if db.engine.dialect.name == "sqlite":
        return func.strftime("%Y-%m-%dT%H", column)
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24')


def day_of(column: Any) -> Any:
    """The UTC day of a time, in the database."""
    if db.engine.dialect.name == "sqlite":
        return func.date(column)
    return func.date(func.timezone("UTC", column))
