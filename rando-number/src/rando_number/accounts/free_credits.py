"""The free credits: once for each mailbox, however its address is written and whatever account it has."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

from flask import Flask, current_app
from flask_security import change_email_confirmed

from .. import shop
from ..extensions import db, insert_into
from ..models import User, Welcomed

#: Providers that ignore dots in a name, and the one domain that their addresses belong to.
WITHOUT_DOTS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}

#: Cyrillic and Greek letters, and the Latin ones that they are taken for: https://www.unicode.org/reports/tr39/
LOOK_ALIKE = str.maketrans("авсеһікмпоԛрѕтуԝхјԁԍαβεικνορτυχγω", "abcehikmnoqpstywxjdgabeiknoptuxyw")


def init_app(app: Flask) -> None:
    change_email_confirmed.connect(remember_new_address, app)


def give(user: User) -> None:
    """Give the free credits to a mailbox that never had them. The caller commits."""
    if remember(user.email):
        shop.welcome(user.owner)


def remember_new_address(app: Flask, user: User, **extra: object) -> None:
    """A mailbox that an account moved to has had its free credits, too."""
    remember(user.email)


def remember(email: str) -> bool:
    """Note that a mailbox has had its free credits; returns whether that is new. The caller commits."""
    new = insert_into(Welcomed).values(digest=digest_of(email)).on_conflict_do_nothing()
    return db.session.scalar(new.returning(Welcomed.digest)) is not None


def digest_of(email: str) -> str:
    """A keyed digest: it tells two mailboxes apart, and says nothing to a reader without the key."""
    key: str = current_app.config["MAILBOX_KEY"]
    return hmac.new(key.encode(), mailbox_of(email).encode(), hashlib.sha256).hexdigest()


def mailbox_of(email: str) -> str:
    """Where mails to an address arrive: ``Pat+two@x.test`` and ``pat@x.test`` are one mailbox.

    Letters that look alike count as one: nobody gets free credits for each alphabet.
    """
    name, _, domain = unicodedata.normalize("NFKD", email).casefold().rpartition("@")
    name = "".join(letter for letter in name if not unicodedata.combining(letter)).translate(LOOK_ALIKE)
    name = name.partition("+")[0]
    if domain in WITHOUT_DOTS:
        name, domain = name.replace(".", ""), WITHOUT_DOTS[domain]
    return f"{name}@{domain}"
