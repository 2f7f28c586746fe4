"""``flask prepaid reconcile``: Stripe's objects against the books, for cron."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click
from flask.cli import with_appcontext

from ..errors import GatewayUnavailable
from ..operations import reconcile as comparison
from ..operations.differences import Drift
from .app import context
from .group import unanswered
from .running_count import running_count


@click.command()
@with_appcontext
@click.option("--fix", is_flag=True, help="Mend what can be mended, as an event of Stripe's would.")
@click.option("--since", type=click.DateTime(), help="Leave alone what was made before, in UTC.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def reconcile(fix: bool, since: datetime | None, as_json: bool) -> None:
    """Compare Stripe's objects with the books, in both directions. Exit 1 if drift is left."""
    app = context()
    mended: list[Drift] = []
    start = since.replace(tzinfo=UTC) if since else None
    try:
        with running_count("compared") as seen:
            left = comparison.reconcile(
                app, since=start, fix=fix, seen=seen, mended=mended.append, wait=_wait
            )
    except GatewayUnavailable as error:
        raise click.ClickException(f"{unanswered()}. Nothing is known to be off; run it again.") from error
    if as_json:
        lists = {"drift": [asdict(drift) for drift in left], "mended": [asdict(drift) for drift in mended]}
        click.echo(json.dumps({"ok": not left, **lists}))
    for drift in mended:
        click.echo(f"mended: {drift}", err=True)
    for drift in left:
        click.echo(drift, err=True)
    if left:
        raise SystemExit(1)
    click.echo("Stripe and the books agree.", err=True)


def _wait(left: timedelta) -> None:
    """Until a request that was lost on its way can't reach Stripe any more."""
    seconds = math.ceil(left.total_seconds())
    click.echo(f"A payment was asked for a moment ago, and is not known yet: {seconds} s more.", err=True)
    time.sleep(seconds)
