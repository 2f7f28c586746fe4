"""A hidden field that another site cannot know, by the host's Flask-WTF or, without it, our own.

Which of the two is asked at each request, so that the order of ``init_app`` does not matter.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

from flask import current_app, request, session
from markupsafe import Markup

from ..errors import FormExpired
from .programs import is_api

FIELD = "csrf_token"

#: What a script sends, by the name that Flask-WTF knows, too.
HEADER = "X-CSRF-Token"

LOST_TOKEN = f"Send csrf_token of GET /session as {HEADER}: this one is not that of your session."
_KEPT = "prepaid_csrf"


def field() -> Markup:
    """The hidden input for a form."""
    name = current_app.config["WTF_CSRF_FIELD_NAME"] if is_hosts() else FIELD
    return Markup('<input type="hidden" name="{}" value="{}">').format(name, token())


def token() -> str:
    """What the field has in it, and a script's header."""
    if is_hosts():
        from flask_wtf.csrf import generate_csrf

        return str(generate_csrf())
    return str(session.setdefault(_KEPT, secrets.token_urlsafe(32)))


def is_hosts() -> bool:
    """Whether the host's Flask-WTF looks at forms."""
    return "csrf" in current_app.extensions


def protect() -> None:
    """Refuse a form that did not come from one of our pages.

    The host's Flask-WTF has looked already, but where it is told to look at nothing by itself.

    :raises FormExpired: Its token is not that of the session.
    """
    if request.method != "POST" or request.endpoint == "prepaid.webhook" or is_api():
        return
    if is_hosts():
        if current_app.config["WTF_CSRF_ENABLED"] and not current_app.config["WTF_CSRF_CHECK_DEFAULT"]:
            current_app.extensions["csrf"].protect()
        return
    if not is_kept(request.form.get(FIELD, "")):
        raise FormExpired(
            "This form has lost its session. Go back, load the page again and send it once more."
        )


def require_header() -> None:
    """Refuse a call of a script that has not read the token of this session, as one of another site.

    :raises FormExpired: The header is not there, or is not that of the session.
    """
    sent = request.headers.get(HEADER, "")
    if is_hosts():
        if not current_app.config["WTF_CSRF_ENABLED"]:
            return
        from flask_wtf.csrf import validate_csrf
        from wtforms import ValidationError

        try:
            validate_csrf(sent)
        except ValidationError:
            raise FormExpired(LOST_TOKEN) from None
    elif not is_kept(sent):
        raise FormExpired(LOST_TOKEN)


def is_kept(sent: str) -> bool:
    """Whether it is the token that the session has."""
    kept: str = session.get(_KEPT) or ""
    return bool(kept) and hmac.compare_digest(kept.encode(), sent.encode())


def let_in(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Stripe signs its events and has no form; calls of the API are looked at by ``require_header``.

    Runs before Flask-WTF looks, whenever that was set up.
    """
    protection = current_app.extensions.get("csrf")
    if (endpoint == "prepaid.webhook" or is_api()) and protection is not None:
        assert endpoint is not None, "it is one of ours"
        protection.exempt(current_app.view_functions[endpoint])
