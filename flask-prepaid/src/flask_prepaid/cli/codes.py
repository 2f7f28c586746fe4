"""``flask prepaid codes``: make a code, list them, switch one off or on."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from flask.cli import AppGroup

from ..checks import MAX_PERIOD
from ..codes import finding, making, redeeming
from ..codes.models import Code
from ..codes.terms import Terms
from ..languages import units
from .app import context

codes = AppGroup("codes", help="Codes that give credits: list, make, switch off and on.")


@codes.command("list")
@click.option("--limit", type=click.IntRange(min=1, max=10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def list_codes(limit: int, as_json: bool) -> None:
    """The last codes that were made, with what they gave."""
    session = context().session
    rows = finding.listed(session, limit=limit)
    given = redeeming.given_by(session, [row.id for row in rows])
    if as_json:
        click.echo(json.dumps({"codes": [_values(row, given.get(row.id, 0)) for row in rows]}))
        return
    for row in rows:
        click.echo(_line(row, given.get(row.id, 0)))


@codes.command()
@click.argument("code", required=False)
@click.option("--credits", type=click.IntRange(min=1), required=True, help="What it gives each time.")
@click.option(
    "--max-claims", type=click.IntRange(min=1), help="How often by all together. Default: without end."
)
@click.option(
    "--per-owner", type=click.IntRange(min=1), default=1, show_default=True, help="How often by one."
)
@click.option("--until", type=click.DateTime(), help="Until when it can be redeemed, in UTC.")
@click.option(
    "--lasts", type=click.IntRange(1, MAX_PERIOD.days), metavar="DAYS", help="How long its credits last."
)
@click.option("--reason", required=True, help="Why; customers read it on their entry.")
def make(
    code: str | None,
    credits: int,
    max_claims: int | None,
    per_owner: int,
    until: datetime | None,
    lasts: int | None,
    reason: str,
) -> None:
    """Make CODE; without one, a code that nobody guesses is made up. It is printed."""
    row = making.make(
        context(),
        code,
        Terms(credits, max_claims, per_owner, timedelta(days=lasts) if lasts else None),
        expires_at=until.replace(tzinfo=UTC) if until else None,
        reason=reason,
    )
    click.echo(row.code)
    click.echo(f"It gives {units.credits(row.credits)}; made by {getpass.getuser()}.", err=True)


@codes.command()
@click.argument("code")
def off(code: str) -> None:
    """Let CODE not be redeemed any more. What it gave stays."""
    click.echo(f"{making.switch(context(), code, on=False).code} is off.", err=True)


@codes.command()
@click.argument("code")
def on(code: str) -> None:
    """Let CODE be redeemed again."""
    click.echo(f"{making.switch(context(), code, on=True).code} is on.", err=True)


def _values(row: Code, given: int) -> dict[str, Any]:
    names = ("code", "max_claims", "per_owner", "claims", "reason", "referrer")
    times = ("expires_at", "off_at", "created_at")
    return {
        **{name: getattr(row, name) for name in names},
        **{name: at.isoformat() if (at := getattr(row, name)) else None for name in times},
        "credits": units.plain(row.credits),
        "referrer_credits": units.plain(row.referrer_credits),
        "given": units.plain(given),
    }


def _line(row: Code, given: int) -> str:
    left = f" of {row.max_claims:,}" if row.max_claims else ""
    off = ", off" if row.off_at else ""
    until = f", until {row.expires_at:%Y-%m-%d %H:%M}" if row.expires_at else ""
    return (
        f"{row.code:<24} {units.number(row.credits):>8} each  redeemed {row.claims:,}{left}"
        f"  gave {units.number(given)}{until}{off}  {row.reason}"
    ).rstrip()
