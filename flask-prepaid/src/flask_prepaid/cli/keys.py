"""``flask prepaid keys``: list an owner's API keys, make one, find whose one is, and revoke."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import UTC, datetime
from typing import Any, Protocol, cast

import click
from flask.cli import AppGroup

from prepaid_ledger import BudgetSummary

from ..context import transaction
from ..keys import keys as owners_keys
from ..keys.models import ApiKey
from ..keys.verbs import AppKeys
from ..keys.windows import WINDOWS
from ..languages import units
from . import typed
from .app import CommandContext, context

keys = AppGroup("keys", help="API keys of customers' programs: list, make, find, revoke.")


class KeyContext(CommandContext, Protocol):
    """What these commands may know of the app."""

    def require_keys(self) -> AppKeys: ...


def app() -> KeyContext:
    """The app, which has keys.

    :raises ConfigError: It has none.
    """
    prepaid = cast(KeyContext, context())
    prepaid.require_keys()
    return prepaid


@keys.command("list")
@click.argument("owner", type=typed.owner)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def list_keys(owner: str, as_json: bool) -> None:
    """OWNER's keys that are not revoked, with their limits."""
    here = app()
    limits: dict[str | None, list[BudgetSummary]] = {}
    for budget in here.ledger.budgets(owner):
        limits.setdefault(budget.spender, []).append(budget)
    rows = owners_keys.live(here.session, owner)
    if as_json:
        values = [_values(row, limits.get(row.spender, [])) for row in rows]
        click.echo(json.dumps({"keys": values}))
        return
    for row in rows:
        click.echo(_line(row, limits.get(row.spender, [])))


@keys.command()
@click.argument("owner", type=typed.owner)
@click.option("--name", required=True, help="What it is for; one key of each name.")
@click.option("--until", type=click.DateTime(), help="When it ends by itself, in UTC.")
@click.option("--limit", type=typed.credits, metavar="CREDITS", help="The most that it may spend.")
@click.option("--every", type=click.Choice(list(WINDOWS)), default="month", show_default=True)
@click.option("--zone", help="By whose clocks a window begins. Default: PREPAID_TIME_ZONE.")
def make(
    owner: str, name: str, until: datetime | None, limit: int | None, every: str, zone: str | None
) -> None:
    """Make a key for a program of OWNER. It is printed, this once."""
    here = app()
    ends = until.replace(tzinfo=UTC) if until else None
    with transaction(here) as session:
        made = owners_keys.make(session, here.require_keys().setup, owner, name, ends)
        if limit is not None:
            window = None if every == "ever" else every
            try:
                here.ledger.set_budget(
                    owner,
                    limit,
                    spender=made.spender,
                    every=window,
                    zone=zone or here.config.time_zone,
                )
            except ValueError as error:
                raise click.ClickException(f"{error}") from error
    click.echo(made.secret)
    click.echo(f"Key {made.id} of {owner}; made by {getpass.getuser()}.", err=True)


@keys.command()
@click.argument("owner", type=typed.owner)
@click.argument(
    "key", type=typed.whole("KEY", hint="; flask prepaid keys list OWNER has them"), required=False
)
@click.option("--all", "every_one", is_flag=True, help="All that the owner has.")
def revoke(owner: str, key: int | None, every_one: bool) -> None:
    """End the key of OWNER with the number KEY. It buys nothing from now on, in any process."""
    if (key is None) is not every_one:
        raise click.ClickException("Say which: the number of one key, or --all.")
    here = app()
    with transaction(here) as session:
        ended = owners_keys.revoke(session, here.ledger, owner, key)
    if key is not None and not ended:
        raise click.ClickException(f"{owner} has no key {key}. `flask prepaid keys list {owner}` has them.")
    click.echo(f"Revoked: {len(ended)}, by {getpass.getuser()}.", err=True)


@keys.command()
def find() -> None:
    """Say whose key it is that turned up somewhere. It is read from the input, where no log keeps it."""
    here = app()
    secret = sys.stdin.readline().strip()
    row = owners_keys.with_secret(here.session, secret)
    if row is None:
        raise click.ClickException("Such a key was never made here.")
    state = f", revoked {_day(row.revoked_at)}" if row.revoked_at else ""
    click.echo(f"{row.owner}  key {row.id}  {row.name}{state}")


def _values(row: ApiKey, limits: list[BudgetSummary]) -> dict[str, Any]:
    times = ("created_at", "expires_at", "last_used_at")
    return {
        **{name: getattr(row, name) for name in ("id", "name", "start", "spender")},
        **{name: at.isoformat() if (at := getattr(row, name)) else None for name in times},
        "limits": [
            {
                "credits": units.plain(limit.credits),
                "spent": units.plain(limit.spent),
                "left": units.plain(limit.left),
                "every": limit.every,
                "zone": limit.zone,
                "resets_at": limit.resets_at.isoformat() if limit.resets_at else None,
            }
            for limit in limits
        ],
    }


def _line(row: ApiKey, limits: list[BudgetSummary]) -> str:
    words = [
        f"{units.number(limit.left)} left of {units.number(limit.credits)} "
        + ("in all" if limit.every is None else f"a {limit.every}")
        for limit in limits
    ]
    used = f"used {_day(row.last_used_at)}" if row.last_used_at else "never used"
    until = [f"until {_day(row.expires_at)}"] if row.expires_at else []
    return f"{row.id:>6}  {row.start}...  {row.name:<24} " + ", ".join([used, *until, *words])


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
