"""The audit log: who did what, when, from where. It only grows."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request
from flask_security import (
    password_changed,
    password_reset,
    user_authenticated,
    user_registered,
)

from .callers import owner
from .models import AuditLine, Deed, User, db


def init_app(app: Flask) -> None:
    user_registered.connect(registered, app)
    user_authenticated.connect(signed_in, app)
    password_changed.connect(password_was_changed, app)
    password_reset.connect(password_was_reset, app)
    app.after_request(refusals)


def note(deed: Deed, *, actor: str | None = None, **detail: Any) -> None:
    """Add a line to the session; it is committed with the deed itself, or not at all.

    :param actor: Who did it; by default whoever is signed in. An address or a name would
        outlive its owner here, so it is always an opaque id.
    """
    who = actor or owner() or "anonymous"
    db.session.add(AuditLine(deed=deed, actor=who, address=request.remote_addr, detail=detail))


def registered(app: Flask, user: User, **extra: Any) -> None:
    db.session.flush()  # the id that names the actor
    note(Deed.REGISTERED, actor=user.owner)


def signed_in(app: Flask, user: User, authn_via: list[str] | None = None, **extra: Any) -> None:
    note(Deed.SIGNED_IN, actor=user.owner, by=authn_via)


def password_was_changed(app: Flask, user: User, **extra: Any) -> None:
    note(Deed.PASSWORD_CHANGED, actor=user.owner)


def password_was_reset(app: Flask, user: User, **extra: Any) -> None:
    note(Deed.PASSWORD_RESET, actor=user.owner)


def refusals(response: Response) -> Response:
    """Keep what was refused. The refused work itself is undone first."""
    deed = {403: Deed.REFUSED, 429: Deed.RATE_LIMITED}.get(response.status_code)
    if request.endpoint == "security.login" and request.method == "POST" and response.status_code == 200:
        deed = Deed.SIGN_IN_REFUSED
    if deed is not None:
        db.session.rollback()
        note(deed, path=place(), method=request.method)
        db.session.commit()
    return response


def place() -> str:
    """The path that was asked for; of one with a token in it, the rule."""
    rule = request.url_rule
    return rule.rule if rule is not None and "token" in rule.arguments else request.path[:200]
