"""``flask prepaid connect``: the price list and the webhook, set up at Stripe."""

from __future__ import annotations

from urllib.parse import urlsplit

import click
from flask.cli import with_appcontext

from ..errors import GatewayUnavailable
from ..operations import connect as catalog_at_stripe
from .app import context
from .group import unanswered


@click.command()
@with_appcontext
@click.option(
    "--url", help="Where Stripe shall send its events, such as https://shop.example/prepaid/webhook."
)
@click.option(
    "--end-plans", is_flag=True, help="End the plans here that this account of Stripe's does not have."
)
def connect(url: str | None, end_plans: bool) -> None:
    """Mirror the packs to Stripe's products and prices, and set up the webhook. Safe to run again.

    Plans don't move from one account of Stripe's to another. With --end-plans, those that run here and that
    this account does not have are ended: their customers are told by mail, and choose anew. What they have
    paid for stays.
    """
    path = context().config.paths["webhook"]
    if url is not None and not urlsplit(url).path.endswith(path):
        raise click.BadParameter(f"this app hears events at {path}, not there.", param_hint="--url")
    try:
        connected = catalog_at_stripe.connect(context(), url=url, end_plans=end_plans)
    except GatewayUnavailable as error:
        raise click.ClickException(f"{unanswered()}. Run it again: nothing is made twice.") from error
    for line in connected.done:
        click.echo(line, err=True)
    if connected.not_there:
        click.echo(
            f"This account does not have the plan of {connected.not_there[0]}, which runs here: it never "
            "renews. If this account is the right one, end such plans: flask prepaid connect --end-plans",
            err=True,
        )
    if connected.secret:
        click.echo(
            "Keep this as PREPAID_STRIPE_WEBHOOK_SECRET (FLASK_PREPAID_STRIPE_WEBHOOK_SECRET for "
            "app.config.from_prefixed_env()). Stripe shows it only now:",
            err=True,
        )
        click.echo(connected.secret)
