"""The download of all that is kept of one customer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from .. import audit_log
from ..callers import customer, owner
from ..edge import streams
from ..extensions import db, prepaid, release_connection
from ..models import Action, AuditLine, Number, Passkey, SignIn
from ..rate_limits.rates import limiter
from .sign_ins import freshly_signed_in

blueprint = Blueprint("own_data", __name__)

#: How many rows of a table are read at once.
PER_PAGE = 500

#: What a customer gets of the shop's own tables: no hashes, and nothing that opens an account.
ACCOUNT = ("id", "email", "created_at", "confirmed_at", "tf_primary_method", "language")
PASSKEY = ("name", "usage", "device_type", "created_at", "lastuse_datetime")
SIGN_IN = ("created_at", "address", "browser")
NUMBER = ("id", "created_at", "values", "low", "high", "charged")
LINE = ("at", "action", "address", "detail")


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.get("/export.json")
@freshly_signed_in
@limiter.limit("20 per hour", key_func=lambda: f"export:{owner()}")
def export() -> ResponseReturnValue:
    """All that is kept of one customer but for operators' notes, sent row by row. ``docs`` has its fields.

    Those may name others, so somebody reads them before they are handed out: the page of privacy says so.
    """
    user = customer()
    parts = export_of(user.id, user.owner, json_of(user, ACCOUNT))
    audit_log.note(Action.DATA_EXPORTED)
    db.session.flush()  # a busy database says so before one of the places is taken
    response = streams.respond(user.owner, parts, "application/json", "rando-number.json")
    try:
        db.session.commit()
    except Exception:
        response.close()  # gives the place back
        raise
    return response


def export_of(user_id: int, owner: str, account: str) -> Iterator[str]:
    """The export in parts, the account first. Between two of them no connection to the database is kept."""
    data = prepaid.personal_data(owner)
    yield f'{{"account": {account}'
    ours: dict[str, Iterable[list[str]]] = {
        "sign_ins": pages_of(SignIn, SIGN_IN, SignIn.user_id == user_id, SignIn.digest),
        "passkeys": pages_of(Passkey, PASSKEY, Passkey.user_id == user_id, Passkey.id),
        "numbers": pages_of(Number, NUMBER, Number.user_id == user_id, Number.id),
        "log": pages_of(AuditLine, LINE, AuditLine.actor == owner, AuditLine.id),
    }
    of_prepaid = ((name, map(written, pages)) for name, pages in data.sections())
    for name, pages in chain(of_prepaid, ours.items()):
        yield f',\n"{name}": ['
        before = "\n"
        for page in pages:
            release_connection()
            for row in page:
                yield before + row
                before = ",\n"
        yield "]"
    if data.archived_until is not None:
        yield f',\n"calls_archived_until": {json.dumps(jsonable(data.archived_until))}'
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


def written(page: Iterable[Mapping[str, object]]) -> list[str]:
    return [json.dumps({name: jsonable(value) for name, value in row.items()}) for row in page]


def json_of(row: object, fields: Iterable[str]) -> str:
    return json.dumps({field: jsonable(getattr(row, field)) for field in fields})


def jsonable(value: object) -> object:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
