"""What a registration gives, and says of it."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, flash
from flask_security import user_not_registered, user_registered

from flask_prepaid.languages.words import gettext as _
from flask_prepaid.languages.words import ngettext

from ..extensions import db
from ..models import User
from . import free_credits


def init_app(app: Flask) -> None:
    user_registered.connect(greet, app)
    user_not_registered.connect(point_to_login, app)


def mail_tells(app: Flask) -> bool:
    """Whether a mail says what became of a registration. The page must not: anybody can read it."""
    return bool(app.config["SECURITY_CONFIRMABLE"])


def greet(app: Flask, user: User, **extra: Any) -> None:
    """Give the free credits, and then say so. A signal calls several receivers in no order of theirs.

    The credits come in the transaction that makes the customer, or there is no customer:
    Flask-Security commits after the view whatever became of it, so what failed is undone here.
    """
    try:
        db.session.flush()
        if not app.config["CREDITS_AFTER_CONFIRM"]:
            free_credits.give(user)
    except Exception:
        db.session.rollback()
        raise
    if not mail_tells(app):
        say_welcome(user)


def greet_confirmed(user: User) -> None:
    """Give the free credits that waited for the confirmation, and say so. The caller commits."""
    if current_app.config["CREDITS_AFTER_CONFIRM"]:
        free_credits.give(user)
    say_welcome(user)


def say_welcome(user: User) -> None:
    if credits := user.account_credits:
        flash(
            ngettext(
                "Welcome. %(count)s credit is yours to try.",
                "Welcome. %(count)s credits are yours to try.",
                credits,
            ),
            "success",
        )
    else:
        flash(_("Welcome back. Your mailbox has had its free credits before."), "info")


def point_to_login(app: Flask, **extra: Any) -> None:
    if not mail_tells(app):
        flash(_("That address has an account already. Sign in, or reset your password."), "warning")
