"""``flask prepaid sync``: Stripe's balance transactions, copied for the reports."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from ..errors import GatewayUnavailable
from ..reports.balance import copying
from ..reports.sums import counting as sums
from .app import context
from .counting import counting
from .group import unanswered


@click.command()
@with_appcontext
def sync() -> None:
    """Copy Stripe's balance transactions since the last time, for the reports."""
    try:
        with counting("copied") as seen:
            new = copying.sync(context(), seen=seen)
        sums.catch_up(context())
    except GatewayUnavailable as error:
        raise click.ClickException(
            f"{unanswered()}. What was copied is kept or copied again: run it again."
        ) from error
    click.echo(f"{new:,} new.", err=True)
