"""An account's address was changed: who is told."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, after_this_request
from flask_security import change_email_confirmed

from flask_prepaid.languages.words import gettext as _

from ... import audit_log, mails
from ...extensions import db, prepaid
from ...models import Action, User


def init_app(app: Flask) -> None:
    change_email_confirmed.connect(tell_the_old_address, app)
    change_email_confirmed.connect(tell_stripe, app)


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
