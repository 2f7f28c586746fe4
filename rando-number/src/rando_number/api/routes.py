"""The API for programs, and for our own page from the browser's session."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from werkzeug.exceptions import MethodNotAllowed

from flask_prepaid import Caller, Sold

from ..accounts.setup import csrf
from ..callers import from_our_pages, signed_in, user_id
from ..edge.headers import NO_PAGE
from ..errors import ApiError, speak_json
from ..extensions import db, prepaid
from ..models import Number
from ..numbers import NUMBER, Ask, number_in, refuse_unknown, whole_number
from ..usage import totals
from . import openapi
from .openapi import answers

blueprint = openapi.make_blueprint()
csrf.exempt(blueprint)  # a session is taken from the same origin only, see find_caller()
speak_json(blueprint)

DAY = re.compile(r"20\d\d-\d\d-\d\d", re.ASCII)


def find_caller(*, spends: bool = False) -> Caller:
    """Whose credits this call is about.

    :raises NotSignedIn: No key and no session, or a key that opens nothing.
    :raises TooManyCalls: There were too many this minute.
    """
    words = request.headers.get("Authorization", "")
    if words[:7].lower() != "bearer " and (signed_in() is None or not from_our_pages()):
        prepaid.refuse_caller()
    return prepaid.current_caller(spends=spends)


@blueprint.after_request
def show_no_page(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = NO_PAGE
    return response


def sell(ask: Callable[[], Ask]) -> Sold:
    """Sell to whoever calls what is asked for, which is read once it is known who that is."""
    caller = find_caller(spends=True)
    return prepaid.sell(NUMBER, ask(), caller=caller, idempotency_key=request.headers.get("Idempotency-Key"))


@blueprint.get("/number/")
@answers(blueprint, openapi.NumberAnswer, [openapi.MIN, openapi.MAX, openapi.IDEMPOTENCY_KEY])
def number() -> ResponseReturnValue:
    """Sell one number, from 0 to 9 unless ``min`` and ``max`` say otherwise."""
    if request.method == "HEAD":  # it would be paid for and not be shown
        raise MethodNotAllowed(["GET"])
    return jsonify(sell(lambda: Ask.of_query(request.args)).answer)


@blueprint.post("/numbers")
@answers(blueprint, openapi.NumbersAnswer, [openapi.IDEMPOTENCY_KEY], requestBody=openapi.NUMBERS_BODY)
def numbers() -> ResponseReturnValue:
    """Sell ``count`` numbers from ``min`` to ``max``: all of them, or none."""
    sold = sell(asked_in_body)
    return success(numbers=sold.row["values"], charged=sold.row["charged"], balance=sold.balance)


def asked_in_body() -> Ask:
    """What the body asks for; the query asks nothing.

    :raises ApiError: A field is wrong, or unknown.
    """
    refuse_unknown(request.args, ())
    return Ask.read(body())


def body() -> dict[str, Any]:
    """The JSON object that was sent; an empty body is an empty object.

    :raises ApiError: It is not a JSON object, or is nested beyond reason.
    """
    sent = request.get_data()
    if len(sent) < (request.content_length or 0):  # the line was cut: this is not what was asked for
        raise ApiError(400, "malformed", "The body ended before its Content-Length. Send it again.")
    if not sent:
        return {}
    try:
        fields = json.loads(sent, object_pairs_hook=each_once)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ApiError(400, "malformed", 'Send a JSON object, such as {"count": 5, "min": 1, "max": 6}.')
    return fields


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON.

    :raises ApiError: A name is in it twice: nobody can tell which counts.
    """
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ApiError(400, "malformed", "A name stands twice in the JSON. Send each once.")
    return fields


@blueprint.get("/balance")
@answers(blueprint, openapi.BalanceAnswer)
def balance() -> ResponseReturnValue:
    """What is left, and how much of it is held."""
    wallet = prepaid.wallet(find_caller().owner)
    return success(balance=wallet.balance, held=wallet.held)


@blueprint.get("/numbers")
@answers(blueprint, openapi.DrawnAnswer, [openapi.LIMIT, openapi.CURSOR])
def drawn_before() -> ResponseReturnValue:
    """What was drawn, newest first."""
    caller = find_caller()
    limit = whole_number(number_in(request.args.get("limit", "50")), "limit", 1, 200)
    before = request.args.get("cursor")
    rows = select(Number).where(Number.user_id == user_id(caller)).order_by(Number.id.desc()).limit(limit + 1)
    if before is not None:
        if not (len(before) == 17 and before.isascii() and before.isalnum()):
            raise ApiError(422, "invalid_parameter", "cursor is none that we gave out.", param="cursor")
        rows = rows.where(Number.id < before)
    drawn = list(db.session.scalars(rows))
    page = drawn[:limit]
    return success(
        numbers=[
            {
                "id": row.id,
                "at": stamp(row.created_at),
                "numbers": row.values,
                "min": row.low,
                "max": row.high,
                "charged": row.charged,
            }
            for row in page
        ],
        next_cursor=page[-1].id if len(drawn) > limit else None,
    )


@blueprint.get("/entries")
@answers(blueprint, openapi.EntriesAnswer, [openapi.LIMIT, openapi.CURSOR])
def entries() -> ResponseReturnValue:
    """Why the balance is what it is, newest first."""
    caller = find_caller()
    limit = whole_number(number_in(request.args.get("limit", "50")), "limit", 1, 200)
    try:
        page = prepaid.entries(caller.owner, limit=limit, cursor=request.args.get("cursor"))
    except ValueError:
        raise ApiError(422, "invalid_parameter", "cursor is none that we gave out.", param="cursor") from None
    return success(
        entries=[
            {
                "id": entry.seq,
                "at": stamp(entry.at),
                "kind": entry.kind,
                "credits": entry.credits,
                "balance_after": entry.balance_after,
                "key": entry.key,
            }
            for entry in page
        ],
        next_cursor=page.next_cursor,
        archived_until=stamp(page.archived_until) if page.archived_until else None,
    )


@blueprint.get("/usage")
@answers(blueprint, openapi.UsageAnswer, [openapi.FROM, openapi.TO, openapi.BY])
def usage() -> ResponseReturnValue:
    """Calls, numbers and credits by day, UTC; the last 30 days unless ``from`` and ``to`` say otherwise."""
    caller = find_caller()
    today = prepaid.clock().date()
    first = day(request.args.get("from", str(today - timedelta(days=29))), "from")
    last = day(request.args.get("to", str(today)), "to")
    if request.args.get("by", "day") != "day":
        raise ApiError(422, "invalid_parameter", "by can be day.", param="by")
    if not first <= last <= first + timedelta(days=366):
        raise ApiError(422, "invalid_parameter", "from and to span 0 to 366 days.", param="to")
    shares = totals.by_day_and_key(user_id(caller), first, last)
    days: list[dict[str, Any]] = [
        {"day": str(day), "calls": total.calls, "credits": total.credits}
        for day, total in totals.by_day(shares).items()
    ]
    all_days = {name: sum(row[name] for row in days) for name in ("calls", "credits")}
    return success(days=days, totals=all_days)


def day(text: str, param: str) -> date:
    """A day such as ``2026-11-23``.

    :raises ApiError: ``text`` is not a day.
    """
    if DAY.fullmatch(text):
        with suppress(ValueError):  # the 31st of February
            return date.fromisoformat(text)
    raise ApiError(422, "invalid_parameter", f"{param} must be a day such as 2026-11-23.", param=param)


def success(**fields: Any) -> ResponseReturnValue:
    return jsonify(status="SUCCESS", **fields)


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC, such as ``2026-11-23T08:30:00Z``."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
