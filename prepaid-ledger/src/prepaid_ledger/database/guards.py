"""The functions that guard tables on PostgreSQL: whether they are those that the migrations have made.

A function names the schema of the tables, and keeps that name where the schema is renamed. Then it finds
nothing: what it guards stays as it is, and the archive can remove nothing either.
"""

from __future__ import annotations

import re
from collections import defaultdict

from sqlalchemy import Connection, text

from .migrations.guards import POSTGRESQL_ENTRY_IS_SOUND, postgresql_guards

#: A function's name and its body; and the schema that a body names.
_FUNCTION = re.compile(r"CREATE FUNCTION (\w+)\(.*?\$\$(.*)\$\$", re.DOTALL)
_NAMES_SCHEMA = re.compile(r"FROM (\S+)\.prepaid_archive_mark\b")

_SCHEMA = """SELECT quote_ident(nspname) FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid
    WHERE pg_class.oid = to_regclass('prepaid_entry')"""
_BODIES = """SELECT proname, prosrc FROM pg_proc
    WHERE proname = ANY (:names)
    AND pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('prepaid_entry'))"""


def changed_functions(connection: Connection) -> dict[str, str | None]:
    """The functions that are other than the migrations made them, by their names.

    With the schema that one names which is the same otherwise. ``None``: it is another function.
    """
    made = _functions(connection.scalar(text(_SCHEMA)))
    there: defaultdict[str, list[str]] = defaultdict(list)
    for row in connection.execute(text(_BODIES), {"names": list(made)}):
        there[row.proname].append(row.prosrc)
    changed: dict[str, str | None] = {}
    for name, statement in made.items():
        # Of several with one name, which differ by what they take, not each is the one that is called.
        bodies = there[name] or [""]
        body = next((each for each in bodies if not _is_of(statement, each)), None)
        if body is not None:
            named = _NAMES_SCHEMA.search(body)
            is_renamed = named is not None and _is_of(_functions(named[1])[name], body)
            changed[name] = named[1] if named is not None and is_renamed else None
    return changed


def match_schema(connection: Connection) -> None:
    """Have the functions name the schema that the tables are in now, where it was renamed."""
    if connection.dialect.name != "postgresql":
        return
    made = _functions(connection.scalar(text(_SCHEMA)))
    for name, renamed in changed_functions(connection).items():
        if renamed is not None:
            anew = made[name].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
            connection.exec_driver_sql(anew)


def _functions(schema: str) -> dict[str, str]:
    """What the migrations make for tables in ``schema``: each statement by the name of its function."""
    statements = (POSTGRESQL_ENTRY_IS_SOUND, *postgresql_guards(schema))
    return {made[1]: each for each in statements if (made := _FUNCTION.match(each))}


def _is_of(statement: str, body: str) -> bool:
    made = _FUNCTION.match(statement)
    return made is not None and made[2].split() == body.split()
