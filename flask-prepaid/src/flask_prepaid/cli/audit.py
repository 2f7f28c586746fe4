"""``flask prepaid audit``: the books against their entries, for cron."""

from __future__ import annotations

import json
from contextlib import ExitStack

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError

from ..operations.elsewhere import archiving, marks, places
from .app import context
from .running_count import running_count


@click.command()
@with_appcontext
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
@click.option("--against", metavar="MARKS", help="A file or database's URL, as PREPAID_MARKS has it.")
@click.option("--jobs", type=click.IntRange(1), default=1, metavar="N", help="Processes that work at once.")
@click.option("--full", is_flag=True, help="Play everything again, whatever PREPAID_PROOFS has proved.")
@click.option(
    "--archive",
    "archive_places",
    multiple=True,
    metavar="PLACE",
    help="Prove what archive has moved there, too; name each place. It means --full.",
)
def audit(as_json: bool, against: str | None, jobs: int, full: bool, archive_places: tuple[str, ...]) -> None:
    """Check every balance, lot, hold and debt against its entries. Exit 1 if one is off.

    It reads from PREPAID_STANDBY, where that is set, as far as the standby has come. With PREPAID_PROOFS it
    goes on from what it has proved there before, and says how much it has not looked at; with --full it
    looks at all, and compares the entries with what was proved.

    A wallet of which spends lie in an archive is looked at from there on. With --archive it is looked at as a
    whole.

    Books that went back, as after a failover that lost something, add up. With --against, each wallet whose
    marked entry is gone is named as well.
    """
    app = context()
    place = app.config.proofs
    full = full or bool(archive_places)
    try:
        with ExitStack() as stack:
            opened = [places.opened(each, app.engine, archiving.WHAT) for each in archive_places]
            archives = [stack.enter_context(each) for each in opened]
            proofs = stack.enter_context(places.opened(place, app.engine, "Proofs")) if place else None
            seen = stack.enter_context(running_count("events"))
            problems = app.audit(jobs=jobs, proofs=proofs, full=full, archives=archives, seen=seen)
    except (DBAPIError, ValueError) as error:
        raise click.ClickException(f"The books could not be read: {error}") from error
    if against:
        problems += marks.compare(app.engine, against)
    played: dict[str, int] = {}
    if place and not full:
        names = ("wallets", "entries", "before")
        played = {name: getattr(problems, name) for name in names}
        click.echo(
            "Played: {wallets:,} wallets that moved since they were proved, {entries:,} entries. "
            "Not looked at: {before:,} events that were proved before; --full does.".format(**played),
            err=True,
        )
    if as_json:
        rows = [problem._asdict() for problem in problems]
        click.echo(json.dumps({"ok": not problems, "problems": rows, **played}))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)
    click.echo("Every balance is the sum of its entries.", err=True)
    if against:
        click.echo("Nothing that was marked is gone.", err=True)
