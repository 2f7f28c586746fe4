"""``flask prepaid ...``: what an operator types, and what cron runs. Exit codes are for cron."""

from __future__ import annotations

import getpass
import hashlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError

from prepaid_ledger import clock
from prepaid_ledger.errors import PrepaidError

from .. import money
from ..config import EMULATOR_URL
from ..errors import GatewayRefused, GatewayUnavailable
from ..gateway import calls as gateway_calls
from ..operations import connect as connecting
from ..operations import doctor as diagnosis
from ..operations import reconcile as reconciling
from ..operations import tick as ticking
from ..operations import webhooks
from ..payments.models import Payment
from ..purchases import refunds
from ..reports import balance_sync, credits
from ..upgrade import upgrade as bring_up_to_date
from .report import report

if TYPE_CHECKING:
    from ..extension import Prepaid

log = logging.getLogger(__name__)


class Commands(AppGroup):
    """What goes wrong ends in one sentence with its cure, not in a traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except GatewayRefused as error:
            raise click.ClickException(
                f"Stripe refuses: {str(error).rstrip('.')}. What to do, says: flask prepaid doctor"
            ) from error
        except PrepaidError as error:
            raise click.ClickException(str(error)) from error
        except DBAPIError as error:
            cure = "If a table is missing, run: flask prepaid upgrade"
            raise click.ClickException(f"The database refuses: {error.orig}. {cure}") from error


commands = Commands("prepaid", help="Prepaid credits: upkeep, checks, and what is done by hand.")
commands.add_command(report)


def extension() -> Prepaid:
    try:
        prepaid: Prepaid = current_app.extensions["prepaid"]
    except KeyError:
        raise click.ClickException("This app has no Prepaid. Call prepaid.init_app(app, db).") from None
    return prepaid


@commands.command()
def upgrade() -> None:
    """Bring the prepaid_* tables up to date."""
    bring_up_to_date(extension().engine)
    click.echo("The prepaid tables are up to date.", err=True)


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def audit(as_json: bool) -> None:
    """Check every balance, lot, hold and debt against its entries. Exit 1 if one is off."""
    problems = extension().audit()
    if as_json:
        click.echo(json.dumps({"ok": not problems, "problems": [problem._asdict() for problem in problems]}))
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise SystemExit(1)
    click.echo("Every balance is the sum of its entries.", err=True)


@commands.command()
@click.option(
    "--every", type=click.FloatRange(min=1), metavar="SECONDS", help="Again and again, until ended."
)
def tick(every: float | None) -> None:
    """Do everything that is due: expiries, holds, pending payments."""
    if every is None:
        tick_once()
        return
    with suppress(KeyboardInterrupt):  # the only end that it has
        while True:
            try:
                with current_app.app_context():  # a session of its own each time
                    tick_once()
            except Exception:
                log.exception("tick failed; it is tried again in %g s", every)
            time.sleep(every)


def tick_once() -> None:
    done = {what: count for what, count in ticking.tick(extension()).items() if count}
    if done:
        click.echo(f"tick: {', '.join(f'{count:,} {what}' for what, count in done.items())}", err=True)


@commands.command()
@click.argument("owner")
@click.argument("credits", type=click.IntRange(min=1))
@click.option("--reason", required=True, help="Why; it stays on the record.")
@click.option("--key", help="Names this grant. By default owner, credits, reason and day.")
def grant(owner: str, credits: int, reason: str, key: str | None) -> None:
    """Give OWNER some CREDITS. Typed twice on one day, it gives them once."""
    prepaid = extension()
    said = f"{owner}\n{credits}\n{reason}\n{clock.wall():%Y-%m-%d}"
    key = key or f"grant:{hashlib.sha256(said.encode()).hexdigest()[:24]}"
    prepaid.grant(owner, credits, key=key, reason=f"{reason} (by {getpass.getuser()})")
    prepaid.session.commit()
    click.echo(f"{owner} has {prepaid.balance(owner):,} credits.", err=True)


@commands.command()
@click.argument("payment", type=click.IntRange(min=1))
@click.option("--amount", type=click.IntRange(min=1), help="In the currency's smallest unit. Default: all.")
@click.option("--reason", required=True, help="Why; it stays on the record.")
@click.option("--key", help="Names this refund. By default payment, amount, reason and day.")
def refund(payment: int, amount: int | None, reason: str, key: str | None) -> None:
    """Send money of PAYMENT back to its card, with its credits. Typed twice on one day, it is sent once."""
    said = f"{payment}\n{amount}\n{reason}\n{clock.wall():%Y-%m-%d}"
    key = key or hashlib.sha256(said.encode()).hexdigest()[:24]
    prepaid = extension()
    sent = refunds.refund(
        prepaid, payment, amount_minor=amount, reason=f"{reason} (by {getpass.getuser()})", key=key
    )
    shown = money.show(sent.amount_minor, prepaid.session.get_one(Payment, payment).currency)
    click.echo(f"{shown} of payment {payment} goes back: {sent.state}.", err=True)


@commands.command()
@click.argument("events", nargs=-1)
@click.option("--failed", is_flag=True, help="Every event that was not handled.")
def replay(events: tuple[str, ...], failed: bool) -> None:
    """Run events of the inbox again. Exit 1 if one fails."""
    if bool(events) == failed:
        raise click.UsageError("Name events, or give --failed.")
    prepaid = extension()
    left = [event for event in events or webhooks.unhandled(prepaid) if not webhooks.replay(prepaid, event)]
    for event in left:
        click.echo(f"{event}: not in the inbox, or it failed again: see the log", err=True)
    if left:
        raise SystemExit(1)


@commands.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended, by the same settle as every event.")
@click.option("--since", type=click.DateTime(), help="Leave alone what was made before, in UTC.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def reconcile(fix: bool, since: datetime | None, as_json: bool) -> None:
    """Compare Stripe's objects with the books, in both directions. Exit 1 if drift is left."""
    prepaid = extension()
    start = since.replace(tzinfo=UTC) if since else None
    try:
        with counting("compared") as seen:
            left = reconciling.reconcile(prepaid, since=start, fix=fix, seen=seen)
    except GatewayUnavailable as error:
        raise click.ClickException(f"{error} Nothing is known to be off; run it again.") from error
    if as_json:
        click.echo(json.dumps({"ok": not left, "drift": [asdict(drift) for drift in left]}))
    for drift in left:
        click.echo(f"{drift.kind} {drift.id} (payment {drift.payment}): {drift.detail}", err=True)
    if left:
        raise SystemExit(1)
    click.echo("Stripe and the books agree.", err=True)


@commands.command()
def sync() -> None:
    """Copy Stripe's balance transactions since the last time, for the reports."""
    try:
        with counting("copied") as seen:
            new = balance_sync.sync(extension(), seen=seen)
        credits.catch_up(extension())
    except GatewayUnavailable as error:
        raise click.ClickException(
            f"{error} What was copied is kept or copied again: run it again."
        ) from error
    click.echo(f"{new:,} new.", err=True)


@commands.command()
@click.option(
    "--url", help="Where Stripe shall send its events, such as https://shop.example/prepaid/webhook."
)
def connect(url: str | None) -> None:
    """Mirror the packs to Stripe's products and prices, and set up the webhook. Safe to run again."""
    path = extension().config.paths["webhook"]
    if url is not None and not urlsplit(url).path.endswith(path):
        raise click.BadParameter(f"this app hears events at {path}, not there.", param_hint="--url")
    try:
        connected = connecting.connect(extension(), url=url)
    except GatewayUnavailable as error:
        raise click.ClickException(f"{error} Run it again: nothing is made twice.") from error
    for line in connected.done:
        click.echo(line, err=True)
    if connected.secret:
        click.echo("Keep this as PREPAID_STRIPE_WEBHOOK_SECRET; Stripe shows it only now:", err=True)
        click.echo(connected.secret)


@commands.command()
@click.option("--emulator", is_flag=True, help="Start stripe-emulator beside this, and hear that.")
@click.option("--every", type=click.FloatRange(min=0.1), default=1.0, metavar="SECONDS", show_default=True)
def listen(emulator: bool, every: float) -> None:
    """Bring Stripe's events to this machine, which it cannot reach. Until Ctrl-C.

    They are fetched and handled here, by the same functions as at the webhook. The
    emulator gets the port of PREPAID_STRIPE_API_BASE, or 12111.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(ending, signal.default_int_handler)
    beside = start_emulator(extension()) if emulator else None
    seen: set[str] = set()
    answered = True
    try:
        if beside is not None:
            await_emulator(beside, extension())
        while beside is None or beside.poll() is None:
            with current_app.app_context():
                answered = hear(seen, answered)
            time.sleep(every)
    except KeyboardInterrupt:
        return
    finally:
        if beside is not None:
            beside.terminate()
            beside.wait()
    raise click.ClickException("The emulator has ended; its reason stands above.")


def hear(seen: set[str], answered: bool) -> bool:
    """Fetch what is new; whether Stripe answers, and ``answered`` is whether it did before.

    That it does not is said once, by the gateway, and not with each of the calls that follow.
    """
    logging.getLogger(gateway_calls.__name__).setLevel(logging.NOTSET if answered else logging.CRITICAL)
    try:
        types = connecting.listen_once(extension(), seen)
    except GatewayUnavailable:
        if answered:
            click.echo("Stripe is asked again until it answers.", err=True)
        return False
    if not answered:
        click.echo("Stripe answers again.", err=True)
    for type in types:
        click.echo(type, err=True)
    return True


def start_emulator(prepaid: Prepaid) -> subprocess.Popen[bytes]:
    """Start it where the app looks for it, which must be free: another's events are not this app's."""
    if is_served(prepaid):
        raise click.ClickException(
            f"Something serves at {prepaid.config.api_base or EMULATOR_URL} already, such as another shop's "
            "emulator. Stop it, or give this app a port of its own: set PREPAID_STRIPE_API_BASE for its "
            "server and its commands, as http://127.0.0.1:12112. To hear what serves there, leave "
            "--emulator out."
        )
    return subprocess.Popen(emulator_command(prepaid))


def await_emulator(beside: subprocess.Popen[bytes], prepaid: Prepaid) -> None:
    """Until it listens, or has ended."""
    while beside.poll() is None and not is_served(prepaid):
        time.sleep(0.05)


def is_served(prepaid: Prepaid) -> bool:
    """Whether anything listens where the app looks for the emulator."""
    where = urlsplit(prepaid.config.api_base or EMULATOR_URL)
    with suppress(OSError), socket.create_connection((where.hostname or "", where.port or 12111), 1):
        return True
    return False


def emulator_command(prepaid: Prepaid) -> list[str]:
    """How to start the emulator where this app looks for it."""
    program = shutil.which("stripe-emulator", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    if program is None:
        raise click.ClickException("stripe-emulator is not installed. Run: pip install stripe-emulator")
    where = urlsplit(prepaid.config.api_base or EMULATOR_URL)
    return [program, "--host", where.hostname or "127.0.0.1", "--port", str(where.port or 12111)]


@contextmanager
def counting(what: str) -> Iterator[Callable[[], None]]:
    """A running count on a terminal; nothing anywhere else."""
    count = 0

    def seen() -> None:
        nonlocal count
        count += 1
        if sys.stderr.isatty():
            click.echo(f"\r{count:,} {what}", nl=False, err=True)

    yield seen
    if sys.stderr.isatty():
        click.echo("", err=True)


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def doctor(as_json: bool) -> None:
    """Say what is wrong with keys, tables, clock and webhook, and how to mend it. Exit 1 if anything is."""
    findings = diagnosis.examine(extension())
    if as_json:
        click.echo(json.dumps({"ok": not findings, "findings": findings}))
    for finding in findings:
        click.echo(finding, err=True)
    if findings:
        raise SystemExit(1)
    mode = "live: money is real" if extension().config.livemode else "test: no money moves"
    click.echo(f"Nothing is wrong. Stripe's mode is {mode}.", err=True)
