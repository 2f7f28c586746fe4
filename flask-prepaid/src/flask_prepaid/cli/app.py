"""What the commands may know of the app that they work for."""

from __future__ import annotations

from typing import Protocol

import click
from flask import current_app

from prepaid_ledger.audit.replay import Problem
from prepaid_ledger.books.models import Entry

from ..context import Context


class CommandContext(Context, Protocol):
    """What every layer knows, and the verbs that an operator types."""

    def balance(self, owner: str) -> int: ...

    def grant(self, owner: str, credits: int, *, key: str, reason: str) -> Entry: ...

    def audit(self) -> list[Problem]: ...


def context() -> CommandContext:
    """The extension of the app that ``flask`` has loaded.

    :raises ClickException: The app has none.
    """
    try:
        prepaid: CommandContext = current_app.extensions["prepaid"]
    except KeyError:
        raise click.ClickException("This app has no Prepaid. Call prepaid.init_app(app, db).") from None
    return prepaid
