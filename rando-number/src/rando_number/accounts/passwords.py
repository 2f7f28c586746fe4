"""Which passwords are taken: long enough, and none that a guesser tries first."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import PasswordUtil, change_email_confirmed, password_changed, password_reset
from flask_security import reset_password_instructions_sent as reset_link_sent
from sqlalchemy import select, update

from flask_prepaid.languages.words import gettext as _

from ..models import User, db

MAX_LENGTH = 1_000

#: Words that a guesser tries because of where the password is used.
OF_THE_SITE = ("rando number", "rando-number", "randonumber", "random number", "randomnumber")


class Passwords(PasswordUtil):
    """Flask-Security's check of the length, then our own checks. A password is never changed."""

    def normalize(self, password: str) -> str:
        if len(password) > MAX_LENGTH:
            abort(413)  # hashing it would be refused further down, by an error that no form expects
        return super().normalize(password)

    def validate(self, password: str, is_register: bool, **kwargs: Any) -> tuple[list[str] | None, str]:
        """What is wrong with a password as it was typed, and the form of it that is kept."""
        wrong, kept = super().validate(password, is_register, **kwargs)
        if wrong:
            return wrong, kept
        user = kwargs.get("user")
        email = kwargs.get("email") or (user.email if user else "")
        reason = weakness(password, email)
        return ([reason] if reason else None), kept


def init_app(app: Flask) -> None:
    reset_link_sent.connect(keep_newest, app)
    for change in (password_changed, password_reset, change_email_confirmed):
        change.connect(end_reset_links, app)
    app.before_request(newest_link_only)


def keep_newest(app: Flask, user: User, token: str, **extra: Any) -> None:
    """A new link ends those that were sent before it. Of two at once neither is refused: that would tell
    that somebody has this address.
    """
    digest = hashlib.sha256(token.encode()).hexdigest()
    db.session.execute(update(User).where(User.id == user.id).values(reset_digest=digest))
    db.session.commit()  # Flask-Security writes nothing at a request


def end_reset_links(app: Flask, user: User, **extra: Any) -> None:
    """End the links in the mailbox: the password, or the address, that they were for has changed."""
    user.reset_digest = None


def newest_link_only() -> ResponseReturnValue | None:
    if request.endpoint != "security.reset_password":
        return None
    token: str = (request.view_args or {})["token"]
    digest = hashlib.sha256(token.encode()).hexdigest()
    if db.session.scalar(select(User.id).where(User.reset_digest == digest)) is not None:
        return None
    flash(_("This link works no more. Ask for a new one."), "error")
    return redirect(url_for("security.forgot_password"))


def weakness(password: str, email: str | None) -> str | None:
    """Why a guesser would find this password early, as a sentence; ``None`` if not."""
    plain = password.lower()
    if plain in common():
        return "This password is among the first that are tried. Choose another."
    if any(word in plain and len(plain) - len(word) < 4 for word in OF_THE_SITE):
        return "This password is little more than our name. Choose another."
    local = (email or "").partition("@")[0].lower()
    if len(local) > 3 and local in plain and len(plain) - len(local) < 4:
        return "This password is little more than your address. Choose another."
    return None


@cache
def common() -> frozenset[str]:
    """The passwords of 8 characters or more that leaked most often. Works with no network."""
    passwords = files("rando_number") / "data" / "common-passwords.txt"
    return frozenset(passwords.read_text("utf-8").split())
