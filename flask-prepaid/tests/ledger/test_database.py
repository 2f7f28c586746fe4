"""What is asked of the database: durable, patient, in turns; and its tables, up and down."""

from __future__ import annotations

import sqlite3
import threading
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from flask_prepaid import Prepaid, include_name
from flask_prepaid.config import ConfigError
from flask_prepaid.testing import Databases
from flask_prepaid.upgrade import VERSION_TABLE, downgrade, upgrade
from prepaid_ledger.database import Base
from prepaid_ledger.database import engine as database
from prepaid_ledger.errors import Busy, InsufficientCredits, PrepaidError, UnfitDatabase

from .books import OWNER, Books


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wants to wait five seconds for a test."""
    monkeypatch.setattr(database, "PATIENCE_S", 0.2)


def test_every_sqlite_connection_is_durable(databases: Databases) -> None:
    books = Books(databases.fresh("sqlite"))

    with books.db.engine.connect() as one, books.db.engine.connect() as other:
        for connection in (one, other):
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    books.close()


def test_a_database_that_cannot_keep_money_safe_is_refused() -> None:
    app = Flask("unsafe")
    app.config.update(TESTING=True, SQLALCHEMY_DATABASE_URI="sqlite://")
    db = SQLAlchemy(app)

    with pytest.raises(ConfigError, match="journal_mode is 'memory'"):
        Prepaid(app, db)


def test_a_database_of_another_kind_is_refused() -> None:
    engine = create_engine("mysql+pymysql://", module=sqlite3, _initialize=False)

    with pytest.raises(UnfitDatabase, match="not on mysql"):
        database.prepare(engine)


def test_an_sqlite_file_that_others_write_is_busy_and_then_not(databases: Databases, patience: None) -> None:
    url = databases.fresh("sqlite")
    books = Books(url)
    books.grant(10)
    other = sqlite3.connect(str(url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    for spend in (
        lambda: books.prepaid.spend_now(OWNER, key="report:1"),
        lambda: books.prepaid.spend(OWNER, key="report:1"),
        lambda: books.prepaid.hold(OWNER, 1, key="job:1"),
    ):
        with pytest.raises(Busy) as busy:
            spend()
        assert busy.value.http_status == 503
        books.db.session.rollback()

    other.execute("ROLLBACK")
    other.close()
    assert books.prepaid.spend_now(OWNER, key="report:1").balance == 9
    books.close()


def test_a_wallet_that_somebody_sits_on_is_busy_and_holds_up_no_other(
    databases: Databases, patience: None
) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(10)
    books.grant(10, owner="user:2")

    with books.db.engine.begin() as sitting:
        sitting.execute(text("SELECT FROM prepaid_wallet WHERE owner = :owner FOR UPDATE"), {"owner": OWNER})
        results = books.all_at_once(
            [
                partial(books.prepaid.spend_now, OWNER, key="report:1"),
                partial(books.prepaid.spend_now, "user:2", key="report:2"),
            ]
        )

    assert isinstance(results[0], Busy)
    assert not isinstance(results[1], PrepaidError)
    assert results[1].balance == 9
    books.close()


def test_spends_that_wait_for_one_wallet_go_together_when_it_is_free(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(10)
    sitting = books.db.engine.connect()
    sitting.execute(text("SELECT FROM prepaid_wallet FOR UPDATE"))
    leave = threading.Timer(0.3, sitting.close)
    leave.start()

    results = books.all_at_once(
        [partial(books.prepaid.spend_now, OWNER, key=f"report:{number}") for number in range(12)]
    )

    leave.join()
    assert sum(isinstance(result, InsufficientCredits) for result in results) == 2
    assert books.prepaid.audit() == []
    books.close()


def test_a_verb_that_would_wait_for_its_own_session_says_so(databases: Databases) -> None:
    books = Books(databases.fresh("sqlite"))
    books.grant(10)
    books.prepaid.spend(OWNER, key="report:1")

    with pytest.raises(RuntimeError, match="commit or roll back your session first"):
        books.prepaid.spend_now(OWNER, key="report:2")
    with pytest.raises(RuntimeError, match="commit or roll back your session first"):
        books.prepaid.hold(OWNER, 1, key="job:1")

    books.commit()
    books.prepaid.spend_now(OWNER, key="report:2")
    books.close()


def test_connections_that_are_cut_are_busy_and_then_not(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(10)
    books.prepaid.spend_now(OWNER, key="report:1")
    cutter = create_engine(books.db.engine.url, poolclass=NullPool)
    with cutter.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )

    books.db.session.rollback()
    assert books.prepaid.spend_now(OWNER, key="report:2").balance == 8
    assert books.prepaid.audit() == []
    books.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_migrations_make_the_models_up_down_and_up_again(databases: Databases, kind: str) -> None:
    engine = create_engine(databases.empty(kind), poolclass=NullPool)

    upgrade(engine)
    assert differences(engine.url) == []

    downgrade(engine, "base")
    assert inspect(engine).get_table_names() == [VERSION_TABLE]

    upgrade(engine)
    upgrade(engine)
    assert differences(engine.url) == []


def differences(url: URL) -> list[object]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _: name != VERSION_TABLE, "compare_type": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_checks_of_the_models_are_in_the_migrations(databases: Databases, kind: str) -> None:
    migrated = create_engine(databases.fresh(kind), poolclass=NullPool)
    modelled = create_engine(databases.empty(kind), poolclass=NullPool)
    Base.metadata.create_all(modelled)

    for table in Base.metadata.tables:
        checks = [
            sorted(check["name"] or "" for check in inspect(engine).get_check_constraints(table))
            for engine in (migrated, modelled)
        ]
        assert checks[0] == checks[1], table


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_processes_that_upgrade_together_take_turns(databases: Databases, kind: str) -> None:
    url = databases.empty(kind)
    failures = []

    def bring_up() -> None:
        engine = create_engine(url, poolclass=NullPool)
        try:
            upgrade(engine)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=bring_up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert differences(url) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_migration_that_fails_leaves_everything_as_it_was(
    databases: Databases, kind: str, tmp_path: Path
) -> None:
    engine = create_engine(databases.empty(kind), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE prepaid_draw (id INTEGER)"))

    with pytest.raises(Exception, match="already exists"):
        upgrade(engine)

    assert inspect(engine).get_table_names() == ["prepaid_draw"]


def test_the_hosts_migrations_leave_our_tables_alone() -> None:
    assert not include_name("prepaid_entry", "table", {})
    assert not include_name(VERSION_TABLE, "table", {})
    assert include_name("rando_number", "table", {})
    assert include_name("prepaid", "column", {})
