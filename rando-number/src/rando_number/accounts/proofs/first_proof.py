"""The first proof that an account's address is its user's: what others have made before it ends.

Anybody can register any address. Until its owner has opened a link from the mailbox, an account may be
somebody else's, who waits for the owner to buy.
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_security import password_reset
from sqlalchemy import update

from ... import audit_log
from ...columns import utc_now
from ...extensions import db, prepaid
from ...models import Action, User
from .. import greetings, ways_in


def init_app(app: Flask) -> None:
    if app.config["SECURITY_CONFIRMABLE"]:
        password_reset.connect(confirm_by_reset, app)


def confirm(user: User) -> bool:
    """Note that the mailbox is the user's; returns whether that is new. The caller commits.

    The first time, all that lets somebody in ends: sessions, API keys, passkeys, second factors. Limits
    that were set end, too. Free credits that wait for the confirmation are given.
    """
    unproven = (User.id == user.id, User.confirmed_at.is_(None))
    proven = update(User).where(*unproven).values(confirmed_at=utc_now()).returning(User.id)
    if db.session.execute(proven).first() is None:
        return False
    ways_in.end_all(user)
    for budget in prepaid.budgets(user.owner):
        if budget.spender is None:  # those of its API keys have ended with them
            prepaid.set_budget(user.owner, None, every=budget.every)
    audit_log.note(Action.ADDRESS_CONFIRMED, actor=user.owner)
    greetings.greet_confirmed(user)
    return True


def confirm_by_reset(app: Flask, user: User, **extra: Any) -> None:
    """A password that was set by a link from the mailbox proves the address, too."""
    if user.confirmed_at is None:
        confirm(user)
