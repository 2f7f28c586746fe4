"""What the API's document says: shapes, parameters, examples. ``routes`` puts them on its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue
from flask_smorest import Api
from flask_smorest import Blueprint as Documented
from marshmallow import RAISE, Schema
from marshmallow.fields import DateTime, Integer, List, Nested, String
from marshmallow.validate import OneOf, Range

from ..numbers import LARGEST, MAX_AT_ONCE

SETTINGS = {
    "API_TITLE": "Rando Number",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/api/v1",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {
            "description": "Random numbers by the call. One number takes one credit; a call that is "
            "answered 4xx is never charged."
        },
        "security": [{"key": []}],
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key that you make at /api-keys, such as rn_...",
                }
            }
        },
    },
}


def integer(description: str, example: int, **more: Any) -> Integer:
    return Integer(required=True, metadata={"description": description, "example": example}, **more)


def success() -> String:
    return String(required=True, validate=OneOf(["SUCCESS"]))


class NumberAnswer(Schema):
    status = success()
    number = integer("The number", 7)
    charged = integer("Credits that this call took", 1)
    balance = integer("Credits that are left", 41)


class NumbersAsk(Schema):
    class Meta:
        unknown = RAISE

    count = Integer(
        load_default=1,
        validate=Range(1, MAX_AT_ONCE),
        metadata={"description": "How many", "example": 5},
    )
    min = Integer(
        load_default=0,
        validate=Range(-LARGEST, LARGEST),
        metadata={"description": "The smallest that can come", "example": 1},
    )
    max = Integer(
        load_default=9,
        validate=Range(-LARGEST, LARGEST),
        metadata={"description": "The largest that can come", "example": 6},
    )


class NumbersAnswer(Schema):
    status = success()
    numbers = List(Integer(), required=True, metadata={"example": [3, 1, 6, 6, 2]})
    charged = integer("Credits that this call took: one for each number", 5)
    balance = integer("Credits that are left", 36)


class BalanceAnswer(Schema):
    status = success()
    balance = integer("Credits", 36)
    held = integer("How many of them are set aside for work that is not done yet", 0)


class Entry(Schema):
    id = integer("Counts up within the wallet", 12)
    at = DateTime(required=True, metadata={"example": "2026-11-23T08:30:00Z"})
    kind = String(required=True, metadata={"description": "Why credits moved", "example": "spend"})
    credits = integer("Negative: taken", -5)
    balance_after = integer("Credits after this entry", 36)
    key = String(required=True, metadata={"description": "The cause", "example": "0mbq3h1x0c9dz7u2k"})


class EntriesAnswer(Schema):
    status = success()
    entries = List(Nested(Entry), required=True)
    next_cursor = String(required=True, allow_none=True, metadata={"example": None})
    archived_until = DateTime(
        required=True,
        allow_none=True,
        metadata={"description": "On the last page: spends up to then are in the archive", "example": None},
    )


class DrawnRow(Schema):
    id = String(required=True, metadata={"example": "0mbq3h1x0c9dz7u2k"})
    at = DateTime(required=True, metadata={"example": "2026-11-23T08:30:00Z"})
    numbers = List(Integer(), required=True)
    min = integer("The smallest that could come", 1)
    max = integer("The largest that could come", 6)
    charged = integer("Credits that the call took", 5)


class DrawnAnswer(Schema):
    status = success()
    numbers = List(Nested(DrawnRow), required=True)
    next_cursor = String(required=True, allow_none=True, metadata={"example": None})


class UsageDay(Schema):
    day = String(required=True, metadata={"example": "2026-11-23"})
    calls = integer("Calls that sold numbers", 12)
    credits = integer("Credits that they took", 300)


class UsageTotals(Schema):
    calls = integer("Calls that sold numbers", 12)
    credits = integer("Credits that they took", 300)


class UsageAnswer(Schema):
    status = success()
    days = List(Nested(UsageDay), required=True)
    totals = Nested(UsageTotals, required=True)


class ErrorDetail(Schema):
    """What went wrong, and what its caller needs in order to mend it."""

    code = String(required=True, metadata={"example": "insufficient_credits"})
    message = String(required=True, metadata={"example": "Credits needed: 5. Credits left: 2."})
    param = String(metadata={"description": "invalid_parameter: which"})
    balance = Integer(metadata={"description": "insufficient_credits: what is left"})
    needed = Integer(metadata={"description": "insufficient_credits: what the call takes"})
    buy_url = String(metadata={"description": "insufficient_credits: where there are more"})
    limit = Integer(metadata={"description": "spending_limit_reached: the credits that may be taken in all"})
    cap = Integer(metadata={"description": "key_cap_reached: the credits that the key may take"})
    every = String(allow_none=True, metadata={"description": "of that limit: day, week, month, or for ever"})
    left = Integer(metadata={"description": "of that limit: the credits that are left"})
    resets_at = String(allow_none=True, metadata={"description": "of that limit: when it begins anew"})
    retry_after = Integer(metadata={"description": "rate_limited, unavailable: seconds to wait"})


class Error(Schema):
    status = String(required=True, validate=OneOf(["FAILURE"]))
    error = Nested(ErrorDetail, required=True)


class DocumentedApi(Api):  # type: ignore[misc]
    ERROR_SCHEMA = Error


def query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


BOUND = {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST}
MIN = query("min", "The smallest that can come", {**BOUND, "default": 0})
MAX = query("max", "The largest that can come", {**BOUND, "default": 9})
LIMIT = query("limit", "How many at most", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50})
CURSOR = query("cursor", "next_cursor of the page before", {"type": "string"})
FROM = query(
    "from", "The first day, UTC; 29 days before today if absent", {"type": "string", "format": "date"}
)
TO = query("to", "The last day, UTC; today if absent", {"type": "string", "format": "date"})
BY = query("by", "What to add up by", {"type": "string", "enum": ["day"], "default": "day"})
NUMBERS_BODY = {"content": {"application/json": {"schema": NumbersAsk}}}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Your name for this request. Sent again within 24 hours, it returns the first answer and "
    "takes nothing. After a 5xx or no answer, repeat the call with the same key.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}


def refusal(description: str, code: str, message: str, **more: Any) -> dict[str, Any]:
    error = {"code": code, "message": message, **more}
    return {
        "description": description,
        "schema": Error,
        "example": {"status": "FAILURE", "error": error},
    }


#: What every call may be answered with; those that spend, with more.
REFUSALS = {
    401: refusal(
        "No key, or one that opens nothing",
        "unauthenticated",
        "Send a key of yours as Authorization: Bearer rn_...",
    ),
    429: refusal(
        "Too many calls in this minute",
        "rate_limited",
        "6000 calls a minute are the most. Try again in 12 s.",
        retry_after=12,
    ),
}
REFUSED_PARAMETER = {
    422: refusal(
        "A parameter is out of bounds",
        "invalid_parameter",
        "min must not be larger than max.",
        param="min",
    )
}
REFUSED_SPENDING = {
    400: refusal(
        "The body or the Idempotency-Key can't be read",
        "malformed",
        'Send a JSON object, such as {"count": 5, "min": 1, "max": 6}.',
    ),
    402: refusal(
        "Too few credits, or a limit of the key's spending is reached",
        "insufficient_credits",
        "Credits needed: 5. Credits left: 2. Buy more at buy_url.",
        balance=2,
        needed=5,
        buy_url="https://rando.example/buy-credits",
    ),
    409: refusal(
        "The Idempotency-Key stands for another request",
        "idempotency_conflict",
        "This Idempotency-Key has been used for another request.",
    ),
    503: refusal(
        "Busy: repeat with the same Idempotency-Key",
        "unavailable",
        "Try again with the same Idempotency-Key.",
        retry_after=1,
    ),
}

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])


def make_blueprint() -> Blueprint:
    blueprint: Blueprint = Documented(
        "api", "rando_number.api", url_prefix="/api/v1", description="Numbers, and what they cost"
    )
    return blueprint


def answers(
    blueprint: Blueprint, shape: type[Schema], parameters: Sequence[Mapping[str, Any]] = (), **more: Any
) -> Callable[[View], View]:
    """Say in the document what a call answers and takes. The call itself is not touched."""
    calls: Any = blueprint
    refusals = {**REFUSALS, **(REFUSED_PARAMETER if parameters or more else {})}
    if IDEMPOTENCY_KEY in parameters:
        refusals |= REFUSED_SPENDING

    def describe(view: View) -> View:
        described: View = calls.response(200, shape)(calls.doc(parameters=list(parameters), **more)(view))
        for status, answer in refusals.items():
            described = calls.alt_response(status, **answer)(described)
        return described

    return describe


def init_app(app: Flask, blueprint: Blueprint) -> None:
    app.config.from_mapping(SETTINGS)
    DocumentedApi(app).register_blueprint(blueprint)
