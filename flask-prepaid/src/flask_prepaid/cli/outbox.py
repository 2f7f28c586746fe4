"""``flask prepaid outbox``: what is still to be told, and what was given up."""

from __future__ import annotations

import json

import click
from flask.cli import with_appcontext

from ..outbox import given_up, summary
from .app import context


@click.command()
@click.option("--again", is_flag=True, help="Let tick tell what was given up.")
@click.option("--drop", is_flag=True, help="Tell nobody any more what was given up.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
@with_appcontext
def outbox(again: bool, drop: bool, as_json: bool) -> None:
    """Signals, mails and webhooks that wait, and those that were given up after three days.

    Exit 1 if any was given up.
    """
    if again and drop:
        raise click.UsageError("Give --again or --drop, not both.")
    app = context()
    if again or drop:
        count = given_up.try_again(app) if again else given_up.drop(app)
        click.echo(f"{count:,} {'are told by the next tick' if again else 'are dropped'}.", err=True)
        return
    waiting, oldest = summary.waiting(app.session), given_up.oldest(app.session)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "waiting": [
                        {
                            "target": waits.target,
                            "count": waits.count,
                            "failing": waits.failing,
                            "oldest_at": waits.oldest_at.isoformat(),
                        }
                        for waits in waiting
                    ],
                    "given_up": given_up.count(app.session),
                }
            )
        )
    else:
        for waits in waiting:
            click.echo(
                f"{waits.target}: {waits.count:,} wait, {waits.failing:,} of them after a failure, since "
                f"{waits.oldest_at:%Y-%m-%d %H:%M} UTC"
            )
        for delivery, message in oldest:
            click.echo(
                f"given up: {message.signal} of {message.owner}, {message.at:%Y-%m-%d %H:%M} UTC, to "
                f"{delivery.target}: {delivery.answer}"
            )
        more = given_up.count(app.session) - len(oldest)
        if more > 0:
            click.echo(f"given up: {more:,} more")
    if oldest:
        raise SystemExit(1)
    if not waiting and not as_json:
        click.echo("Everything is told.", err=True)
