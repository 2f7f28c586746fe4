"""Closing an account: what is removed, here and at Stripe."""

from __future__ import annotations

from flask import (
    Blueprint,
    Flask,
    Response,
    after_this_request,
    flash,
    redirect,
    render_template,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from sqlalchemy import update

from flask_prepaid import ApiKey, PrepaidError
from flask_prepaid.languages.words import gettext as _

from .. import audit_log, mails
from ..callers import customer
from ..columns import utc_now
from ..extensions import db, prepaid
from ..models import Action, User
from . import free_credits, ways_in
from .sign_ins import freshly_signed_in

blueprint = Blueprint("closing", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.get("/close-account")
@freshly_signed_in
def ask() -> ResponseReturnValue:
    """Say what will be lost, before it is."""
    return page()


def page() -> str:
    """The page that asks, with what this customer loses."""
    owner = customer().owner
    return render_template(
        "accounts/close.html",
        available=prepaid.available(owner),
        has_plan=prepaid.plan(owner) is not None,
        has_cards=bool(prepaid.cards(owner)),
    )


@blueprint.post("/close-account")
@freshly_signed_in
def close() -> ResponseReturnValue:
    """Close the account of the customer who is signed in. The guard of the forms commits."""
    user = customer()
    email, language, is_unproven = user.email, user.language, user.is_unproven
    try:
        is_new = close_account(user)
    except PrepaidError:
        db.session.rollback()
        flash(_("Stripe did not answer, so your account is still open. Try again in a minute."), "error")
        return page(), 503
    session.clear()
    flash(_("Your account is closed. Thank you for having been here."), "success")
    if is_new and not is_unproven:
        after_this_request(lambda response: say_closed(response, email, language))
    return redirect(url_for("pages.home"), 303)


def say_closed(response: Response, email: str, language: str | None) -> Response:
    """Tell it by mail, once it is committed."""
    with mails.in_language(language):
        mails.send(
            email,
            _("Your account at Rando Number is closed"),
            _("Your account is closed, and your data and cards are gone, here and at Stripe.")
            + "\n\n"
            + _("If this was not you, answer this mail."),
        )
    return response


def close_account(user: User) -> bool:
    """Remove a customer at Stripe first, then everything here at once; whether the account was open.

    The caller commits; a repeat changes nothing. The row stays without anything personal: entries and
    payments name it as ``user:<id>``.

    :raises PrepaidError: Stripe did not answer. The account is still open.
    """
    prepaid.remove_customer(user.owner)
    left = prepaid.available(user.owner)
    if left:
        prepaid.adjust(user.owner, -left, key="closed", reason="The account was closed")
    db.session.expire(user)  # whatever was changed of it meanwhile goes, too
    is_open = user.closed_at is None
    if is_open and not user.is_unproven:  # else somebody else may have registered its address
        free_credits.remember(user.email)
    user.email = f"closed-{user.id}@closed.invalid"
    user.password = user.confirmed_at = None
    user.active, user.roles = False, []
    user.closed_at = user.closed_at or utc_now()
    ways_in.end_all(user)
    db.session.execute(update(ApiKey).where(ApiKey.owner == user.owner).values(name="", start=""))
    audit_log.note(Action.ACCOUNT_CLOSED, actor=user.owner)
    return is_open
