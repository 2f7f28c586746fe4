"""``flask prepaid tick``: what is due, done once or again and again."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

import click
from flask import current_app
from flask.cli import with_appcontext

from ..operations import tick as upkeep
from ..operations.elsewhere import marks
from .app import context

log = logging.getLogger(__name__)


@click.command()
@with_appcontext
@click.option(
    "--every", type=click.FloatRange(min=1), metavar="SECONDS", help="Again and again, until ended."
)
def tick(every: float | None) -> None:
    """Do everything that is due: expiries, holds, pending payments. Exit 1: marks could not be kept."""
    if every is None:
        if not tick_once():
            raise SystemExit(1)
        return
    with suppress(KeyboardInterrupt):  # the only end that it has
        while True:
            try:
                with current_app.app_context():  # a session of its own each time
                    tick_once()
            except Exception:
                log.exception("tick failed; it is tried again in %g s", every)
            time.sleep(every)


def tick_once() -> bool:
    """Do what is due, and at last keep marks, whose server may be slow; whether they are kept."""
    app = context()
    done = {what: count for what, count in upkeep.tick(app).items() if count}
    if done:
        counted = (f"{count:,} {what if count > 1 else upkeep.ONE[what]}" for what, count in done.items())
        click.echo(f"tick: {', '.join(counted)}", err=True)
    return not app.config.marks or marks.keep_or_warn(app.engine, app.config.marks)
