"""What rests while rows come in: triggers, and the host's foreign keys; afterwards both are as before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import IntegrityError

from ...errors import ConfigError

#: A partition's foreign keys belong to those of its table, and come and go with them.
FOREIGN_KEYS = """
SELECT conrelid::regclass::text AS owner, quote_ident(conname) AS name,
       pg_get_constraintdef(oid) AS definition, quote_literal(obj_description(oid, 'pg_constraint')) AS remark
FROM pg_constraint
WHERE contype = 'f' AND conparentid = 0 AND conrelid = ANY (CAST(:tables AS regclass[]))
ORDER BY oid
"""


@contextmanager
def triggers_at_rest(table: Table, target: Connection) -> Iterator[None]:
    """Rows come in as they were: what a trigger would say of them today is not asked."""
    if target.dialect.name == "postgresql":
        name = quoted(table.name, target)
        target.execute(text(f"ALTER TABLE {name} DISABLE TRIGGER USER"))
        yield
        target.execute(text(f"ALTER TABLE {name} ENABLE TRIGGER USER"))
        return
    kept = target.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"),
        {"table": table.name},
    ).all()
    for trigger in kept:
        target.execute(text(f"DROP TRIGGER {quoted(trigger.name, target)}"))
    yield
    for trigger in kept:
        target.exec_driver_sql(trigger.sql)


@contextmanager
def foreign_keys_at_rest(tables: list[Table], target: Connection) -> Iterator[None]:
    """A row may come before the one that it refers to: of its own table, or of tables that form a circle.

    In the end each foreign key is there as it was, and all rows have been held against it.

    :raises ConfigError: A row refers to one that is not there.
    """
    if target.dialect.name == "postgresql":
        yield from _dropped(tables, target)
        return
    target.exec_driver_sql("PRAGMA defer_foreign_keys = ON")  # until this transaction ends
    yield
    if target.exec_driver_sql("PRAGMA foreign_keys").scalar_one():
        for table in tables:
            check = f"PRAGMA foreign_key_check({quoted(table.name, target)})"
            if astray := target.exec_driver_sql(check).first():
                raise _astray(f"{table.name}, row {astray[1]}: it is not in {astray[2]}.")


def _dropped(tables: list[Table], target: Connection) -> Iterator[None]:
    """PostgreSQL lets only a superuser switch one off; its owner may take it away, and bring it back."""
    names = [quoted(table.name, target) for table in tables]
    keys = target.execute(text(FOREIGN_KEYS), {"tables": names}).all()
    for key in keys:
        _do(f"ALTER TABLE {key.owner} DROP CONSTRAINT {key.name}", target)
    yield
    for key in keys:
        try:
            _do(f"ALTER TABLE {key.owner} ADD CONSTRAINT {key.name} {key.definition}", target)
        except IntegrityError as refused:
            raise _astray(" ".join(str(refused.orig).split())) from refused
        if key.remark is not None:
            _do(f"COMMENT ON CONSTRAINT {key.name} ON {key.owner} IS {key.remark}", target)


def _do(statement: str, target: Connection) -> None:
    """Run a statement as it stands: a % in a name is no place for a parameter."""
    target.exec_driver_sql(statement, execution_options={"no_parameters": True})


def _astray(what: str) -> ConfigError:
    return ConfigError(
        f"A row refers to one that is not there, so nothing was copied. {what} Mend it in the old database."
    )


def quoted(name: str, connection: Connection) -> str:
    return connection.dialect.identifier_preparer.quote(name)
