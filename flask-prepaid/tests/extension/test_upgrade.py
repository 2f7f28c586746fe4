"""The tables of the ledger and of the extension, up and down, and left alone by the host."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, create_engine, inspect, text
from sqlalchemy.pool import NullPool

from flask_prepaid import include_name
from flask_prepaid.testing import Databases
from flask_prepaid.upgrade import EXTENSION, behind, downgrade, upgrade
from prepaid_ledger import UnknownVersion, database
from prepaid_ledger.database import LEDGER, Base

VERSION_TABLES = {LEDGER.version_table, EXTENSION.version_table}


def differences(url: URL) -> list[object]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _: name not in VERSION_TABLES, "compare_type": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


@pytest.mark.each_database
def test_the_migrations_make_the_models_up_down_and_up_again(databases: Databases, kind: str) -> None:
    engine = create_engine(databases.empty(kind), poolclass=NullPool)
    assert behind(engine) == ["The prepaid tables are not there yet. Run: flask prepaid upgrade."]
    database.upgrade(engine, LEDGER)
    (of_extension,) = behind(engine)
    assert of_extension.startswith("The extension's tables are not there yet, and version 0001 is needed.")

    upgrade(engine)
    assert differences(engine.url) == []

    downgrade(engine)
    assert set(inspect(engine).get_table_names()) == VERSION_TABLES

    upgrade(engine)
    upgrade(engine)
    assert behind(engine) == []
    assert differences(engine.url) == []


@pytest.mark.each_database
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


@pytest.mark.each_database
def test_two_processes_that_upgrade_together_take_turns(databases: Databases, kind: str) -> None:
    url = databases.empty(kind)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(upgrade, [create_engine(url, poolclass=NullPool) for _ in range(2)]))

    assert differences(url) == []


@pytest.mark.each_database
def test_a_migration_that_fails_leaves_everything_as_it_was(databases: Databases, kind: str) -> None:
    engine = create_engine(databases.empty(kind), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE prepaid_payment (id INTEGER)"))

    with pytest.raises(Exception, match="already exists"):
        upgrade(engine)

    assert inspect(engine).get_table_names() == ["prepaid_payment"], "not even the ledger's tables"


@pytest.mark.each_database
def test_tables_made_before_the_first_version_are_left_alone(databases: Databases, kind: str) -> None:
    """They had one chain of migrations for the ledger and the extension."""
    engine = create_engine(databases.empty(kind), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE prepaid_wallet (id INTEGER)"))
        connection.execute(text("CREATE TABLE prepaid_alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO prepaid_alembic_version VALUES ('0017')"))
    before = sorted(inspect(engine).get_table_names())

    with pytest.raises(UnknownVersion) as refused:
        upgrade(engine)

    assert str(refused.value) == (
        "These tables were made before 0.1, or by a later version than this one "
        "(prepaid_alembic_version is at 0017): "
        "begin with a new database, or install the version that made them."
    )
    assert behind(engine) == [str(refused.value)]
    assert sorted(inspect(engine).get_table_names()) == before


@pytest.mark.each_database
def test_tables_that_an_earlier_commit_made_under_the_same_version_are_named(
    databases: Databases, kind: str
) -> None:
    engine = create_engine(databases.fresh(kind), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE prepaid_refund DROP COLUMN asked_minor"))
        connection.execute(text("ALTER TABLE prepaid_entry DROP COLUMN price_version"))
        connection.execute(text("DROP TABLE prepaid_refusal"))
    sentence = (
        "These tables were made by another commit under the same version. They lack "
        "prepaid_entry.price_version, prepaid_refund.asked_minor, prepaid_refusal: begin with a new "
        "database, or install the version that made them."
    )

    with pytest.raises(UnknownVersion) as refused:
        upgrade(engine)

    assert (str(refused.value), behind(engine)) == (sentence, [sentence])


def test_the_hosts_migrations_leave_our_tables_alone() -> None:
    assert not include_name("prepaid_entry", "table", {})
    assert not any(include_name(table, "table", {}) for table in VERSION_TABLES)
    assert include_name("rando_number", "table", {})
    assert include_name("prepaid", "column", {})
