"""What the commands may know of the app that they work for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Protocol

import click
from flask import current_app
from sqlalchemy import Engine

from prepaid_ledger import Audited

from ..context import Context


class Names(Protocol):
    """What the host calls those who spend for an owner: ``Prepaid(team=Team(labels=...))``."""

    def names(self, spenders: Collection[str]) -> dict[str, str]: ...


class CommandContext(Context, Protocol):
    """What a command may know of the app, beside what every layer knows."""

    @property
    def team(self) -> Names: ...

    def audit(
        self,
        *,
        jobs: int = 1,
        proofs: Engine | None = None,
        full: bool = True,
        archives: Iterable[Engine] = (),
        seen: Callable[[int], None] = lambda count: None,
    ) -> Audited:
        """What is wrong in the books of credits and of payments, in all or since they were proved."""


def context() -> CommandContext:
    """The extension of the app that ``flask`` has loaded.

    :raises ClickException: The app has none.
    """
    try:
        prepaid: CommandContext = current_app.extensions["prepaid"]
    except KeyError:
        raise click.ClickException("This app has no Prepaid. Call prepaid.init_app(app, db).") from None
    return prepaid
