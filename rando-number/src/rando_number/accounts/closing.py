"""The download of all of a customer's data, and closing the account."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    session,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_security import auth_required
from sqlalchemy import delete, select, update
from sqlalchemy.orm import DeclarativeBase

from flask_prepaid import PrepaidError

from .. import audit_log, mails
from ..callers import customer, owner
from ..keys import api_keys
from ..limits.rates import limiter
from ..models import Action, ApiKey, AuditLine, Number, Passkey, SignIn, User, db, prepaid, utc_now
from . import welcome

blueprint = Blueprint("closing", __name__)

#: An old sign-in asks for the password again: a browser left open must not end an account.
freshly_signed_in = auth_required(
    "session",
    within=lambda: current_app.config["SECURITY_FRESHNESS"],
    grace=lambda: current_app.config["SECURITY_FRESHNESS_GRACE_PERIOD"],
)

#: The columns of each table that a customer gets: no hashes, and nothing that opens an account.
ACCOUNT = ("id", "email", "created_at", "confirmed_at", "tf_primary_method", "cap_per_month")
KEY = ("name", "start", "cap_per_month", "created_at", "expires_at", "last_used_at", "revoked_at")
PASSKEY = ("name", "usage", "device_type", "created_at", "lastuse_datetime")
SIGN_IN = ("created_at", "address", "browser")
NUMBER = ("id", "created_at", "values", "low", "high", "charged")
PAYMENT = ("id", "created_at", "paid_at", "title", "credits", "amount_minor", "currency", "state")
CARD = ("brand", "last4", "exp_month", "exp_year", "name")
ENTRY = ("seq", "at", "kind", "credits", "balance_after", "key", "reason")
LINE = ("at", "action", "address", "detail")


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.get("/export.json")
@freshly_signed_in
@limiter.limit("20 per hour", key_func=lambda: f"export:{owner()}")
def export() -> ResponseReturnValue:
    """All that is kept of one customer, sent row by row."""
    lines = stream_with_context(export_of(customer()))
    headers = {"Content-Disposition": "attachment; filename=rando-number.json"}
    return Response(lines, mimetype="application/json", headers=headers)


def export_of(user: User) -> Iterator[str]:
    yield f'{{"account": {json_of(user, ACCOUNT)}'
    tables = (
        ("api_keys", KEY, rows_of(ApiKey, ApiKey.user_id == user.id, ApiKey.id)),
        ("sign_ins", SIGN_IN, rows_of(SignIn, SignIn.user_id == user.id, SignIn.created_at)),
        ("passkeys", PASSKEY, rows_of(Passkey, Passkey.user_id == user.id, Passkey.id)),
        ("cards", CARD, prepaid.cards(user.owner)),
        ("purchases", PAYMENT, user.purchases),
        ("entries", ENTRY, all_entries(user.owner)),
        ("numbers", NUMBER, rows_of(Number, Number.user_id == user.id, Number.id)),
        ("log", LINE, rows_of(AuditLine, AuditLine.actor == user.owner, AuditLine.id)),
    )
    for name, fields, rows in tables:
        yield f',\n"{name}": ['
        for n, row in enumerate(rows):
            yield (",\n" if n else "\n") + json_of(row, fields)
        yield "]"
    yield "}\n"


def rows_of(model: type[DeclarativeBase], condition: Any, order: Any) -> Iterable[Any]:
    return db.session.scalars(select(model).where(condition).order_by(order).execution_options(yield_per=500))


def all_entries(owner: str) -> Iterator[Any]:
    cursor = None
    while True:
        page = prepaid.entries(owner, limit=200, cursor=cursor)
        yield from page
        cursor = page.next_cursor
        if cursor is None:
            return


def json_of(row: object, fields: Iterable[str]) -> str:
    return json.dumps({field: jsonable(getattr(row, field)) for field in fields})


def jsonable(value: object) -> object:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


@blueprint.get("/close-account")
@freshly_signed_in
def ask() -> ResponseReturnValue:
    """Say what will be lost, before it is."""
    return render_template("accounts/close.html", available=prepaid.available(customer().owner))


@blueprint.post("/close-account")
@freshly_signed_in
def close() -> ResponseReturnValue:
    """Close the account of the customer who is signed in."""
    user = customer()
    email = user.email
    try:
        close_account(user)
    except PrepaidError:
        db.session.rollback()
        flash("Stripe did not answer, so your account is still open. Try again in a minute.", "error")
        return render_template("accounts/close.html", available=prepaid.available(customer().owner)), 503
    session.clear()
    mails.send(
        email,
        "Your account at Rando Number is closed",
        "Your account is closed, and your data and cards are gone, here and at Stripe.\n\n"
        "If this was not you, answer this mail.\n",
    )
    flash("Your account is closed. Thank you for having been here.", "success")
    return redirect(url_for("pages.home"), 303)


def close_account(user: User) -> None:
    """Remove a customer at Stripe first, then everything here at once. Commits; a repeat changes nothing.

    The row stays without anything personal: entries and payments name it as ``user:<id>``.

    :raises PrepaidError: Stripe did not answer. The account is still open.
    """
    prepaid.remove_customer(user.owner)
    left = prepaid.available(user.owner)
    if left:
        prepaid.adjust(user.owner, -left, key="closed", reason="The account was closed")
    if user.closed_at is None:
        welcome.remember(user.email)
    user.email = f"closed-{user.id}@closed.invalid"
    user.password = user.confirmed_at = user.reset_digest = None
    user.tf_primary_method = user.tf_totp_secret = user.mf_recovery_codes = None
    user.webauthn, user.fs_webauthn_user_handle = [], None
    user.active, user.roles, user.fs_uniquifier = False, [], secrets.token_hex(32)
    user.closed_at = user.closed_at or utc_now()
    db.session.execute(delete(SignIn).where(SignIn.user_id == user.id))
    db.session.execute(
        update(ApiKey).where(ApiKey.user_id == user.id).values(name="", start="", revoked_at=utc_now())
    )
    drawn = update(Number).where(Number.user_id == user.id)
    db.session.execute(drawn.values(idempotency_key=None, request_digest=None))
    audit_log.note(Action.ACCOUNT_CLOSED, actor=user.owner)
    db.session.commit()
    api_keys.key_cache().forget()
