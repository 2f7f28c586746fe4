"""How the ledger's migrations make a table: in partitions or in one piece, and of which integers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

#: As ``slots.py`` has it, for good.
SLOTS = 256

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def create_table(name: str, *columns: sa.schema.SchemaItem) -> None:
    """Make a table; in partitions by slot, where ``upgrade`` was told of them."""
    partitions = op.get_context().opts["partitions"]
    if not partitions:
        op.create_table(name, *columns)
        return
    op.create_table(name, *columns, postgresql_partition_by="RANGE (slot)")
    each = SLOTS // partitions
    for number in range(partitions):
        slots = f"FROM ({number * each}) TO ({(number + 1) * each})"
        op.execute(f"CREATE TABLE {name}_p{number:03} PARTITION OF {name} FOR VALUES {slots}")


def create_in_one_piece(name: str, *columns: sa.schema.SchemaItem) -> None:
    """Make a table whose rows are locked while others move them, with room for that beside each row."""
    op.create_table(name, *columns)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {name} SET (fillfactor = 70)")
