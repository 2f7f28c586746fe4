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

FIELD = "csrf_token"
_KEPT = "prepaid_csrf"


def field() -> Markup:
    """The hidden input for a form."""
    if "csrf" in current_app.extensions:
        from flask_wtf.csrf import generate_csrf

        name, token = current_app.config["WTF_CSRF_FIELD_NAME"], generate_csrf()
    else:
        name, token = FIELD, session.setdefault(_KEPT, secrets.token_urlsafe(32))
    return Markup('<input type="hidden" name="{}" value="{}">').format(name, token)


def protect() -> None:
    """Refuse a form that did not come from one of our pages. Flask-WTF has looked already, if it is there.

    :raises FormExpired: Its token is not that of the session.
    """
    if request.method != "POST" or request.endpoint == "prepaid.webhook" or "csrf" in current_app.extensions:
        return
    kept = session.get(_KEPT)
    sent = request.form.get(FIELD, "")
    if not kept or not hmac.compare_digest(kept.encode(), sent.encode()):
        raise FormExpired(
            "This form has lost its session. Go back, load the page again and send it once more."
        )


def let_stripe_in(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Stripe signs its events and has no form. Runs before Flask-WTF looks, whenever that was set up."""
    protection = current_app.extensions.get("csrf")
    if endpoint == "prepaid.webhook" and protection is not None:
        protection.exempt(current_app.view_functions[endpoint])
