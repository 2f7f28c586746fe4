"""Whether what refuses a change of the books is there: triggers, and the key that stands once."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, inspect, text

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


def missing_guards(connection: Connection) -> Iterator[Problem]:
    there = set(connection.scalars(text(GUARDED[connection.dialect.name])))
    for name in sorted(GUARDS[connection.dialect.name] - there):
        yield Problem("I6", None, f"the trigger {name} is missing: entries can be changed")
    unique = {
        constraint["name"] for constraint in inspect(connection).get_unique_constraints("prepaid_entry")
    }
    if "uq_prepaid_entry_wallet_id_slot_key" not in unique:
        yield Problem("I8", None, "nothing refuses a second entry with the same key")
