"""What the app's tables are made of: their base, and the types of their columns."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase

#: SQLite counts rows up by itself only in a column of type INTEGER.
BigInt = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite keeps no zone, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class UnlessUsual(TypeDecorator[int]):
    """A whole number that is ``usual`` where the row has none: most rows leave it out, and are shorter."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, usual: int) -> None:
        super().__init__()
        self.usual = usual

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        return None if value == self.usual else value

    def process_result_value(self, value: int | None, dialect: Dialect) -> int:
        return self.usual if value is None else value


class Base(DeclarativeBase):
    """The base of the app's tables. Its constraints have names, so that a migration can drop them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, int: BigInt, str: String(255)}


def utc_now() -> datetime:
    """The time that a row is made at, where nothing else says it."""
    return datetime.now(UTC)
