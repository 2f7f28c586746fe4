"""The ledger's tables, up and down, and as the models say."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from prepaid_ledger import Ledger, UnknownVersion, tables
from prepaid_ledger.database import LEDGER, Base, downgrade, upgrade
from prepaid_ledger.testing import Databases

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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
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


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_migration_that_fails_leaves_everything_as_it_was(databases: Databases, kind: str) -> None:
    engine = create_engine(databases.empty(kind), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE prepaid_draw (id INTEGER)"))

    with pytest.raises(Exception, match="already exists"):
        upgrade(engine, LEDGER)

    assert inspect(engine).get_table_names() == ["prepaid_draw"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_tables_of_a_version_that_is_not_known_are_left_alone(databases: Databases, kind: str) -> None:
    engine = create_engine(databases.empty(kind), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {LEDGER.version_table} (version_num VARCHAR(32))"))
        connection.execute(text(f"INSERT INTO {LEDGER.version_table} VALUES ('0017')"))

    with pytest.raises(UnknownVersion, match=r"is at 0017.*begin with a new database"):
        Ledger(engine).upgrade()

    assert not Ledger(engine).is_upgraded()
    assert inspect(engine).get_table_names() == [LEDGER.version_table]
