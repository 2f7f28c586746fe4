"""Links that lead to a new password: each works once, until what it is for has changed.

A newer one ends no older one: anybody can ask for one, and would end that of the owner.
"""

from __future__ import annotations

import hashlib
from functools import wraps
from typing import Any

from flask import Flask, current_app, flash, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue, RouteCallable
from flask_security import change_email_confirmed, password_changed, password_reset
from flask_security import reset_password_instructions_sent as reset_link_sent
from sqlalchemy import delete

from flask_prepaid.languages.words import gettext as _
from flask_prepaid.signals import ticked

from ...columns import utc_now
from ...extensions import db, insert_into
from ...models import ResetLink, User
from .. import ways_in
from . import wanted_page

VIEW = "security.reset_password"


def init_app(app: Flask) -> None:
    reset_link_sent.connect(keep, app)
    ticked.connect(forget, app)
    for change in (password_changed, password_reset, change_email_confirmed):
        change.connect(end_reset_links, app)
    app.view_functions[VIEW] = open_link_only(app.view_functions[VIEW])


def keep(app: Flask, user: User, token: str, **extra: Any) -> None:
    """Note a link that is sent. Two of one second are one link."""
    delete_old()
    row = {"digest": digest_of(token), "user_id": user.id, "at": utc_now()}
    db.session.execute(insert_into(ResetLink).values(row).on_conflict_do_nothing())
    db.session.commit()  # Flask-Security writes nothing at a request


def forget(app: Flask, **more: object) -> None:
    """Delete the links that are too old to work. Commits."""
    delete_old()
    db.session.commit()


def delete_old() -> None:
    lasts = current_app.config["SECURITY_RESET_PASSWORD_WITHIN"]
    db.session.execute(delete(ResetLink).where(ResetLink.at < utc_now() - lasts))


def end_reset_links(app: Flask, user: User, **extra: Any) -> None:
    """End the links in the mailbox: the password, or the address, that they were for has changed."""
    ways_in.end_reset_links(user.id)


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def open_link_only(view: RouteCallable) -> RouteCallable:
    """Refuse a link that was used as its view, whose answer a second press of the form replaces by the first.

    From the new password it leads on to the sign-in, and from there to the page that was wanted.
    """

    @wraps(view)
    def guarded(token: str) -> ResponseReturnValue:
        if db.session.get(ResetLink, digest_of(token)) is not None:
            answer = make_response(current_app.ensure_sync(view)(token=token))
            if answer.location == url_for("security.login"):
                answer.location = url_for("security.login", next=wanted_page.take_if_any())
            return answer
        flash(_("This link works no more. Ask for a new one."), "error")
        return redirect(url_for("security.forgot_password", next=request.args.get("next")))

    return guarded
