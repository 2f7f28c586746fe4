"""``flask rando seed``: a plausible history, lived on the emulator's clock by made-up customers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path

import click
from flask import Flask, current_app
from sqlalchemy import func, select

from flask_prepaid import Payment

from ..extensions import db
from ..models import User
from .customers import SOUND, Customer
from .history import History
from .users import make_demo

#: What a new shop of ``./dev run`` gets, so that its pages have something to show: a matter of seconds.
FIRST: dict[str, int] = {"customers": 7, "months": 3, "seed": 7}

#: A file in the data folder while a new shop's history is lived. A start that was stopped leaves it behind.
UNFINISHED = "history-unfinished"


def first_history(app: Flask) -> None:
    """Let a new shop live some months, with the demo users in it; one with customers is left as it is.

    Waits until the shop answers. A first start that was stopped on the way goes on from today.
    """
    unfinished = Path(app.instance_path) / UNFINISHED
    is_new = not any(db.session.scalar(select(func.count()).select_from(table)) for table in (User, Payment))
    db.session.rollback()
    if not (is_new or unfinished.exists()):
        return
    history = History(app, **FIRST, opening=lambda: opening(app))
    history.emulator.await_answer(f"{app.config['BASE_URL']}/readyz")
    if unfinished.exists():
        click.echo("the first start was stopped on its way through the months: on to today", err=True)
        Context().run(history.come_to_today)
    else:
        click.echo(
            "letting three months of made-up customers pass in the new shop; half a minute, only this once",
            err=True,
        )
        unfinished.touch()
        Context().run(live, app, history, ["reconcile --fix"])
    unfinished.unlink()


def opening(app: Flask) -> list[Customer]:
    """Make the demo users on the first day; the demo customer lives the history with the others."""
    with app.app_context():
        login = make_demo()["customer"]
    everyday = {"comes_on": 0, "habit": "demo", "card": SOUND, "stays": 10**6, "incident": "saves a card"}
    return [Customer(login["email"], password=login["password"], has_account=True, **everyday)]  # type: ignore[arg-type]


@contextmanager
def without_limits(app: Flask) -> Iterator[None]:
    """Lift the limits: a year in a minute would run into each of them."""
    before = app.config["RATELIMIT_ENABLED"]
    app.config["RATELIMIT_ENABLED"] = False
    yield
    app.config["RATELIMIT_ENABLED"] = before


@click.command()
@click.option("--customers", type=click.IntRange(1, 5_000), default=500, show_default=True)
@click.option("--months", type=click.IntRange(1, 60), default=18, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Another one is another history.")
def seed(customers: int, months: int, seed: int) -> None:
    """Live a plausible history on the emulator's clock, up to now. For a shop that has sold nothing yet.

    Stripe's side is begun anew. Run ./dev run beside it, so that the shop hears its webhooks.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    if not app.config["TEST_MODE"] or not app.config["PREPAID_STRIPE_API_BASE"]:
        raise click.ClickException("This lives on the emulator only. Unset STRIPE_SECRET_KEY.")
    if db.session.scalar(select(func.count()).select_from(Payment)):
        raise click.ClickException("This shop has sold already. Give it another folder: RANDO_DATA=... ")
    db.session.rollback()
    # In the command's own app context every request would share one session and one signed-in user.
    Context().run(live, app, History(app, customers, months, seed), ["reconcile --fix", "sync", "audit"])


def live(app: Flask, history: History, checks: list[str]) -> None:
    """Live the history, and bring the books up to date as an operator does."""
    with (
        without_limits(app),
        click.progressbar(
            length=history.days, label="days", file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar,
    ):
        for _ in history.live():
            bar.update(1)
    for check in ["tick", *checks]:
        done = history.office.command("prepaid", *check.split())
        if check != "tick":
            click.echo(f"prepaid {check}: {done.stderr.strip().splitlines()[-1]}", err=True)
        if done.exit_code:
            click.echo(done.stderr, err=True)
            raise SystemExit(done.exit_code)
