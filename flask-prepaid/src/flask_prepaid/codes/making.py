"""Make a code, find it again however it is typed, and switch it off."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prepaid_ledger import check_owner
from prepaid_ledger.database import insert

from .. import checks
from ..checks import MAX_CREDITS
from ..context import Context, refuse_uncommitted, transaction
from ..errors import CodeTaken, UnknownItem
from .models import Code

#: What our own codes are made of: nothing that is read as something else, so neither 0 nor O, 1, I nor L.
LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

#: A code of ours is so many groups of so many letters: 58 bits, which nobody guesses.
GROUPS, GROUP = 3, 4

#: How long a code may be, as it is compared.
MIN_LENGTH, MAX_LENGTH = 3, 40

#: The longest reason that is kept, with room for the code before it.
MAX_REASON = 150

#: What is forgiven where a code is typed.
_BLANKS = re.compile(r"[\s_-]+")
_FOLDED = re.compile(r"[A-Z0-9]+")


def folded(text: str) -> str | None:
    """A code as it is compared: without blanks and dashes, in capitals; ``None`` where it can be none."""
    plain = _BLANKS.sub("", text).upper() if isinstance(text, str) else ""
    fits = MIN_LENGTH <= len(plain) <= MAX_LENGTH and _FOLDED.fullmatch(plain)
    return plain if fits else None


def make(
    context: Context,
    code: str | None = None,
    *,
    credits: int,
    max_claims: int | None = None,
    per_owner: int = 1,
    expires_at: datetime | None = None,
    expires_after: timedelta | None = None,
    reason: str | None = None,
    referrer: str | None = None,
    referrer_credits: int = 0,
    note: Callable[[str], object] = lambda code: None,
) -> Code:
    """Make a code, or find the one of that name that gives the same. Commits.

    :param note: Is told the code in the transaction that makes it, for the record of who did.
    :raises CodeTaken: There is one of that name, and it gives something else.
    :raises ConfigError: An argument is wrong: the message names it, with the cure.
    """
    refuse_uncommitted(context)
    name = _spelled(secrets.randbits(128)) if code is None else code
    plain = folded(name)
    if plain is None or len(name) > 64:
        checks.refuse(
            "code", code, f"Write {MIN_LENGTH} to {MAX_LENGTH} letters (without accents) and digits."
        )
    terms = {
        "credits": checks.whole("credits", credits, min=1, max=MAX_CREDITS),
        "max_claims": None
        if max_claims is None
        else checks.whole("max_claims", max_claims, min=1, max=MAX_CREDITS),
        "per_owner": checks.whole("per_owner", per_owner, min=1, max=MAX_CREDITS),
        "expires_after_s": _seconds(expires_after),
        "referrer": referrer,
        "referrer_credits": checks.whole("referrer_credits", referrer_credits, min=0, max=MAX_CREDITS),
    }
    _check_referrer(referrer, referrer_credits)
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
        fresh = insert(session, Code).values(**terms, **description, claims=0).on_conflict_do_nothing()
        if session.scalar(fresh.returning(Code.id)) is not None:
            note(str(description["code"]))
        row = session.scalars(select(Code).where(Code.folded == plain)).one()
        if {term: getattr(row, term) for term in terms} != terms:
            raise CodeTaken(f"There is a code {row.code} that gives something else. Choose another name.")
        return row


def code_of(form: str) -> str:
    """The code that a form makes which names none: the same one where it is sent again.

    :param form: Its token, which nobody can guess.
    """
    return _spelled(int.from_bytes(hashlib.sha256(form.encode()).digest()))


def _spelled(number: int) -> str:
    letters = []
    for _ in range(GROUPS * GROUP):
        number, letter = divmod(number, len(LETTERS))
        letters.append(LETTERS[letter])
    return "-".join("".join(letters[at : at + GROUP]) for at in range(0, len(letters), GROUP))


def _seconds(expires_after: timedelta | None) -> int | None:
    if expires_after is None:
        return None
    return int(checks.period("expires_after", expires_after, min=timedelta(seconds=1)).total_seconds())


def _check_end(expires_at: datetime | None, now: datetime) -> None:
    if expires_at is None:
        return
    is_time = isinstance(expires_at, datetime) and expires_at.tzinfo is not None
    if not is_time or not now < expires_at < checks.TOO_LATE:
        cure = "Write a time to come with its zone, such as tzinfo=UTC, before the year 9999."
        checks.refuse("expires_at", expires_at, cure)


def _check_referrer(referrer: str | None, credits: int) -> None:
    if referrer is None:
        if credits:
            checks.refuse("referrer_credits", credits, "Name the referrer who gets them, too.")
        return
    try:
        check_owner(referrer)
    except ValueError:
        checks.refuse("referrer", referrer, "Write the owner whose code it is, such as 'user:42'.")


def switch(context: Context, code: str, *, on: bool, note: Callable[[], object] = lambda: None) -> Code:
    """Let a code be redeemed, or not any more. What it gave stays. Commits. A repeat does nothing.

    :param note: Is called in the transaction that does it, for the record of who did.
    :raises UnknownItem: There is no such code.
    """
    refuse_uncommitted(context)
    with transaction(context) as session:
        row = find(session, code)
        if row is None:
            raise UnknownItem("There is no such code. Choose one from the list.", field="code")
        changes = Code.off_at.is_not(None) if on else Code.off_at.is_(None)
        off_at = None if on else context.clock()
        switched = update(Code).where(Code.id == row.id, changes).values(off_at=off_at)
        if session.scalar(switched.returning(Code.id)) is not None:
            note()
        session.refresh(row)
        return row


def find(session: Session, code: str) -> Code | None:
    """The code that is typed so."""
    plain = folded(code)
    return None if plain is None else session.scalars(select(Code).where(Code.folded == plain)).first()


def listed(
    session: Session, *, limit: int, before: int | None = None, owner: str | None = None
) -> list[Code]:
    """Codes, the newest first.

    :param before: Only those with a smaller ``id``.
    :param owner: Only those that are this referrer's.
    """
    wanted = select(Code).order_by(Code.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(Code.id < before)
    if owner is not None:
        wanted = wanted.where(Code.referrer == owner)
    return list(session.scalars(wanted))


def is_any_on(session: Session, now: datetime) -> bool:
    """Whether there is a code that somebody could redeem."""
    open_ones = select(Code.id).where(
        Code.off_at.is_(None),
        Code.expires_at.is_(None) | (Code.expires_at > now),
        Code.max_claims.is_(None) | (Code.claims < Code.max_claims),
    )
    return session.scalar(open_ones.limit(1)) is not None
