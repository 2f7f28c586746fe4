"""``flask prepaid replay``: events of the inbox, handled again."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from ..operations import inbox
from .app import context


@click.command()
@with_appcontext
@click.argument("events", nargs=-1)
@click.option("--failed", is_flag=True, help="Every event that was not handled.")
def replay(events: tuple[str, ...], failed: bool) -> None:
    """Run events of the inbox again. Exit 1 if one fails."""
    if bool(events) == failed:
        raise click.UsageError("Name events, or give --failed.")
    app = context()
    left = [event for event in events or inbox.unhandled(app) if not inbox.replay(app, event)]
    for event in left:
        click.echo(f"{event}: not in the inbox, or it failed again: see the log", err=True)
    if left:
        raise SystemExit(1)
