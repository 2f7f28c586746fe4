"""What refuses a change of the books is itself changed by the tables' owner: the audit compares it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.exc import DBAPIError

from prepaid_ledger.database.migrations.guards import POSTGRESQL_ENTRY_IS_SOUND
from prepaid_ledger.testing import Databases

from .books import Books

BODY = "$$ BEGIN RETURN COALESCE(NEW, OLD); END $$"

#: What the owner of the tables does on each database, and what the audit says of it.
CHANGES: dict[str, list[tuple[str, ...]]] = {
    "sqlite": [
        (
            "DROP TRIGGER prepaid_entry_no_update",
            "CREATE TRIGGER prepaid_entry_no_update BEFORE UPDATE ON prepaid_entry BEGIN SELECT 1; END",
            "the trigger prepaid_entry_no_update is another one than was made",
        ),
    ],
    "postgresql": [
        (
            f"CREATE OR REPLACE FUNCTION prepaid_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS {BODY}",
            "the function prepaid_entry_refuse is another one than was made",
        ),
        (
            "CREATE OR REPLACE FUNCTION prepaid_entry_is_sound(kind varchar, seq bigint, credits bigint,"
            " debt bigint, balance_after bigint, amount_minor bigint, tax_minor bigint, currency varchar)"
            " RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN true; END $$",
            "the function prepaid_entry_is_sound is another one than was made",
        ),
        (
            "DROP TRIGGER prepaid_entry_no_change ON prepaid_entry",
            "CREATE TRIGGER prepaid_entry_no_change BEFORE UPDATE OR DELETE ON prepaid_entry FOR EACH ROW"
            " WHEN (OLD.seq < 0) EXECUTE FUNCTION prepaid_entry_refuse()",
            "the trigger prepaid_entry_no_change is another one than was made",
        ),
        (
            "DROP TRIGGER prepaid_archive_mark_no_change ON prepaid_archive_mark",
            "CREATE TRIGGER prepaid_archive_mark_no_change BEFORE DELETE ON prepaid_archive_mark FOR EACH ROW"
            " EXECUTE FUNCTION prepaid_archive_mark_refuse()",
            "the trigger prepaid_archive_mark_no_change is another one than was made",
        ),
    ],
}

#: Other ways to have PostgreSQL refuse less, each by itself.
LESS = {
    "only one column": (
        "CREATE OR REPLACE TRIGGER prepaid_entry_no_change BEFORE UPDATE OF key OR DELETE ON prepaid_entry"
        " FOR EACH ROW EXECUTE FUNCTION prepaid_entry_refuse()",
        "the trigger prepaid_entry_no_change is another one than was made",
    ),
    "a namesake elsewhere": (
        "CREATE SCHEMA elsewhere",
        f"CREATE FUNCTION elsewhere.prepaid_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS {BODY}",
        "CREATE OR REPLACE TRIGGER prepaid_entry_no_change BEFORE UPDATE OR DELETE ON prepaid_entry"
        " FOR EACH ROW EXECUTE FUNCTION elsewhere.prepaid_entry_refuse()",
        "the trigger prepaid_entry_no_change is another one than was made",
    ),
    "a namesake beside it": (
        "CREATE OR REPLACE FUNCTION prepaid_entry_is_sound(kind varchar, seq bigint, credits bigint,"
        " debt bigint, balance_after bigint, amount_minor bigint, tax_minor bigint, currency varchar)"
        " RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$ BEGIN RETURN true; END $$",
        "DO $do$ BEGIN EXECUTE format('CREATE FUNCTION prepaid_entry_is_sound() RETURNS boolean LANGUAGE"
        " plpgsql AS %L', $body$" + POSTGRESQL_ENTRY_IS_SOUND.split("$$")[1] + "$body$); END $do$",
        "the function prepaid_entry_is_sound is another one than was made",
    ),
}


@pytest.fixture
def bent(databases: Databases, kind: str) -> Iterator[Books]:
    """A ledger whose guards somebody is about to change."""
    database = databases.fresh(kind)
    books = Books(database)
    books.grant(5)
    books.commit()
    yield books
    books.discard()
    databases.drop(database)


@pytest.mark.each_database
def test_a_guard_that_was_replaced_by_another_of_its_name_is_named(bent: Books) -> None:
    for number, change in enumerate(CHANGES[bent.engine.dialect.name], 1):
        *statements, message = change
        for statement in statements:
            bent.execute(statement)

        problems = [str(problem) for problem in bent.unjoined.audit()]

        assert len(problems) == number
        assert any(f"I6 all wallets: {message}: entries can be changed" in each for each in problems)


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("less", LESS)
def test_a_guard_that_refuses_less_is_named(bent: Books, less: str) -> None:
    *statements, message = LESS[less]
    for statement in statements:
        bent.execute(statement)

    problems = [str(problem) for problem in bent.unjoined.audit()]

    assert len(problems) == 1
    assert f"I6 all wallets: {message}: entries can be changed" in problems[0]


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("schema", ["old", "Old books"])
def test_the_guards_are_brought_to_a_schema_that_is_renamed(bent: Books, schema: str) -> None:
    bent.execute(f'ALTER SCHEMA public RENAME TO "{schema}"')
    bent.execute(f"""DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = %I', current_database(), '{schema}');
      END $$""")
    bent.discard()

    before = [str(problem) for problem in bent.unjoined.audit()]
    bent.unjoined.upgrade()

    assert len(before) == 1
    assert "the function prepaid_entry_refuse names the schema public, which is called otherwise" in before[0]
    assert bent.unjoined.audit() == []
    with pytest.raises(DBAPIError, match="prepaid_entry is never changed"):
        bent.execute("DELETE FROM prepaid_entry")
