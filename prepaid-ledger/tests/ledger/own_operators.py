"""A schema of PostgreSQL in which each comparison is true, and a ``search_path`` that comes to it first."""

from __future__ import annotations

from sqlalchemy import Connection, text

TYPES = ("boolean", "smallint", "integer", "bigint", "varchar", "text", "timestamptz")
PAIRS = [*((each, each) for each in TYPES), ("bigint", "integer"), ("integer", "bigint")]


def compare_by_own_operators(connection: Connection) -> None:
    """What somebody may do who may make a schema of their own; it ends with the transaction."""
    connection.execute(text("CREATE SCHEMA own"))
    for left, right in PAIRS:
        connection.execute(
            text(f"CREATE FUNCTION own.yes({left}, {right}) RETURNS boolean LANGUAGE sql AS 'SELECT true'")
        )
        for operator in ("=", "<>", "<", "<=", ">", ">="):
            arguments = f"FUNCTION = own.yes, LEFTARG = {left}, RIGHTARG = {right}"
            connection.execute(text(f"CREATE OPERATOR own.{operator} ({arguments})"))
    connection.execute(text("SET LOCAL search_path = own, pg_catalog, public"))
