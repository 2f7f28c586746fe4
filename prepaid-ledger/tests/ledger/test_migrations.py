"""The ledger's tables, up and down, and as the models say."""

from __future__ import annotations

import shutil
import threading
from importlib import import_module
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, Column, Integer, MetaData, Table, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from prepaid_ledger import Busy, Ledger, UnknownVersion, include_name, tables
from prepaid_ledger.database import LEDGER, Base, Chain, downgrade, upgrade
from prepaid_ledger.testing import Databases

pytestmark = pytest.mark.each_database

#: The module; the package has the function under its name.
upgrading = import_module("prepaid_ledger.database.upgrade")

TABLES = {
    mapped.__tablename__
    for mapped in vars(tables).values()
    if isinstance(mapped, type) and issubclass(mapped, Base) and mapped is not Base
}


def differences(url: URL) -> list[object]:
    engine = create_engine(url, poolclass=NullPool)

    def is_ours(name: str | None, kind: str, parents: object) -> bool:
        return kind != "table" or name in TABLES

    def is_ours_too(thing: object, name: str | None, kind: str, reflected: bool, other: object) -> bool:
        return is_ours(name, kind, None)

    options = {"include_name": is_ours, "include_object": is_ours_too, "compare_type": True}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, tables.Wallet.metadata))


def test_the_migration_makes_the_models_up_down_and_up_again(databases: Databases, kind: str) -> None:
    engine = create_engine(databases.empty(kind), poolclass=NullPool)
    ledger = Ledger(engine)
    assert not ledger.is_upgraded()

    ledger.upgrade()
    assert differences(engine.url) == []

    downgrade(engine, LEDGER)
    assert inspect(engine).get_table_names() == [LEDGER.version_table]

    ledger.upgrade()
    ledger.upgrade()
    assert ledger.is_upgraded()
    assert differences(engine.url) == []


def test_migrations_of_a_programs_own_leave_the_ledgers_tables_alone(databases: Databases, kind: str) -> None:
    engine = create_engine(databases.fresh(kind), poolclass=NullPool)
    own = MetaData()
    Table("job", own, Column("id", Integer, primary_key=True))

    with engine.connect() as connection:
        options = {"include_name": include_name}
        changes = compare_metadata(MigrationContext.configure(connection, opts=options), own)

    assert [change[:1] for change in changes] == [("add_table",)]


def test_the_checks_of_the_models_are_in_the_migration(databases: Databases, kind: str) -> None:
    migrated = create_engine(databases.fresh(kind), poolclass=NullPool)
    modelled = create_engine(databases.empty(kind), poolclass=NullPool)
    metadata = tables.Wallet.metadata
    metadata.create_all(modelled, [metadata.tables[table] for table in TABLES])

    for table in TABLES:
        checks = [
            sorted(check["name"] or "" for check in inspect(engine).get_check_constraints(table))
            for engine in (migrated, modelled)
        ]
        assert checks[0] == checks[1], table
    if kind == "postgresql":
        body = text("SELECT prosrc FROM pg_proc WHERE proname = 'prepaid_entry_is_sound'")
        sources = []
        for engine in (migrated, modelled):
            with engine.connect() as connection:
                sources.append(connection.scalars(body).all())
        assert sources[0] == sources[1]
        assert len(sources[0]) == 1


def test_two_processes_that_upgrade_together_take_turns(databases: Databases, kind: str) -> None:
    url = databases.empty(kind)
    failures = []

    def bring_up() -> None:
        try:
            upgrade(create_engine(url, poolclass=NullPool), LEDGER)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=bring_up) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert differences(url) == []


def test_a_migration_that_fails_leaves_everything_as_it_was(databases: Databases, kind: str) -> None:
    engine = create_engine(databases.empty(kind), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE prepaid_draw (id INTEGER)"))

    with pytest.raises(Exception, match="already exists"):
        upgrade(engine, LEDGER)

    assert inspect(engine).get_table_names() == ["prepaid_draw"]


def test_tables_of_a_version_that_is_not_known_are_left_alone(databases: Databases, kind: str) -> None:
    engine = create_engine(databases.empty(kind), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {LEDGER.version_table} (version_num VARCHAR(32))"))
        connection.execute(text(f"INSERT INTO {LEDGER.version_table} VALUES ('0017')"))

    with pytest.raises(UnknownVersion, match=r"is at 0017.*begin with a new database"):
        Ledger(engine).upgrade()

    assert not Ledger(engine).is_upgraded()
    assert inspect(engine).get_table_names() == [LEDGER.version_table]


NEXT_RELEASE = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    op.add_column("prepaid_wallet", sa.Column("note", sa.String(64)))
"""


def next_release(folder: Path) -> Chain:
    """The migrations of a release that adds a column."""
    shutil.copytree(LEDGER.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "0002_a_note.py").write_text(NEXT_RELEASE)
    return Chain(folder, LEDGER.version_table, LEDGER.package)


def test_tables_of_the_same_number_that_lack_something_are_not_ready(databases: Databases, kind: str) -> None:
    """What was not released may change under its number."""
    engine = create_engine(databases.fresh(kind), poolclass=NullPool)
    assert Ledger(engine).is_upgraded()

    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE prepaid_draw RENAME COLUMN credits TO former"))

    assert not Ledger(engine).is_upgraded()


def test_this_release_works_on_the_tables_of_the_next_and_refuses_those_that_lack_something(
    databases: Databases, kind: str, tmp_path: Path
) -> None:
    engine = create_engine(databases.fresh(kind), poolclass=NullPool)
    ledger = Ledger(engine)
    ledger.grant("user:1", 10, key="gift", reason="for a test")

    upgrade(engine, next_release(tmp_path / "migrations"))

    assert ledger.is_upgraded()
    ledger.upgrade()
    assert ledger.spend_now("user:1", credits=3, key="after").balance == 7
    ledger.grant("user:2", 5, key="gift", reason="for a test")
    assert ledger.audit() == []
    with engine.connect() as connection:
        assert LEDGER.version(connection) == "0002"
    engine.dispose()

    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE prepaid_draw RENAME COLUMN credits TO former"))
    assert not ledger.is_upgraded()
    with pytest.raises(UnknownVersion, match="by a later version than this one"):
        ledger.upgrade()


def test_a_change_of_a_table_lets_sales_go_first_while_somebody_reads_for_long(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrading, "PAUSE_S", 0.2)
    monkeypatch.setattr(upgrading, "LOCK_S", 0.2)
    engine = create_engine(databases.fresh("postgresql"))
    ledger = Ledger(engine)
    ledger.grant("user:1", 10, key="gift", reason="for a test")
    warned, tried = list[tuple[str, tuple[float, ...]]](), threading.Event()

    def warn(sentence: str, *numbers: float) -> None:
        warned.append((sentence, numbers))
        tried.set()

    change = threading.Thread(target=upgrade, args=(engine, next_release(tmp_path / "migrations")))
    monkeypatch.setattr(upgrading.log, "warning", warn)

    with engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM prepaid_wallet"))
        change.start()
        assert tried.wait(60)
        assert ledger.spend_now("user:1", credits=3, key="meanwhile").balance == 7
        sentence, numbers = warned[0]
        assert "is in use by a long transaction, which goes first" in sentence
        assert numbers == (2, 40, 0.2)
    change.join(60)

    with engine.connect() as connection:
        assert LEDGER.version(connection) == "0002"
    assert ledger.audit() == []
    engine.dispose()


def test_a_change_of_a_table_that_is_in_use_all_the_time_gives_up_with_the_cure(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PAUSE_S": 0.0, "LOCK_S": 0.05, "TRIES": 2}.items():
        monkeypatch.setattr(upgrading, name, value)
    engine = create_engine(databases.fresh("postgresql"), poolclass=NullPool)

    with engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM prepaid_wallet"))
        with pytest.raises(Busy, match=r"in use each of 2 times\. Nothing was changed.*pg_stat_activity"):
            upgrade(engine, next_release(tmp_path / "migrations"))

    assert differences(engine.url) == []
