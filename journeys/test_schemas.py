"""The database that migrations make is the one that the models say, of all packages: columns, rules, indexes.

What migrations alone make stands here by its name: triggers, what they run, and what PostgreSQL is to know of
columns that hang together.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from flask_prepaid.testing import Databases
from prepaid_ledger.database import Base
from prepaid_ledger.tables import Entry, Wallet
from rando_number import create_app
from rando_number.columns import Base as ShopBase
from rando_number.extensions import db
from rando_number.migrations.upgrade import upgrade
from rando_number.models import Number

#: What only the migrations make.
BEYOND = {
    "sqlite": {
        "trigger audit_lines_no_delete",
        "trigger audit_lines_no_replace",
        "trigger audit_lines_no_update",
        "trigger numbers_of_active_users_insert",
        "trigger numbers_of_active_users_update",
        "trigger prepaid_archive_mark_no_delete",
        "trigger prepaid_archive_mark_no_replace",
        "trigger prepaid_archive_mark_no_update",
        "trigger prepaid_entry_no_delete",
        "trigger prepaid_entry_no_replace",
        "trigger prepaid_entry_no_update",
        "trigger users_no_delete",
        "trigger users_no_replace_by_insert",
        "trigger users_no_replace_by_update",
        "trigger users_no_update",
    },
    "postgresql": {
        "function audit_lines_only_grows",
        "function numbers_of_active_users",
        "function prepaid_archive_mark_refuse",
        "function prepaid_entry_refuse",
        "function users_are_kept",
        "options prepaid_entry.wallet_id",
        "options prepaid_hold.wallet_id",
        "statistics st_prepaid_entry",
        "statistics st_prepaid_hold",
        "trigger audit_lines_only_grows",
        "trigger numbers_of_active_users",
        "trigger prepaid_archive_mark_no_change",
        "trigger prepaid_archive_mark_no_truncate",
        "trigger prepaid_entry_no_change",
        "trigger prepaid_entry_no_truncate",
        "trigger users_are_kept",
    },
}

#: Where Alembic notes how far a database is.
VERSIONS = ("alembic_version", "prepaid_alembic_version", "prepaid_ledger_alembic_version")

#: What a spend writes to: in the order of these models PostgreSQL logs least of it, and pads no column.
IN_ORDER = (Wallet, Entry, Number)

#: Everything that PostgreSQL has of a schema: what it is, its name, and its whole text.
POSTGRESQL = """
WITH ours AS (
  SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname <> ALL (:versions)
)
SELECT 'table', relname, concat_ws(' ', relkind, reloptions, relpersistence) FROM ours WHERE relkind <> 'i'
UNION ALL
SELECT 'column', relname || '.' || attname, concat_ws(
         ' ', format_type(atttypid, atttypmod), attnotnull, attidentity, attcollation,
         pg_get_expr(adbin, adrelid))
  FROM ours JOIN pg_attribute ON attrelid = ours.oid
  LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
  WHERE relkind = 'r' AND attnum > 0
UNION ALL
SELECT 'options', relname || '.' || attname, attoptions::text
  FROM ours JOIN pg_attribute ON attrelid = ours.oid WHERE attoptions IS NOT NULL
UNION ALL
SELECT 'constraint', relname || '.' || conname, pg_get_constraintdef(pg_constraint.oid)
  FROM ours JOIN pg_constraint ON conrelid = ours.oid WHERE contype <> 'n'
UNION ALL
SELECT 'index', relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN ours ON ours.oid = indexrelid
  WHERE indrelid IN (SELECT oid FROM ours)
UNION ALL
SELECT 'trigger', tgname, pg_get_triggerdef(pg_trigger.oid)
  FROM ours JOIN pg_trigger ON tgrelid = ours.oid WHERE NOT tgisinternal
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'statistics', stxname, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
"""

Schema = dict[str, str]


def schema_of(url: URL) -> Schema:
    """Everything in a database but its rows: each by what it is and its name."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            return dict(in_sqlite(connection))
        rows = connection.execute(text(POSTGRESQL), {"versions": list(VERSIONS)})
        return {f"{kind} {name}": written for kind, name, written in rows}


def in_sqlite(connection: Connection) -> Iterator[tuple[str, str]]:
    every = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    for kind, name, sql in connection.execute(text(every)):
        if kind == "table" and name not in VERSIONS:
            yield from lines_of(name, sql)
        elif kind != "table":
            yield f"{kind} {name}", sql


def lines_of(table: str, sql: str) -> Iterator[tuple[str, str]]:
    """Each line of a CREATE TABLE."""
    for line in (line.strip().rstrip(",") for line in sql.splitlines()):
        yield f"line {table} {line}", line


def migrate(url: URL, data: Path) -> None:
    app = create_app({"RANDO_DATA": str(data), "DATABASE_URL": url.render_as_string(hide_password=False)})
    with app.app_context():
        upgrade()
        db.engine.dispose()


def make_of_models(url: URL) -> None:
    engine = create_engine(url, poolclass=NullPool)
    for models in (Base, ShopBase):
        models.metadata.create_all(engine)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migrations_make_what_the_models_say_and_nothing_else_but_guards(kind: str, tmp_path: Path) -> None:
    databases = Databases(tmp_path)
    migrated, modelled = databases.empty(kind), databases.empty(kind)

    migrate(migrated, tmp_path)
    make_of_models(modelled)

    made, meant = schema_of(migrated), schema_of(modelled)
    assert made.keys() - meant.keys() == BEYOND[kind]
    assert meant.keys() - made.keys() == set()
    assert {name: made[name] for name in meant} == meant
    there = inspect(create_engine(migrated, poolclass=NullPool))
    for model in IN_ORDER:
        columns = [column["name"] for column in there.get_columns(model.__tablename__)]
        assert columns == [column.name for column in model.__table__.columns], model
