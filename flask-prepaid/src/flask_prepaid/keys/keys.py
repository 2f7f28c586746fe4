"""Make API keys, list them, and revoke them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import Ledger, check_owner
from prepaid_ledger import clock as clocks
from prepaid_ledger.database import take_turns

from .. import signals
from ..checks import TOO_LATE
from ..errors import NotYours, UnknownItem
from ..languages.words import gettext as _
from .cache import digest_of
from .models import ApiKey, id_of
from .setup import Keys

#: How many characters of a key its owner sees later on.
SHOWN = 8

MAX_NAME = 80

#: So long a form that is sent a second time shows the key that the first one made.
AGAIN = timedelta(minutes=1)


@dataclass(frozen=True)
class NewKey:
    """A key that was just made.

    ``secret`` is the key itself, which is nowhere else: show it to its owner now. ``id`` revokes it,
    ``spender`` (``key:17``) is its name in the books, for ``set_budget`` and ``usage``.
    """

    id: int
    secret: str
    spender: str

    def __repr__(self) -> str:
        return f"NewKey(id={self.id}, secret='{self.secret[:SHOWN]}...', spender={self.spender!r})"


def make(
    session: Session,
    keys: Keys,
    owner: str,
    name: str,
    expires_at: datetime | None,
    *,
    random: str | None = None,
) -> NewKey:
    """Make a key, in the caller's transaction.

    :param random: What the key is made of, 43 characters. One that was made of it a moment ago is shown once
        more, where it has this name. By default nobody knows it before.
    :raises UnknownItem: The name or the end is none that a key can have, the owner has a key of this name, or
        has as many as may be.
    :raises ValueError: The books have no wallet for such an owner.
    """
    check_owner(owner)
    name = checked_name(name)
    now = clocks.wall()
    if expires_at is not None and (expires_at.tzinfo is None or not now < expires_at < TOO_LATE):
        raise UnknownItem(
            "A key ends at a time to come, with its time zone, before the year 9999.", field="expires_on"
        )
    _take_turns(session, owner)
    secret = keys.prefix + (random or secrets.token_urlsafe(32))
    same = with_secret(session, secret)
    if same is not None:
        if (same.owner, same.name, same.revoked_at) == (owner, name, None) and now < same.created_at + AGAIN:
            return NewKey(same.id, secret, same.spender)
        raise UnknownItem("This form has made a key already. Load the page again.", field="name")
    names = set(session.scalars(select(ApiKey.name).where(*_live(owner))))
    if name in names:
        raise UnknownItem(
            "You have a key of this name. If you did not see it, revoke it and make it anew.", field="name"
        )
    if len(names) >= keys.max_per_owner:
        raise UnknownItem(
            _("%(max)s keys are the most. Revoke one that is not in use.", max=keys.max_per_owner),
            field="name",
        )
    row = ApiKey(
        owner=owner,
        name=name,
        start=secret[:SHOWN],
        digest=digest_of(secret),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    signals.tell(signals.key_made, owner=owner, key_id=row.id)
    return NewKey(row.id, secret, row.spender)


def checked_name(name: object) -> str:
    """A key's name, without the blanks around it.

    :raises UnknownItem: It is none.
    """
    written = name.strip() if isinstance(name, str) else ""
    if not 1 <= len(written) <= MAX_NAME:
        raise UnknownItem(_("Give it a name of 1 to %(max)s characters.", max=MAX_NAME), field="name")
    if not written.isprintable():
        raise UnknownItem("Leave out line breaks and other characters that can't be seen.", field="name")
    return written


def live(session: Session, owner: str) -> list[ApiKey]:
    """The owner's keys that are not revoked, the oldest first."""
    return list(session.scalars(select(ApiKey).where(*_live(owner)).order_by(ApiKey.id)))


def find(session: Session, owner: str, key_id: int) -> ApiKey:
    """A key of the owner's that is not revoked.

    :raises NotYours: The owner has no such key.
    """
    row = session.scalar(select(ApiKey).where(*_live(owner), ApiKey.id == key_id))
    if row is None:
        raise NotYours("There is no such key.")
    return row


def with_secret(session: Session, secret: str) -> ApiKey | None:
    """The key itself, found somewhere: whose it is, revoked or not. ``None``: it was never made."""
    return session.scalar(select(ApiKey).where(ApiKey.digest == digest_of(secret)))


def name_of(session: Session, owner: str, spender: str | None) -> str | None:
    """The name that the owner has given the key that ``spender`` is; ``None``: it is no key of theirs."""
    key_id = id_of(spender)
    if key_id is None:
        return None
    return session.scalar(select(ApiKey.name).where(ApiKey.owner == owner, ApiKey.id == key_id))


def revoke(session: Session, ledger: Ledger, owner: str, key_id: int | None = None) -> list[int]:
    """End one key, or all of an owner, in the caller's transaction; the ids of those that ended now.

    From the commit on no process spends with it, whatever it remembers: the books give its spender a budget
    of nothing, which is counted in the statement that takes the credits.
    """
    which = _live(owner) if key_id is None else (*_live(owner), ApiKey.id == key_id)
    ended = update(ApiKey).where(*which).values(revoked_at=clocks.wall()).returning(ApiKey)
    rows = session.scalars(ended.execution_options(synchronize_session=False)).all()
    for row in rows:
        ledger.set_budget(owner, 0, spender=row.spender, every="day")
        signals.tell(signals.key_revoked, owner=owner, key_id=row.id)
    return [row.id for row in rows]


def was_revoked(session: Session, owner: str, key_id: int) -> bool:
    mine = ApiKey.owner == owner, ApiKey.id == key_id, ApiKey.revoked_at.is_not(None)
    return session.scalar(select(ApiKey.id).where(*mine)) is not None


def _live(owner: str) -> tuple[ColumnElement[bool], ...]:
    return ApiKey.owner == owner, ApiKey.revoked_at.is_(None)


def _take_turns(session: Session, owner: str) -> None:
    """Have those who make keys of one owner at once count one after the other."""
    take_turns(session, f"prepaid_api_key:{owner}")
    if session.get_bind().dialect.name == "sqlite":  # the count comes before the first write
        session.execute(update(ApiKey).where(ApiKey.id == -1).values(start=""))
