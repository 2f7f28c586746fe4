"""The host's own tables move with the books: rows in circles, JSON's two kinds of nothing; or none does."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import (
    ARRAY,
    JSON,
    URL,
    Column,
    Computed,
    Connection,
    Dialect,
    Engine,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    create_engine,
    event,
    insert,
    null,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.pool import NullPool

from flask_prepaid.testing import Databases

from ..shop import Shop
from .test_copy import shown

WAYS = [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("postgresql", "postgresql")]

TRIGGER = {
    "sqlite": (
        "CREATE TRIGGER closed BEFORE INSERT ON thing BEGIN SELECT RAISE(ABORT, 'no more things'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no more'; END $$",
        "CREATE TRIGGER closed BEFORE INSERT ON thing FOR EACH ROW EXECUTE FUNCTION refuse()",
    ),
}

#: All that is to be as before: the constraints with their remarks, and the triggers, each with what it does.
RULES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'prepaid%' ORDER BY 1",
    "postgresql": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated, condeferrable,
               condeferred, obj_description(oid, 'pg_constraint')
        FROM pg_constraint WHERE conrelid::regclass::text NOT LIKE 'prepaid%' AND conrelid <> 0
        UNION ALL
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled = 'O', NULL, NULL, NULL
        FROM pg_trigger WHERE tgrelid::regclass::text NOT LIKE 'prepaid%' AND NOT tgisinternal ORDER BY 1, 2
    """,
}


@pytest.fixture
def strict_sqlite() -> Iterator[None]:
    """A host whose SQLite holds rows to their foreign keys, as SQLAlchemy's documentation switches it on."""

    def switch_on(connection: Any, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA foreign_keys = ON")

    event.listen(Engine, "connect", switch_on)
    yield
    event.remove(Engine, "connect", switch_on)


def circles(metadata: MetaData) -> None:
    """A tree, two tables that refer to each other, three in a circle, and a tree by two columns.

    Some are deferrable, some have a name, some say what becomes of those who refer to a row that goes.
    """

    def to(column: str, **more: Any) -> Column[Any]:
        return Column("refers_to", ForeignKey(column, **more))

    late: dict[str, Any] = {"deferrable": True, "initially": "DEFERRED"}
    tables: dict[str, list[Any]] = {
        "thing": [to("thing.id", ondelete="CASCADE")],
        "org": [to("user.id", name="pays", ondelete="SET NULL")],
        "user": [to("org.id", onupdate="CASCADE", **late)],
        "a": [to("b.id", deferrable=True)],
        "b": [to("c.id", **late)],
        "c": [to("a.id", name="100% Of 'C'")],
        "leaf": [
            Column("part", Integer, primary_key=True),
            Column("up", Integer),
            Column("refers_to", Integer),
            ForeignKeyConstraint(["up", "refers_to"], ["leaf.id", "leaf.part"], **late),
        ],
    }
    for name, more in tables.items():
        Table(name, metadata, Column("id", Integer, primary_key=True), *more)


def in_circles(metadata: MetaData, connection: Connection) -> None:
    """Two rows in each table; the first refers to the second of its own table or of the next one."""
    for table in metadata.tables.values():
        own = {"part": 7} if "part" in table.c else {}
        connection.execute(insert(table), [{"id": 1, **own}, {"id": 2, **own}])
    for table in metadata.tables.values():
        up = {"up": 2, "refers_to": 7} if "up" in table.c else {"refers_to": 2}
        connection.execute(table.update().where(table.c.id == 1).values(up))


def address(shop: Shop) -> URL:
    with shop.app.app_context():
        return shop.db.engine.url


def two_places(databases: Databases, here: str, there: str) -> tuple[Shop, URL]:
    """A shop with rows in circles, and another database with the same tables of its own, empty."""
    shop, target = Shop(databases.fresh(here)), databases.empty(there)
    circles(shop.db.metadata)
    for url in (address(shop), target):
        shop.db.metadata.create_all(create_engine(url, poolclass=NullPool))
    for statement in TRIGGER[there]:
        answer(target, statement)
    if there == "postgresql":
        answer(target, """COMMENT ON CONSTRAINT "100% Of 'C'" ON c IS 'it''s 100% round: {} :x'""")
    with create_engine(address(shop), poolclass=NullPool).begin() as connection:
        in_circles(shop.db.metadata, connection)
    return shop, target


def answer(url: URL, sql: str) -> list[tuple[Any, ...]]:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        result = connection.exec_driver_sql(sql, execution_options={"no_parameters": True})
        return [tuple(row) for row in result] if result.returns_rows else []


def content(metadata: MetaData, url: URL) -> dict[str, list[tuple[Any, ...]]]:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return {
            name: [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))]
            for name, table in metadata.tables.items()
        }


@pytest.mark.usefixtures("strict_sqlite")
@pytest.mark.parametrize(("here", "there"), WAYS)
def test_rows_that_refer_to_later_ones_move_and_the_rules_stay(
    databases: Databases, here: str, there: str
) -> None:
    shop, target = two_places(databases, here, there)
    rules = answer(target, RULES[there])

    copied = shop.command("copy", "--all", "--to", shown(target))

    assert copied.exit_code == 0, copied.output
    assert content(shop.db.metadata, target) == content(shop.db.metadata, address(shop))
    assert set(rules) <= set(answer(target, RULES[there]))
    assert len(answer(target, "SELECT * FROM leaf WHERE refers_to = 7")) == 1
    assert "thing: 2 rows here, 2 there" in copied.stderr
    assert "prepaid_wallet: " not in copied.stderr, "a table of ours without rows is no news"


@pytest.mark.usefixtures("strict_sqlite")
@pytest.mark.parametrize(("here", "there"), WAYS)
def test_a_row_that_refers_to_nothing_is_named_and_nothing_is_copied(
    databases: Databases, here: str, there: str
) -> None:
    """SQLite holds no row to its foreign keys unless it is asked to; PostgreSQL does without a constraint."""
    shop, target = two_places(databases, here, there)
    rules, empty = answer(target, RULES[there]), content(shop.db.metadata, target)
    if here == "sqlite":
        with sqlite3.connect(str(address(shop).database)) as lax:
            lax.execute("UPDATE thing SET refers_to = 9 WHERE id = 2")
    else:
        answer(address(shop), "ALTER TABLE thing DROP CONSTRAINT thing_refers_to_fkey")
        answer(address(shop), "UPDATE thing SET refers_to = 9 WHERE id = 2")

    copied = shop.command("copy", "--all", "--to", shown(target))

    assert copied.exit_code == 1
    assert "A row refers to one that is not there, so nothing was copied." in copied.stderr
    assert ("thing, row 2" if there == "sqlite" else "(refers_to)=(9) is not present") in copied.stderr
    assert content(shop.db.metadata, target) == empty
    assert set(rules) <= set(answer(target, RULES[there]))


@pytest.mark.parametrize(("here", "there"), WAYS)
def test_a_copy_that_fails_half_way_leaves_triggers_and_constraints(
    databases: Databases, here: str, there: str
) -> None:
    shop, target = two_places(databases, here, there)
    answer(target, "ALTER TABLE leaf RENAME COLUMN refers_to TO has_another_name")
    rules = answer(target, RULES[there])

    copied = shop.command("copy", "--all", "--to", shown(target))

    assert (copied.exit_code, "refers_to" in copied.stderr) == (1, True)
    assert set(rules) <= set(answer(target, RULES[there]))
    assert answer(target, "SELECT * FROM thing") == []


def test_a_table_that_takes_no_rows_is_named(databases: Databases) -> None:
    """A rule of PostgreSQL's drops a row without a word; triggers rest, but rules and policies do not."""
    shop, target = two_places(databases, "sqlite", "postgresql")
    answer(target, "CREATE RULE closed AS ON INSERT TO a WHERE NEW.id > 1 DO INSTEAD NOTHING")

    copied = shop.command("copy", "--all", "--to", shown(target))

    assert copied.exit_code == 1
    assert "Of 2 rows of a 1 arrived, so nothing was copied." in copied.stderr
    assert answer(target, "SELECT * FROM thing") == []


class Spelled(TypeDecorator[str]):
    """A host's type that has a word for nothing, on its way in and on its way out."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str:
        return "nothing" if value is None else value

    def process_result_value(self, value: str | None, dialect: Dialect) -> str:
        return "unknown" if value is None else value


def kinds_of_nothing(metadata: MetaData) -> Table:
    return Table(
        "note",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("plain", JSON),
        Column("strict", JSON(none_as_null=True)),
        Column("binary", JSON().with_variant(JSONB(), "postgresql"), key="other"),
        Column("late", String(20).with_variant(JSONB(none_as_null=True), "postgresql")),
        Column("spelled", Spelled, default="by default"),
        Column("words", JSON().with_variant(ARRAY(String), "postgresql")),
        Column("twice", Integer, Computed("id * 2", persisted=True)),
    )


NULLS = """
SELECT id, plain IS NULL, strict IS NULL, "binary" IS NULL, late IS NULL, spelled IS NULL, words IS NULL,
       twice
FROM note ORDER BY id
"""


@pytest.mark.parametrize(("here", "there"), WAYS)
def test_null_stays_null_and_jsons_null_stays_jsons(databases: Databases, here: str, there: str) -> None:
    shop, target = Shop(databases.fresh(here)), databases.empty(there)
    note = kinds_of_nothing(shop.db.metadata)
    for url in (address(shop), target):
        shop.db.metadata.create_all(create_engine(url, poolclass=NullPool))
    value = {"a": [None, 1, {"b": None}]}
    with create_engine(address(shop), poolclass=NullPool).begin() as connection:
        nothing: dict[str, Any] = dict.fromkeys(
            ("plain", "strict", "other", "late", "spelled", "words"), null()
        )
        some: dict[str, Any] = {
            "plain": value,
            "strict": value,
            "other": value,
            "late": "x",
            "spelled": "x",
            "words": ["x"],
        }
        jsons = {"plain": JSON.NULL, "strict": JSON.NULL, "other": JSON.NULL}
        for number, row in enumerate([nothing, some, {**some, **jsons}, {**nothing, **jsons}, nothing], 1):
            connection.execute(insert(note).values(id=number, **row))

    copied = shop.command("copy", "--all", "--to", shown(target))

    assert copied.exit_code == 0, copied.output
    assert answer(target, NULLS) == answer(address(shop), NULLS)
    assert content(shop.db.metadata, target) == content(shop.db.metadata, address(shop))
    as_text = (
        'SELECT CAST(plain AS text), CAST(strict AS text), CAST("binary" AS text) FROM note WHERE id = 4'
    )
    assert answer(target, as_text) == [("null", "null", "null")]


@pytest.mark.parametrize("here", ["sqlite", "postgresql"])
def test_numbers_that_only_postgresql_gives_out_move_and_it_goes_on_from_the_last(
    databases: Databases, here: str
) -> None:
    shop, target = Shop(databases.fresh(here)), databases.empty("postgresql")
    ticket = Table(
        "ticket",
        shop.db.metadata,
        Column("id", Integer, Identity(always=True), primary_key=True),
        Column("seat", Integer),
    )
    for url in (address(shop), target):
        shop.db.metadata.create_all(create_engine(url, poolclass=NullPool))
    answer(address(shop), "INSERT INTO ticket (seat) VALUES (7), (8), (9)")
    answer(address(shop), "DELETE FROM ticket WHERE seat = 8")

    copied = shop.command("copy", "--all", "--to", shown(target))

    assert copied.exit_code == 0, copied.output
    assert content(shop.db.metadata, target) == {ticket.name: [(1, 7), (3, 9)]}
    assert answer(target, "INSERT INTO ticket (seat) VALUES (10) RETURNING id") == [(4,)]
    is_always = "SELECT is_identity, identity_generation FROM information_schema.columns"
    assert ("YES", "ALWAYS") in answer(target, f"{is_always} WHERE table_name = 'ticket'")


def test_tables_of_another_schema_move_between_two_postgresqls(databases: Databases) -> None:
    shop, target = Shop(databases.fresh("postgresql")), databases.empty("postgresql")
    metadata = shop.db.metadata
    Table("chair", metadata, Column("id", Integer, primary_key=True))
    mark: Column[int] = Column("chair", ForeignKey("chair.id"))
    Table("chair", metadata, Column("id", Integer, primary_key=True), mark, schema="Back Office")
    for url in (address(shop), target):
        answer(url, 'CREATE SCHEMA "Back Office"')
        metadata.create_all(create_engine(url, poolclass=NullPool))
    answer(address(shop), "INSERT INTO chair (id) VALUES (4)")
    answer(address(shop), 'INSERT INTO "Back Office".chair (chair) VALUES (4), (4)')

    copied = shop.command("copy", "--all", "--to", shown(target))

    assert copied.exit_code == 0, copied.output
    assert content(metadata, target) == {"chair": [(4,)], "Back Office.chair": [(1, 4), (2, 4)]}
    assert answer(target, 'INSERT INTO "Back Office".chair (chair) VALUES (4) RETURNING id') == [(3,)]


@pytest.mark.parametrize(("here", "there"), [("postgresql", "sqlite"), ("postgresql", "postgresql")])
def test_a_table_of_a_schema_that_is_not_there_is_named_with_it(
    databases: Databases, here: str, there: str
) -> None:
    shop, target = Shop(databases.fresh(here)), databases.empty(there)
    Table("chair", shop.db.metadata, Column("id", Integer, primary_key=True), schema="office")

    copied = shop.command("copy", "--all", "--to", shown(target))

    assert copied.exit_code == 1
    why = "is in a schema, and SQLite has none." if there == "sqlite" else "is not there."
    assert f"Your own table office.chair {why}" in copied.stderr


@pytest.mark.parametrize(("here", "there"), WAYS)
def test_json_is_written_as_the_app_writes_it(databases: Databases, here: str, there: str) -> None:
    """The app's own reader makes of JSON what Python's writer refuses, here a decimal number."""
    read, write = partial(json.loads, parse_float=Decimal), partial(json.dumps, default=float)
    options = {"json_serializer": write, "json_deserializer": read}
    shop = Shop(databases.fresh(here), SQLALCHEMY_ENGINE_OPTIONS=options)
    target = databases.empty(there)
    Table("rate", shop.db.metadata, Column("id", Integer, primary_key=True), Column("says", JSON))
    for url in (address(shop), target):
        shop.db.metadata.create_all(create_engine(url, poolclass=NullPool))
    answer(address(shop), """INSERT INTO rate (id, says) VALUES (1, '{"each": 0.25}')""")

    copied = shop.command("copy", "--all", "--to", shown(target))

    assert copied.exit_code == 0, copied.output
    assert content(shop.db.metadata, target) == {"rate": [(1, {"each": 0.25})]}
