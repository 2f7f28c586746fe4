"""Whether what refuses a change of the books is there: triggers, and the key that stands once."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, inspect, text

from ...database.guards import changed_functions
from ...database.migrations.guards import SQLITE_GUARDS
from ..scope.problem import Problem

#: The triggers that refuse a change of an entry, by database.
GUARDS = {
    "sqlite": {
        f"prepaid_{table}_no_{change}"
        for table in ("entry", "archive_mark")
        for change in ("update", "delete", "replace")
    },
    "postgresql": {
        f"prepaid_{table}_no_{change}"
        for table in ("entry", "archive_mark")
        for change in ("change", "truncate")
    },
}

#: The names of those that stop a writer: in PostgreSQL on each partition, if there are any.
GUARDED = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": """
        WITH guarded (id) AS (
          SELECT to_regclass('prepaid_entry')::oid
          UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass('prepaid_entry')
        )
        SELECT tgname FROM pg_trigger JOIN guarded ON tgrelid = id WHERE tgenabled IN ('O', 'A')
        GROUP BY tgname HAVING count(*) = (SELECT count(*) FROM guarded)
        UNION ALL SELECT tgname FROM pg_trigger
        WHERE tgrelid = to_regclass('prepaid_archive_mark') AND tgenabled IN ('O', 'A')""",
}


#: How PostgreSQL keeps what its triggers do: for each row before UPDATE and DELETE, before TRUNCATE.
BEFORE_CHANGE, BEFORE_TRUNCATE = 27, 34

#: Triggers of PostgreSQL that call a function of ours less often than they were made to, or another one.
BENT = f"""
    SELECT DISTINCT tgname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE tgname = ANY (:names) AND tgrelid IN (
      SELECT unnest(ARRAY[to_regclass('prepaid_entry'), to_regclass('prepaid_archive_mark')])::oid
      UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass('prepaid_entry')
    ) AND (
      tgqual IS NOT NULL
      OR tgattr::text <> ''
      OR tgtype <> CASE WHEN tgname LIKE '%\\_truncate' THEN {BEFORE_TRUNCATE} ELSE {BEFORE_CHANGE} END
      OR proname <> regexp_replace(tgname, '_no_(change|truncate)$', '_refuse')
      OR pronamespace <> (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('prepaid_entry'))
    )"""


def missing_guards(connection: Connection) -> Iterator[Problem]:
    """What refuses a change of the books and is not there, or is other than the migrations made it."""
    there = set(connection.scalars(text(GUARDED[connection.dialect.name])))
    for name in sorted(GUARDS[connection.dialect.name] - there):
        yield Problem("I6", None, f"the trigger {name} is missing: entries can be changed")
    changed = _changed_on_sqlite if connection.dialect.name == "sqlite" else _changed_on_postgresql
    for message in changed(connection, there):
        yield Problem("I6", None, message)
    if not has_unique_keys(connection):
        yield Problem("I8", None, "nothing refuses a second entry with the same key")


def has_unique_keys(connection: Connection) -> bool:
    """Whether the database refuses a second entry with the same key, and finds an entry by it."""
    unique = inspect(connection).get_unique_constraints("prepaid_entry")
    return "uq_prepaid_entry_wallet_id_slot_key" in {constraint["name"] for constraint in unique}


def _changed_on_sqlite(connection: Connection, there: set[str]) -> Iterator[str]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    kept: dict[str, str] = {row.name: row.sql for row in rows}
    for statement in SQLITE_GUARDS:
        name = statement.split()[2]
        if name in there and kept[name].split() != statement.split():
            yield f"the trigger {name} is another one than was made: entries can be changed"


def _changed_on_postgresql(connection: Connection, there: set[str]) -> Iterator[str]:
    names = sorted(GUARDS["postgresql"] & there)
    for name in sorted(connection.scalars(text(BENT), {"names": names})):
        yield f"the trigger {name} is another one than was made: entries can be changed"
    for name, was in changed_functions(connection).items():
        if was is None:
            yield f"the function {name} is another one than was made: entries can be changed"
        else:
            yield (
                f"the function {name} names the schema {was}, which is called otherwise now: nothing can be "
                "archived. Bring the tables up to date, as after a new release: that mends it"
            )
