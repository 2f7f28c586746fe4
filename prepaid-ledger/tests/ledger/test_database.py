"""What the ledger needs of the database: durable, patient, in turns."""

from __future__ import annotations

import sqlite3
import threading
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, NoSuchTableError
from sqlalchemy.pool import NullPool

from prepaid_ledger import Busy, InsufficientCredits, Ledger, PrepaidError, UnfitDatabase
from prepaid_ledger.database import engine, transactions
from prepaid_ledger.testing import Databases

from .books import OWNER, Books

pytestmark = pytest.mark.each_database


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wants to wait five seconds for a test."""
    for module in (engine, transactions):
        monkeypatch.setattr(module, "LOCK_TIMEOUT_S", 0.2)


def test_every_sqlite_connection_is_durable(databases: Databases) -> None:
    books = Books(databases.fresh("sqlite"))

    with books.engine.connect() as first, books.engine.connect() as other:
        for connection in (first, other):
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    books.close()


class RefusedAtFirst(sqlite3.Connection):
    """As where two processes open a new file at once: SQLite refuses one of them, without a wait."""

    refusals = 2

    def cursor(self, *args: Any) -> Any:
        outer = self

        class Cursor(sqlite3.Cursor):
            def execute(self, sql: str, *more: Any) -> Any:
                if "journal_mode" in sql and outer.refusals:
                    outer.refusals -= 1
                    raise sqlite3.OperationalError("database is locked")
                return super().execute(sql, *more)

        return super().cursor(Cursor)


def test_a_new_file_that_others_open_at_the_same_moment_is_opened(databases: Databases) -> None:
    books = create_engine(databases.fresh("sqlite"), connect_args={"factory": RefusedAtFirst})

    Ledger(books)

    with books.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
    books.dispose()


def test_a_database_that_cannot_keep_money_safe_is_refused() -> None:
    with pytest.raises(UnfitDatabase, match="journal_mode is 'memory'"):
        Ledger(create_engine("sqlite://"))


def test_a_database_of_another_kind_is_refused() -> None:
    mysql = create_engine("mysql+pymysql://", module=sqlite3, _initialize=False)

    with pytest.raises(UnfitDatabase, match="not on mysql"):
        Ledger(mysql)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_an_engine_that_commits_each_statement_is_refused(databases: Databases, dialect: str) -> None:
    url = databases.fresh(dialect)
    engine = create_engine(url)
    for each_alone in (
        create_engine(url, isolation_level="AUTOCOMMIT"),
        engine.execution_options(isolation_level="AUTOCOMMIT"),
    ):
        with pytest.raises(UnfitDatabase, match=r"^This engine commits each statement by itself"):
            Ledger(each_alone)
    engine.dispose()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_tables_that_are_not_there_or_are_older_are_made_by_upgrade_says_each_verb(
    databases: Databases, dialect: str
) -> None:
    engine = create_engine(databases.fresh(dialect))
    ledger = Ledger(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE prepaid_entry RENAME COLUMN item TO thing"))
        connection.execute(text("ALTER TABLE prepaid_wallet RENAME TO wallets_before"))

    for verb in (
        lambda: ledger.balance(OWNER),
        lambda: ledger.grant(OWNER, 1, key="gift", reason="a gift"),
        lambda: ledger.spend_now(OWNER, key="report:1"),
        lambda: ledger.hold(OWNER, 1, key="job:1"),
        ledger.write_due,
    ):
        with pytest.raises(DBAPIError) as refused:
            verb()
        assert str(refused.value).endswith(
            "Run once: flask prepaid upgrade; without Flask: ledger.upgrade()."
        )
        assert "SELECT" not in str(refused.value)

    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE wallets_before RENAME TO prepaid_wallet"))
    with pytest.raises(DBAPIError, match=r"are not of this version .*item"):
        ledger.entries(OWNER)
    engine.dispose()


def test_an_audit_without_tables_says_how_they_are_made(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/new.sqlite3")

    with pytest.raises(
        NoSuchTableError, match=r"no such table: prepaid_.*without Flask: ledger\.upgrade\(\)"
    ):
        Ledger(engine).audit()
    engine.dispose()


def test_a_database_that_does_not_open_says_what_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite3").write_text("not a database" * 100)
    for nowhere in (tmp_path / "no/folder.sqlite3", tmp_path / "text.sqlite3"):
        with pytest.raises(UnfitDatabase, match=r"^The database does not open: .*Does its folder exist"):
            Ledger(create_engine(f"sqlite:///{nowhere}"))

    server = create_engine("postgresql+psycopg://me:secret@127.0.0.1:1/shop")
    with pytest.raises(DBAPIError, match=r"^The database does not open: .*Is the server up") as refused:
        Ledger(server).upgrade()
    assert "secret" not in str(refused.value)


def test_a_file_that_may_not_be_written_is_named(databases: Databases) -> None:
    url = databases.fresh("sqlite")
    writable = create_engine(url)
    Ledger(writable)
    writable.dispose()
    read_only = create_engine(f"sqlite:///file:{url.database}?mode=ro&uri=true")
    ledger = Ledger(read_only)

    assert ledger.balance(OWNER) == 0
    with pytest.raises(DBAPIError, match=r"^This process may not write the database\. Let its user"):
        ledger.grant(OWNER, 1, key="gift", reason="a gift")
    read_only.dispose()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"clock": 5}, "clock is a function that gives a time with its zone"),
        ({"clock": datetime.now}, "clock is a function that gives a time with its zone"),
        ({"hold_expires_after": 60}, "hold_expires_after is a timedelta above 0"),
        ({"hold_expires_after": timedelta(0)}, "hold_expires_after is a timedelta above 0"),
    ],
)
def test_a_ledger_that_is_set_up_wrongly_is_refused_as_it_is_made(
    databases: Databases, wrong: dict[str, Any], sentence: str
) -> None:
    engine = create_engine(databases.fresh("sqlite"))
    with pytest.raises(ValueError, match=sentence):
        Ledger(engine, **wrong)
    engine.dispose()


def test_an_sqlite_file_that_others_write_is_busy_and_then_not(
    databases: Databases, impatience: None
) -> None:
    url = databases.fresh("sqlite")
    books = Books(url)
    books.grant(10)
    other = sqlite3.connect(str(url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    for spend in (
        lambda: books.ledger.spend_now(OWNER, key="report:1"),
        lambda: books.ledger.spend(OWNER, key="report:1"),
        lambda: books.ledger.hold(OWNER, 1, key="job:1"),
    ):
        with pytest.raises(Busy) as busy:
            spend()
        assert busy.value.http_status == 503
        books.session.rollback()

    other.execute("ROLLBACK")
    other.close()
    assert books.ledger.spend_now(OWNER, key="report:1").balance == 9
    books.close()


def test_a_wallet_that_somebody_sits_on_is_busy_and_holds_up_no_other(
    databases: Databases, impatience: None
) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(10)
    books.grant(10, owner="user:2")

    with books.engine.begin() as sitting:
        sitting.execute(text("SELECT FROM prepaid_wallet WHERE owner = :owner FOR UPDATE"), {"owner": OWNER})
        results = books.all_at_once(
            [
                partial(books.ledger.spend_now, OWNER, key="report:1"),
                partial(books.ledger.spend_now, "user:2", key="report:2"),
            ],
            until_served=False,
        )

    assert isinstance(results[0], Busy)
    assert not isinstance(results[1], PrepaidError)
    assert results[1].balance == 9
    books.close()


def test_spends_that_wait_for_one_wallet_go_together_when_it_is_free(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(10)
    sitting = books.engine.connect()
    sitting.execute(text("SELECT FROM prepaid_wallet FOR UPDATE"))
    leave = threading.Timer(0.3, sitting.close)
    leave.start()

    results = books.all_at_once(
        [partial(books.ledger.spend_now, OWNER, key=f"report:{number}") for number in range(12)]
    )

    leave.join()
    assert sum(isinstance(result, InsufficientCredits) for result in results) == 2
    assert books.ledger.audit() == []
    books.close()


def test_a_verb_that_would_wait_for_its_own_session_says_so(databases: Databases) -> None:
    books = Books(databases.fresh("sqlite"))
    books.grant(10)
    books.ledger.spend(OWNER, key="report:1")

    with pytest.raises(RuntimeError, match="commit or roll back your session first"):
        books.ledger.spend_now(OWNER, key="report:2")
    with pytest.raises(RuntimeError, match="commit or roll back your session first"):
        books.ledger.hold(OWNER, 1, key="job:1")

    books.commit()
    books.ledger.spend_now(OWNER, key="report:2")
    books.close()


def test_connections_that_are_cut_are_busy_and_then_not(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(10)
    books.ledger.spend_now(OWNER, key="report:1")
    cutter = create_engine(books.engine.url, poolclass=NullPool)
    with cutter.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )

    books.session.rollback()
    assert books.ledger.spend_now(OWNER, key="report:2").balance == 8
    assert books.ledger.audit() == []
    books.close()
