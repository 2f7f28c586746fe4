"""``flask prepaid archive``: finished spends of years ago leave the books, and what has left is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click
from flask.cli import with_appcontext

from ..languages import units
from ..operations.elsewhere import archiving, places
from ..payments.customers import owned
from . import typed
from .app import context
from .running_count import running_count


def number(count: int, what: str) -> str:
    """``1 wallet`` or ``3 wallets``."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


month = click.DateTime(formats=["%Y-%m", "%Y-%m-%d"])


@click.command()
@with_appcontext
@click.option(
    "--before", required=True, type=month, metavar="MONTH", help="Such as 2025-01, 13 months ago at least."
)
@click.option("--to", "place", required=True, metavar="PLACE", help="A file, or another database's URL.")
def archive(before: datetime, place: str) -> None:
    """Move finished spends from before MONTH, in UTC, out of the books. Safe to run again, and while selling.

    Purchases, refunds and all that can come back stay. So do sums: balances, statements of whole months and
    reports are as before. Keep PLACE as long as the books: audit --archive PLACE proves the two together.
    Exit 1 if a wallet was left as it is, because something in it is off or others kept it locked.
    """
    try:
        with running_count("left") as seen:
            done = archiving.archive(context(), before.replace(tzinfo=UTC), place, seen=seen)
    except ValueError as wrong:
        raise click.ClickException(str(wrong)) from wrong
    for problem in done.problems:
        click.echo(problem, err=True)
    spends = f"{number(done.spends, 'spend')} of {units.credits(done.credits)}"
    holds, wallets = number(done.holds, "ended hold"), number(done.wallets, "wallet")
    click.echo(f"Archived: {spends}, {holds}; {wallets}.", err=True)
    if done.busy:
        click.echo(f"Others kept {number(done.busy, 'wallet')} locked. Run it again.", err=True)
    if done.problems or done.busy:
        raise SystemExit(1)


@click.command()
@with_appcontext
@click.argument("owner", type=typed.owner)
@click.option("--from", "place", required=True, metavar="PLACE", help="What archive was told to move to.")
def archived(owner: str, place: str) -> None:
    """Write the spends of OWNER that lie in PLACE, the oldest first, one JSON object a line."""
    app, count = context(), 0
    if not owned.has_wallet(app.session, owner):
        raise click.ClickException(
            f"{owner!r} has no wallet here. An owner is what Prepaid(owner=...) gives, such as user:42."
        )
    try:
        with places.opened(place, app.engine, archiving.WHAT) as there:
            for entry in app.ledger.archived_entries(owner, there):
                row = {
                    name: getattr(entry, name)
                    for name in ("seq", "at", "key", "spender", "item", "quantity", "price_version", "reason")
                }
                row |= {name: units.plain(getattr(entry, name)) for name in ("credits", "balance_after")}
                click.echo(json.dumps({**row, "at": entry.at.isoformat()}))
                count += 1
    except ValueError as wrong:
        raise click.ClickException(str(wrong)) from wrong
    click.echo(f"Read there: {number(count, 'spend')} of {owner}.", err=True)
