"""The free credits, once for each mailbox, however its address is written and however often it comes back."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from flask import Flask, current_app
from flask_security import change_email_confirmed
from sqlalchemy.dialects import postgresql, sqlite

from .. import shop
from ..models import User, Welcomed, db

INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}

#: Providers that read no dots in a name; the second one's addresses are the first one's.
WITHOUT_DOTS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}


def init_app(app: Flask) -> None:
    change_email_confirmed.connect(moved, app)


def greet(user: User) -> None:
    """Give the free credits to a mailbox that never had them. The caller commits."""
    if remember(user.email):
        shop.welcome(user.owner)


def moved(app: Flask, user: User, **extra: object) -> None:
    """A mailbox that came later has had its free credits, too."""
    remember(user.email)


def remember(email: str) -> bool:
    """Keep that a mailbox has had its free credits; whether it had not. The caller commits."""
    insert = INSERT[db.engine.dialect.name](Welcomed).values(digest=digest_of(email))
    return db.session.scalar(insert.on_conflict_do_nothing().returning(Welcomed.digest)) is not None


def digest_of(email: str) -> str:
    """Tells two mailboxes apart, and tells nobody without the key which they are."""
    key: str = current_app.config["MAILBOX_KEY"]
    return hmac.new(key.encode(), mailbox_of(email).encode(), hashlib.sha256).hexdigest()


def mailbox_of(email: str) -> str:
    """Where mails to an address arrive: ``Pat+two@x.test`` and ``pat@x.test`` are one mailbox."""
    name, _, domain = email.lower().rpartition("@")
    name = name.partition("+")[0] or name
    if domain in WITHOUT_DOTS:
        name, domain = name.replace(".", ""), WITHOUT_DOTS[domain]
    return f"{name}@{domain}"
