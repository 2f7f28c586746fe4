"""``flask prepaid sync``: Stripe's balance transactions, copied for the reports."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from ..errors import GatewayUnavailable
from ..reports.balance import copying
from ..reports.sums import counting
from .app import context
from .group import unanswered
from .running_count import running_count


@click.command()
@with_appcontext
def sync() -> None:
    """Copy Stripe's balance transactions since the last time, for the reports."""
    try:
        with running_count("copied") as seen:
            new = copying.sync(context(), seen=seen)
        counting.catch_up(context())
    except GatewayUnavailable as error:
        raise click.ClickException(
            f"{unanswered()}. What was copied is kept or copied again: run it again."
        ) from error
    click.echo(f"{new:,} new.", err=True)
