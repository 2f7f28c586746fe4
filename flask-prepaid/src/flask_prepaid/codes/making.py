"""Make a code that gives credits, and switch it off and on."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select, update

from prepaid_ledger.database import insert

from .. import checks
from ..context import Context, refuse_uncommitted, transaction
from ..errors import CodeTaken, UnknownItem
from . import finding, spelling
from .models import Code
from .spelling import MAX_LENGTH, MIN_LENGTH
from .terms import Terms

#: The longest reason that is kept, with room for the code before it.
MAX_REASON = 150


def make(
    context: Context,
    code: str | None,
    terms: Terms,
    *,
    expires_at: datetime | None = None,
    reason: str | None = None,
    note: Callable[[str], object] = lambda code: None,
) -> Code:
    """Make a code, or find the one of that name that gives the same. Commits.

    :param note: Is told the code in the transaction that makes it, for the record of who did.
    :raises CodeTaken: There is one of that name, and it gives something else.
    :raises ConfigError: An argument is wrong: the message names it, with the cure.
    """
    refuse_uncommitted(context)
    name = spelling.spelled(secrets.randbits(128)) if code is None else code
    plain = spelling.folded(name)
    if plain is None or len(name) > 64:
        checks.refuse(
            "code", code, f"Write {MIN_LENGTH} to {MAX_LENGTH} letters (without accents) and digits."
        )
    gives = terms.checked()
    now = context.clock()
    _check_end(expires_at, now)
    description = {
        "code": " ".join(name.split()),
        "folded": plain,
        "expires_at": expires_at,
        "reason": "" if reason is None else checks.text("reason", reason, max_length=MAX_REASON),
        "created_at": now,
    }
    with transaction(context) as session:
        fresh = insert(session, Code).values(**gives, **description, claims=0).on_conflict_do_nothing()
        if session.scalar(fresh.returning(Code.id)) is not None:
            note(str(description["code"]))
        row = session.scalars(select(Code).where(Code.folded == plain)).one()
        if {name: getattr(row, name) for name in gives} != gives:
            raise CodeTaken(f"There is a code {row.code} that gives something else. Choose another name.")
        return row


def _check_end(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is None:
        return
    is_time = isinstance(expires_at, datetime) and expires_at.tzinfo is not None
    if not is_time or not now < expires_at < checks.TOO_LATE:
        cure = "Write a time to come with its zone, such as tzinfo=UTC, before the year 9999."
        checks.refuse("expires_at", expires_at, cure)


def switch(context: Context, code: str, *, on: bool, note: Callable[[], object] = lambda: None) -> Code:
    """Let a code be redeemed, or not any more. What it gave stays. Commits. A repeat does nothing.

    :param note: Is called in the transaction that does it, for the record of who did.
    :raises UnknownItem: There is no such code.
    """
    refuse_uncommitted(context)
    with transaction(context) as session:
        row = finding.find(session, code)
        if row is None:
            raise UnknownItem("There is no such code. Choose one from the list.", field="code")
        changes = Code.off_at.is_not(None) if on else Code.off_at.is_(None)
        off_at = None if on else context.clock()
        switched = update(Code).where(Code.id == row.id, changes).values(off_at=off_at)
        if session.scalar(switched.returning(Code.id)) is not None:
            note()
        session.refresh(row)
        return row
