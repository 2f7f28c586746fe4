"""The audit log: who did what, when, from where. It only grows."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, has_request_context, request
from flask_security import password_changed, password_reset, user_authenticated, user_registered

from flask_prepaid import signals

from .callers import owner
from .extensions import db
from .models import Action, AuditLine, User
from .rate_limits import rates

#: Lines that one customer's refusals, or those of one address, may fill in a minute. The log only grows, and
#: whoever is refused without end must not fill the disk.
REFUSALS_PER_MINUTE = 10


#: Forms of a sign-in, which are shown again where a password or a code was wrong.
SIGN_IN_FORMS = {"security.login", "security.two_factor_token_validation", "security.mf_recovery"}


def init_app(app: Flask) -> None:
    user_registered.connect(registered, app)
    user_authenticated.connect(signed_in, app)
    password_changed.connect(password_was_changed, app)
    password_reset.connect(password_was_reset, app)
    signals.key_made.connect(key_made, app)
    signals.key_revoked.connect(key_revoked, app)
    signals.limit_set.connect(limit_set, app)
    signals.alert_set.connect(alert_was_set, app)
    signals.endpoint_set.connect(webhook_was_set, app)
    app.after_request(refusals)


def note(action: Action, *, actor: str | None = None, **detail: Any) -> None:
    """Add a line to the session; it is committed with the action itself, or not at all.

    :param actor: Who did it; by default the user who is signed in. It is always an opaque id,
        since an address or a name would outlive its owner here.
    """
    actor = actor or owner() or "anonymous"
    address = request.remote_addr if has_request_context() else None  # a command has none
    db.session.add(AuditLine(action=action, actor=actor, address=address, detail=detail))


def registered(app: Flask, user: User, **extra: Any) -> None:
    db.session.flush()  # the id that names the actor
    note(Action.REGISTERED, actor=user.owner)


def signed_in(app: Flask, user: User, authn_via: list[str] | None = None, **extra: Any) -> None:
    note(Action.SIGNED_IN, actor=user.owner, by=authn_via)


def password_was_changed(app: Flask, user: User, **extra: Any) -> None:
    note(Action.PASSWORD_CHANGED, actor=user.owner)


def password_was_reset(app: Flask, user: User, **extra: Any) -> None:
    note(Action.PASSWORD_RESET, actor=user.owner)


def key_made(app: Flask, owner: str, key_id: int) -> None:
    note(Action.KEY_MADE, actor=owner, key=key_id)


def key_revoked(app: Flask, owner: str, key_id: int) -> None:
    note(Action.KEY_REVOKED, actor=owner, key=key_id)


def limit_set(app: Flask, owner: str, spender: str | None, every: str | None, credits: int | None) -> None:
    note(Action.LIMIT_SET, actor=owner, spender=spender, every=every, limit=credits)


def alert_was_set(app: Flask, owner: str, **detail: Any) -> None:
    note(Action.ALERT_SET, actor=owner, **detail)


def webhook_was_set(app: Flask, owner: str, endpoint_id: int, action: str) -> None:
    note(Action.WEBHOOK_SET, actor=owner, endpoint=endpoint_id, done=action)


def refusals(response: Response) -> Response:
    """Note a refusal, or the first of very many. What the refused request has done is undone first."""
    action = {403: Action.REFUSED, 429: Action.RATE_LIMITED}.get(response.status_code)
    if request.endpoint in SIGN_IN_FORMS and request.method == "POST" and response.status_code == 200:
        action = Action.SIGN_IN_REFUSED
    if action is not None:
        db.session.rollback()
        if rates.is_within(REFUSALS_PER_MINUTE, f"noted:{action}:{owner() or rates.client_address()}"):
            note(action, path=path_of_request(), method=request.method)
            db.session.commit()
    return response


def path_of_request() -> str:
    """The path that was asked for; if it holds a token, the rule instead."""
    rule = request.url_rule
    return rule.rule if rule is not None and "token" in rule.arguments else request.path[:200]
