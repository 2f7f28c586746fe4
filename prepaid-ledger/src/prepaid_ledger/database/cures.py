"""What to do about a database that does not open, or has not our tables, in place of the SQL."""

from __future__ import annotations

import re

from sqlalchemy import ExceptionContext
from sqlalchemy.exc import DBAPIError

#: PostgreSQL's letters for a right that the user has not.
NO_RIGHT = "42501"

#: What SQLite says of a table or a column that is not there, and PostgreSQL's letters for it.
LACKS = re.compile("^no such (table|column): |has no column named ")

LACK_STATES = {"42P01", "42703"}


def say_the_cure(context: ExceptionContext) -> None:
    """Say what to do, in place of the SQL that has failed.

    That is where a database does not open, tables are not there, a file is read-only, or a right is missing.
    """
    error, cause = context.sqlalchemy_exception, context.original_exception
    is_ours = "prepaid_" in f"{context.statement} {cause}"
    if error is None:
        return
    if context.engine is None or context.connection is None:
        sentence = (
            f"The database does not open: {str(cause).splitlines()[0]}. {_way_in(context.dialect.name)}"
        )
    elif is_ours and (LACKS.search(str(cause)) or getattr(cause, "sqlstate", None) in LACK_STATES):
        sentence = tables_lack(str(cause).splitlines()[0])
    elif is_ours and "readonly database" in str(cause):
        sentence = "This process may not write the database. Let its user write the file and its folder."
    elif is_ours and getattr(cause, "sqlstate", None) == NO_RIGHT:
        sentence = _no_right(context, str(cause).splitlines()[0])
    else:
        return
    error.args, error.statement, error.params, error.code = (sentence,), None, None, None


def _way_in(dialect: str) -> str:
    if dialect == "sqlite":
        return "Does its folder exist, and may this process write there?"
    return "Is the server up, and are address, user and password right?"


def _no_right(context: ExceptionContext, what: str) -> str:
    """That a user of PostgreSQL may not read or change our tables, and whose work that is."""
    user = context.engine.url.username if context.engine else None
    who = f"The user {user}" if user else "This user"
    if (context.statement or "").lstrip().upper().startswith(("CREATE", "ALTER", "DROP")):
        return f"{who} may not change the tables ({what}). Run it as the user who owns them."
    return (
        f"{who} may not work on the tables ({what}). As the user who owns them, type the GRANT and ALTER "
        "lines of docs/how-to/postgresql.md."
    )


def no_right(error: DBAPIError) -> str | None:
    """The sentence for a right that is missing on our tables; ``None`` for any other error."""
    is_said = error.statement is None and getattr(error.orig, "sqlstate", None) == NO_RIGHT
    return str(error.args[0]) if is_said else None


def tables_lack(what: str) -> str:
    """That tables of ours are not there, or lack something, and how they are made."""
    return (
        f"The tables are not there, or are not of this version ({what}). Run once: flask prepaid upgrade; "
        "without Flask: ledger.upgrade()."
    )
