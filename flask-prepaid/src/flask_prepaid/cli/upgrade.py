"""``flask prepaid upgrade``: the tables of both packages brought up to date."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from prepaid_ledger.database import partitions_of
from prepaid_ledger.slots import SLOTS

from ..upgrade import later as tables_later
from ..upgrade import upgrade as upgrade_tables
from .app import context

in_partitions = click.option(
    "--partitions",
    type=click.Choice([2**n for n in range(1, SLOTS.bit_length())]),
    metavar="N",
    help="Make the ledger's new tables in N partitions, on PostgreSQL: 2, 4, ... 256.",
)


@click.command()
@with_appcontext
@in_partitions
def upgrade(partitions: int | None) -> None:
    """Bring the prepaid_* tables up to date.

    For a ledger of billions of entries: --partitions 32, in a new database. Tables that stand are not parted;
    `copy --to` carries their rows there.
    """
    engine = context().engine
    upgrade_tables(engine, partitions=partitions)
    with engine.connect() as connection:
        parts = partitions_of(connection)
    where = f", the ledger's in {parts} partitions" if parts else ""
    for line in tables_later(engine) or [f"The prepaid tables are up to date{where}."]:
        click.echo(line, err=True)
