"""What a registration gives and says, and who is told of a new address."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, after_this_request, current_app, flash
from flask_security import change_email_confirmed, user_not_registered, user_registered

from flask_prepaid.languages.words import gettext as _
from flask_prepaid.languages.words import ngettext

from .. import audit_log, mails
from ..models import Action, User, db, prepaid
from . import welcome


def init_app(app: Flask) -> None:
    user_registered.connect(greet, app)
    user_not_registered.connect(point_to_login, app)
    change_email_confirmed.connect(tell_the_old_address, app)
    change_email_confirmed.connect(tell_stripe, app)


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
            welcome.greet(user)
    except Exception:
        db.session.rollback()
        raise
    if not mail_tells(app):
        say_welcome(user)


def greet_confirmed(user: User) -> None:
    """Give the free credits that waited for the confirmation, and say so. The caller commits."""
    if current_app.config["CREDITS_AFTER_CONFIRM"]:
        welcome.greet(user)
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


def tell_the_old_address(app: Flask, user: User, old_email: str, **extra: Any) -> None:
    """Write to the old address, so that a customer whose account was taken over learns of it."""
    audit_log.note(Action.EMAIL_CHANGED, actor=user.owner)
    with mails.in_language(user.language):
        mails.send(
            old_email,
            _("Your address at Rando Number was changed"),
            _("Mails go to another address from now on, and the old one opens the account no more.")
            + "\n\n"
            + _("If this was not you, answer this mail at once."),
        )


def tell_stripe(app: Flask, user: User, **extra: Any) -> None:
    """Let receipts and invoices follow, once the new address is committed."""
    owner = user.owner

    @after_this_request
    def follow(response: Response) -> Response:
        db.session.commit()
        prepaid.sync_customer(owner)
        return response
