"""The group of all commands: what goes wrong in one ends in a sentence with its cure, not in a traceback."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo
from sqlalchemy.exc import DBAPIError, NoSuchTableError
from sqlalchemy.orm.exc import ObjectDeletedError, StaleDataError

from prepaid_ledger import UnfitDatabase
from prepaid_ledger.database import no_right
from prepaid_ledger.errors import PrepaidError

from ..errors import GatewayRefused, GatewayUnavailable
from ..gateway import no_answer
from ..languages import units
from ..upgrade import behind as tables_behind
from .app import context

#: Somebody else was quicker.
CHANGED_MEANWHILE = (
    "Something else has just changed what this was about to change, so nothing more of it was done. "
    "Run it again: what is done already is not done twice."
)


class Commands(AppGroup):
    """Says in one sentence what went wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (StaleDataError, ObjectDeletedError) as error:
            raise click.ClickException(CHANGED_MEANWHILE) from error
        except (PrepaidError, UnfitDatabase, DBAPIError, NoSuchTableError) as error:
            with ctx.ensure_object(ScriptInfo).load_app().app_context():
                raise click.ClickException(in_words(error)) from error


def in_words(error: Exception) -> str:
    """What went wrong, with its cure."""
    if isinstance(error, GatewayUnavailable):
        return unanswered()
    if isinstance(error, GatewayRefused):
        return f"Stripe refuses: {str(error).rstrip('.')}. What to do, says: flask prepaid doctor"
    if isinstance(error, PrepaidError):
        return error.message(units.current())
    if not isinstance(error, DBAPIError | NoSuchTableError):
        return str(error)
    if isinstance(error, DBAPIError) and (cure := no_right(error)):
        return cure
    try:
        behind = tables_behind(context().engine)
    except DBAPIError:
        behind = ["Is it there, and may this user open it?"]
    if isinstance(error, NoSuchTableError):
        return " ".join(behind)
    return f"The database refuses: {str(error.orig).partition(chr(10))[0]}. {' '.join(behind)}".strip()


def unanswered() -> str:
    """That Stripe does not answer, and what to do."""
    return no_answer.advice(context().config.api_base).rstrip(".")
