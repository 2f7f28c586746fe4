"""How columns are typed, and the metadata that our tables stand on: all are named ``prepaid_*``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Enum,
    Integer,
    MetaData,
    String,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase

#: SQLite counts rows up by itself only in a column of type INTEGER.
BigInt = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite keeps no zone, so it is taken off and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        assert value.tzinfo is not None, "a time without a zone says nothing"
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: How much of something: a whole number, or one for each unit by its name.
Quantities = int | Mapping[str, int]


def quantity_text(quantity: Quantities) -> str:
    """A quantity as the tables keep it: a number, or an object of JSON in the order of its names."""
    if isinstance(quantity, Mapping):
        return json.dumps(dict(quantity), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return str(quantity)


class QuantityText(TypeDecorator[Quantities]):
    """A quantity, kept as a text."""

    impl = String(255)
    cache_ok = True

    def process_bind_param(self, value: Quantities | None, dialect: Dialect) -> str | None:
        return None if value is None else quantity_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Quantities | None:
        if value is None:
            return None
        quantity: Quantities = json.loads(value)
        return quantity


class Base(DeclarativeBase):
    """The base of all our tables.

    ``_shown`` names the columns by which a row says what it is; none of them is a secret.
    """

    _shown: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        """``Payment(id=17, owner='user:1', ...)``, by what is loaded; nothing is fetched for it."""
        loaded = vars(self)
        values = (f"{name}={_plain(loaded[name])}" for name in self._shown if name in loaded)
        return f"{type(self).__name__}({', '.join(values)})"

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime, int: BigInt, str: String(255)}


def _plain(value: object) -> str:
    """A value as one reads it: a state by its word, a time in ISO's form."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return repr(value.value) if isinstance(value, StrEnum) else repr(value)


def words(enum: type[StrEnum], length: int = 16, *, checked: bool = True) -> Enum:
    """A column that holds the enum's values as words.

    :param checked: Whether the column has a CHECK of its own.
    """
    return Enum(
        enum,
        native_enum=False,
        create_constraint=checked,
        length=length,
        name=enum.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


def whole_numbers(*columns: str) -> CheckConstraint:
    """Keep fractions out on SQLite, whose INTEGER columns take them."""
    rule = " AND ".join(f"typeof({column}) = 'integer'" for column in columns)
    return CheckConstraint(rule, name="whole_numbers").ddl_if(dialect="sqlite")
