"""Links that lead to a new password: the newest one alone works, until what it is for has changed."""

from __future__ import annotations

import hashlib
from functools import wraps
from typing import Any

from flask import Flask, current_app, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue, RouteCallable
from flask_security import change_email_confirmed, password_changed, password_reset
from flask_security import reset_password_instructions_sent as reset_link_sent
from sqlalchemy import select, update

from flask_prepaid.languages.words import gettext as _

from ...extensions import db
from ...models import User
from . import wanted_page

VIEW = "security.reset_password"


def init_app(app: Flask) -> None:
    reset_link_sent.connect(keep_newest, app)
    for change in (password_changed, password_reset, change_email_confirmed):
        change.connect(end_reset_links, app)
    app.view_functions[VIEW] = newest_link_only(app.view_functions[VIEW])


def keep_newest(app: Flask, user: User, token: str, **extra: Any) -> None:
    """End the links that were sent before this one.

    Of two at once neither is refused: that would tell that somebody has this address.
    """
    digest = hashlib.sha256(token.encode()).hexdigest()
    db.session.execute(update(User).where(User.id == user.id).values(reset_digest=digest))
    db.session.commit()  # Flask-Security writes nothing at a request


def end_reset_links(app: Flask, user: User, **extra: Any) -> None:
    """End the links in the mailbox: the password, or the address, that they were for has changed."""
    user.reset_digest = None


def newest_link_only(view: RouteCallable) -> RouteCallable:
    """Refuse an older link as its view, whose answer a second press of the form replaces by the first.

    From the new password it leads on to the sign-in, and from there to the page that was wanted.
    """

    @wraps(view)
    def guarded(token: str) -> ResponseReturnValue:
        digest = hashlib.sha256(token.encode()).hexdigest()
        if db.session.scalar(select(User.id).where(User.reset_digest == digest)) is not None:
            answer = make_response(current_app.ensure_sync(view)(token=token))
            if answer.location == url_for("security.login"):
                answer.location = url_for("security.login", next=wanted_page.take_if_any())
            return answer
        flash(_("This link works no more. Ask for a new one."), "error")
        return redirect(url_for("security.forgot_password", next=request.args.get("next")))

    return guarded
