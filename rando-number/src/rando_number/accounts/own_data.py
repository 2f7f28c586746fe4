"""The download of all that is kept of one customer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from flask_prepaid import Alert, ApiKey, Code, CodeClaim, Customer, MailRecord, Payment, WebhookEndpoint

from ..callers import customer, owner
from ..edge import streams
from ..models import AuditLine, Number, Passkey, SignIn, User, db, prepaid, release_connection
from ..rate_limits.rates import limiter
from .sign_ins import freshly_signed_in

blueprint = Blueprint("own_data", __name__)

#: How many rows of a table are read at once.
PER_PAGE = 500

#: The columns of each table that a customer gets: no hashes, and nothing that opens an account.
ACCOUNT = ("id", "email", "created_at", "confirmed_at", "tf_primary_method")

KEY = ("name", "start", "created_at", "expires_at", "last_used_at", "revoked_at")

LIMIT = ("spender", "every", "zone", "credits", "spent", "resets_at")

PASSKEY = ("name", "usage", "device_type", "created_at", "lastuse_datetime")

SIGN_IN = ("created_at", "address", "browser")

NUMBER = ("id", "created_at", "values", "low", "high", "charged")

PAYMENT = ("id", "created_at", "paid_at", "title", "credits", "amount_minor", "currency", "state")

CARD = ("brand", "last4", "exp_month", "exp_year", "name")

ENTRY = ("seq", "at", "kind", "credits", "balance_after", "key", "reason")

LINE = ("at", "action", "address", "detail")

BILLING = ("company", "line1", "line2", "postal_code", "city", "state", "country", "tax_id")

OWN_CODE = ("code", "credits", "referrer_credits", "claims", "created_at")

ALERT = ("kind", "threshold", "spender", "every", "created_at")

ENDPOINT = ("url", "events", "off_because", "created_at")

MAIL = ("at", "address", "name", "subject")

REDEEMED = ("code", "credits", "at")


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.get("/export.json")
@freshly_signed_in
@limiter.limit("20 per hour", key_func=lambda: f"export:{owner()}")
def export() -> ResponseReturnValue:
    """All that is kept of one customer but for operators' notes, sent row by row.

    Those may name others, so somebody reads them before they are handed out: the page of privacy says so.
    """
    user = customer()
    return streams.respond(user.owner, export_of(user), "application/json", "rando-number.json")


def export_of(user: User) -> Iterator[str]:
    """The export in parts. Between two of them no connection to the database is kept."""
    user_id, owner, account = user.id, user.owner, json_of(user, ACCOUNT)
    archived: list[datetime] = []
    release_connection()
    yield f'{{"account": {account}'
    tables: tuple[tuple[str, Iterable[list[str]]], ...] = (
        ("api_keys", pages_of(ApiKey, KEY, ApiKey.owner == owner, ApiKey.id)),
        ("limits", [[json_of(budget, LIMIT) for budget in prepaid.budgets(owner)]]),
        ("sign_ins", pages_of(SignIn, SIGN_IN, SignIn.user_id == user_id, SignIn.digest)),
        ("passkeys", pages_of(Passkey, PASSKEY, Passkey.user_id == user_id, Passkey.id)),
        ("billing", pages_of(Customer, BILLING, Customer.owner == owner, Customer.owner)),
        ("cards", [[json_of(card, CARD) for card in prepaid.cards(owner)]]),
        ("purchases", pages_of(Payment, PAYMENT, Payment.owner == owner, Payment.id)),
        ("entries", entries_of(owner, archived)),
        ("redeemed_codes", redeemed_by(owner)),
        ("own_codes", pages_of(Code, OWN_CODE, Code.referrer == owner, Code.id)),
        ("alerts", pages_of(Alert, ALERT, Alert.owner == owner, Alert.id)),
        ("webhooks", pages_of(WebhookEndpoint, ENDPOINT, WebhookEndpoint.owner == owner, WebhookEndpoint.id)),
        ("mails", pages_of(MailRecord, MAIL, MailRecord.owner == owner, MailRecord.id)),
        ("numbers", pages_of(Number, NUMBER, Number.user_id == user_id, Number.id)),
        ("log", pages_of(AuditLine, LINE, AuditLine.actor == owner, AuditLine.id)),
    )
    for name, pages in tables:
        yield f',\n"{name}": ['
        before = "\n"
        for page in pages:
            release_connection()
            for row in page:
                yield before + row
                before = ",\n"
        yield "]"
    for until in archived:
        yield f',\n"calls_archived_until": {json.dumps(jsonable(until))}'
    yield "}\n"


def pages_of(
    model: type[DeclarativeBase], fields: Iterable[str], condition: Any, key: InstrumentedAttribute[Any]
) -> Iterator[list[str]]:
    """The rows of a table as JSON, some hundreds at a time, in the order of ``key``."""
    after: list[Any] = []
    while True:
        wanted = select(model).where(condition, *after).order_by(key).limit(PER_PAGE)
        rows = db.session.scalars(wanted).all()
        if rows:
            after = [key > getattr(rows[-1], key.key)]
        yield [json_of(row, fields) for row in rows]
        if len(rows) < PER_PAGE:
            return


def entries_of(owner: str, archived: list[datetime]) -> Iterator[list[str]]:
    """The entries that are in the books.

    :param archived: Gets the time up to which others lie in the archive, if any do. Whoever runs the shop
        hands those out: ``flask prepaid archived``.
    """
    cursor = None
    while True:
        page = prepaid.entries(owner, limit=200, cursor=cursor)
        cursor = page.next_cursor
        yield [json_of(entry, ENTRY) for entry in page]
        if cursor is None:
            archived += [page.archived_until] if page.archived_until else []
            return


def redeemed_by(owner: str) -> Iterator[list[str]]:
    """The codes that a customer has redeemed, the first one first."""
    wanted = (
        select(Code.code, CodeClaim.credits, CodeClaim.at)
        .join(Code, Code.id == CodeClaim.code_id)
        .where(CodeClaim.owner == owner)
        .order_by(CodeClaim.id)
    )
    yield [json_of(row, REDEEMED) for row in db.session.execute(wanted)]


def json_of(row: object, fields: Iterable[str]) -> str:
    return json.dumps({field: jsonable(getattr(row, field)) for field in fields})


def jsonable(value: object) -> object:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
