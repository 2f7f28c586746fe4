"""``flask prepaid doctor``: what is wrong with an installation, and how to mend it."""

from __future__ import annotations

import json

import click
from flask.cli import with_appcontext

from ..operations import doctor as diagnosis
from .app import context


@click.command()
@with_appcontext
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def doctor(as_json: bool) -> None:
    """Say what is wrong with keys, tables, clock and webhook, and how to mend it. Exit 1 if anything is."""
    findings = diagnosis.examine(context())
    if as_json:
        click.echo(json.dumps({"ok": not findings, "findings": findings}))
    for finding in findings:
        click.echo(finding, err=True)
    if findings:
        raise SystemExit(1)
    mode = "live: money is real" if context().config.livemode else "test: no money moves"
    click.echo(f"Nothing is wrong. Stripe's mode is {mode}.", err=True)
