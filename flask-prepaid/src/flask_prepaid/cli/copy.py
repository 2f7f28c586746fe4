"""``flask prepaid copy``: the books carried to another database, and audited there."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import MetaData

from ..errors import GatewayUnavailable
from ..operations.elsewhere import copy_books
from .app import context
from .group import unanswered
from .running_count import running_count
from .upgrade import in_partitions


@click.command()
@with_appcontext
@click.option("--to", "url", required=True, metavar="URL", help="An empty database, as SQLAlchemy's URL.")
@click.option("--all", "everything", is_flag=True, help="Your own tables, too, as Flask-SQLAlchemy has them.")
@in_partitions
def copy(url: str, everything: bool, partitions: int | None) -> None:
    """Copy the books to another database, SQLite to PostgreSQL or back; audit and reconcile them there.

    Stop the app first. With --all your own tables have to be there, empty: run your migrations on that
    database before. Exit 1 if anything is off there.
    """
    host_tables = hosts_metadata() if everything else None
    try:
        with running_count("rows") as seen:
            copied = copy_books.copy(
                context(), url, host_tables=host_tables, partitions=partitions, seen=seen
            )
    except GatewayUnavailable as error:
        raise click.ClickException(
            f"{unanswered()}. All is copied; what Stripe says of it, tells `flask prepaid reconcile` there."
        ) from error
    for problem in copied.problems:
        click.echo(problem, err=True)
    for drift in copied.drift:
        click.echo(drift, err=True)
    for table, rows in copied.rows.items():
        if rows or not table.startswith("prepaid_"):
            click.echo(f"{table}: {rows:,} rows here, {rows:,} there", err=True)
    total = sum(copied.rows.values())
    click.echo(f"{total:,} rows of {len(copied.rows)} tables are at {copied.where}.", err=True)
    if copied.problems or copied.drift:
        raise SystemExit(1)
    click.echo("The audit there finds nothing wrong, and Stripe agrees.", err=True)


def hosts_metadata() -> MetaData:
    """The tables of the app that ``flask`` has loaded, as Flask-SQLAlchemy knows them.

    :raises ClickException: It has no Flask-SQLAlchemy.
    """
    metadata = getattr(current_app.extensions.get("sqlalchemy"), "metadata", None)
    if not isinstance(metadata, MetaData):
        raise click.ClickException("--all needs Flask-SQLAlchemy. Copy your own tables by yourself.")
    return metadata
