"""``flask prepaid listen``: Stripe's events on a machine that it cannot reach, and the emulator beside it."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask import current_app
from flask.cli import with_appcontext

from ..config import EMULATOR_URL, Config
from ..errors import GatewayUnavailable
from ..gateway.calls import log as gateway_log
from ..operations import inbox
from .app import context


@click.command()
@click.option("--emulator", is_flag=True, help="Start stripe-emulator beside this, and hear that.")
@click.option("--every", type=click.FloatRange(min=0.1), default=1.0, metavar="SECONDS", show_default=True)
@with_appcontext
def listen(emulator: bool, every: float) -> None:
    """Bring Stripe's events to this machine, which it cannot reach. Until Ctrl-C.

    They are fetched and handled here, by the same functions as at the webhook. The
    emulator gets the port of PREPAID_STRIPE_API_BASE, or 12111. It keeps what it knows
    in the app's instance folder, and knows it when it is started again.
    """
    for ending in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(ending, signal.default_int_handler)
    config = context().config
    started = start_emulator(config) if emulator else None
    seen: set[str] = set()
    answered = True
    try:
        if started is not None:
            await_emulator(started, config)
        click.echo("Stripe's events are fetched until Ctrl-C. Each is named here as it comes.", err=True)
        while started is None or started.poll() is None:
            with current_app.app_context():
                answered = hear(seen, answered)
            time.sleep(every)
    except KeyboardInterrupt:
        return
    finally:
        if started is not None:
            started.terminate()
            started.wait()
    raise click.ClickException("The emulator has ended; its reason stands above.")


def hear(seen: set[str], answered: bool) -> bool:
    """Fetch what is new; whether Stripe answers, and ``answered`` is whether it did before.

    That it does not is said once, and not with each of the calls that follow.
    """
    try:
        if answered:
            types = inbox.listen_once(context(), seen)
        else:
            with unlogged(gateway_log):
                types = inbox.listen_once(context(), seen)
    except GatewayUnavailable:
        if answered:
            click.echo("Stripe is asked again until it answers.", err=True)
        return False
    if not answered:
        click.echo("Stripe answers again.", err=True)
    for type in types:
        click.echo(type, err=True)
    return True


@contextmanager
def unlogged(log: logging.Logger) -> Iterator[None]:
    """What ``log`` would say in here is known already."""

    def nothing(record: logging.LogRecord) -> bool:
        return False

    log.addFilter(nothing)
    try:
        yield
    finally:
        log.removeFilter(nothing)


def start_emulator(config: Config) -> subprocess.Popen[bytes]:
    """Start it where the app looks for it, which must be free: another's events are not this app's."""
    if is_served(config):
        raise click.ClickException(
            f"Something serves at {config.api_base or EMULATOR_URL} already, such as another shop's "
            "emulator. Stop it, or give this app a port of its own: set PREPAID_STRIPE_API_BASE for its "
            "server and its commands, as http://127.0.0.1:12112. To hear what serves there, leave "
            "--emulator out."
        )
    return subprocess.Popen(emulator_command(config))


def await_emulator(started: subprocess.Popen[bytes], config: Config) -> None:
    """Until it listens, or has ended."""
    while started.poll() is None and not is_served(config):
        time.sleep(0.05)


def is_served(config: Config) -> bool:
    """Whether anything listens where the app looks for the emulator."""
    with suppress(OSError), socket.create_connection(address(config), 1):
        return True
    return False


def emulator_command(config: Config) -> list[str]:
    """How to start the emulator where this app looks for it."""
    program = shutil.which("stripe-emulator", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    if program is None:
        raise click.ClickException("stripe-emulator is not installed. Run: pip install stripe-emulator")
    host, port = address(config)
    return [program, "--host", host, "--port", str(port), "--data", str(kept_at())]


def kept_at() -> Path:
    """Where the emulator keeps what it knows: what was sold there is in the app's books, and outlives both.

    :raises ClickException: The app's instance folder can't be made.
    """
    folder = Path(current_app.instance_path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"The emulator has no place for what it knows: {error}") from error
    return folder / "stripe-emulator.sqlite3"


def address(config: Config) -> tuple[str, int]:
    """The host and port where the app looks for the emulator."""
    where = urlsplit(config.api_base or EMULATOR_URL)
    return where.hostname or "127.0.0.1", where.port or 12111
