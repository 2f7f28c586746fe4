"""The language of each customer: what they chose at the foot of a page, else what their browser asks for."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Flask, abort, has_request_context, redirect, request, session
from flask.typing import ResponseReturnValue
from sqlalchemy import update

from flask_prepaid.languages.formats import list_of_languages

from ..callers import from_our_pages, signed_in, way_back
from ..extensions import db, prepaid
from ..models import User, user_of

blueprint = Blueprint("languages", __name__)

#: What this shop speaks, the language of whom nothing else is known of first.
LANGUAGES = ("en", "de", "es")

#: The shop's own words, in the catalogues that a host of the extension has.
TRANSLATIONS = Path(__file__).parent.parent / "translations"

#: Where a visitor's choice is kept until they sign in.
_CHOSEN = "language"


def init_app(app: Flask) -> None:
    app.config["PREPAID_LANGUAGES"] = LANGUAGES
    app.config["PREPAID_TRANSLATIONS"] = TRANSLATIONS
    app.jinja_env.globals["languages"] = lambda: list_of_languages(LANGUAGES)
    app.register_blueprint(blueprint)


def language_of(owner: str | None) -> str | None:
    """What a customer has chosen, or a visitor in this browser; ``None`` where they have not."""
    user = user_of(owner) if owner is not None else None
    if user is not None and user.language:
        return user.language
    return session.get(_CHOSEN) if has_request_context() else None


@blueprint.post("/language")
def choose() -> ResponseReturnValue:
    """Speak another language from now on, and go back to the page that was open.

    The form stands on each page and has no token, which would give every stranger a cookie: it is taken from
    our own pages alone.
    """
    if not from_our_pages():
        abort(400)
    language = request.form.get("language", "")
    if language not in LANGUAGES:
        abort(422)
    session[_CHOSEN] = language
    user = signed_in()
    if user is not None and user.language != language:
        db.session.execute(update(User).where(User.id == user.id).values(language=language))
        db.session.commit()
        prepaid.sync_customer(user.owner)  # Stripe writes invoices and mails, too
    return redirect(way_back(request.form.get("back", "")), 303)
