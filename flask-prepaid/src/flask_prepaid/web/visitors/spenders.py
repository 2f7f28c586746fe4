"""What those who spend for an owner are called: API keys by their owner, members of a team by the host."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from ...keys import keys
from ...keys.models import id_of
from .. import page


def is_key(spender: str) -> bool:
    """Whether it is an API key."""
    return id_of(spender) is not None


def name_of(owner: str, spender: str) -> str:
    """What to call one of them, also where the database does not answer."""
    context = page.context()
    if context.app_keys is not None and is_key(spender):
        with suppress(SQLAlchemyError):
            if name := keys.name_of(context.session, owner, spender):
                return name
    return context.team.label(spender)


def names_of(owner: str, spenders: Iterable[str]) -> dict[str, str]:
    """What to call each of them, by one question to the host."""
    context = page.context()
    live = keys.live(context.session, owner) if context.app_keys is not None else []
    names = {key.spender: key.name for key in live}
    others = sorted({spender for spender in spenders if spender not in names})
    return names | context.team.names(others)


def member(spender: str) -> str:
    """What to call one who is a member of a team; empty for an API key."""
    return "" if is_key(spender) else page.context().team.label(spender)
