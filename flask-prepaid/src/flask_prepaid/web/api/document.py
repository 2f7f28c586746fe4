"""The API's document, OpenAPI 3.1, made of the table of calls: its shapes are the dataclasses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from .. import csrf, page
from ..programs import API
from .calls import Call
from .schema import of_dataclass


@dataclass(frozen=True)
class ErrorDetail:
    """What went wrong. Some codes say more: param, retry_after, balance, needed, buy_url, request_id."""

    code: Annotated[str, "For programs, such as unknown_item"]
    message: Annotated[str, "For people"]
    param: Annotated[str | None, "The field at fault"] = None
    retry_after: Annotated[int | None, "Seconds to wait"] = None
    request_id: Annotated[str | None, "Stripe's name for the request that it refused"] = None


@dataclass(frozen=True)
class Error:
    """A call that was refused. Nothing was paid by it, unless its code is gateway_unavailable."""

    status: Literal["FAILURE"]
    error: ErrorDetail


@dataclass(frozen=True)
class Success:
    """The call has done what it says."""

    status: Literal["SUCCESS"]


class Shapes:
    """The dataclasses that a document refers to, each once."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}

    def refer(self, shape: type, *, strict: bool = False) -> dict[str, Any]:
        name = shape.__name__
        if name not in self.schemas:
            self.schemas[name] = {}  # its place, while it refers to itself
            self.schemas[name] = of_dataclass(shape, self.refer, strict=strict)
        return {"$ref": f"#/components/schemas/{name}"}

    def answer(self, shape: type) -> dict[str, Any]:
        """An answer is its dataclass, with the word that says that all is well."""
        return {"allOf": [self.refer(Success), self.refer(shape)]}


#: By which errors a call answers, beside those of its own.
REFUSALS = {
    "401": "Nobody is signed in, or an API key asks",
    "403": "Who is signed in does not pay for their team",
    "default": "An error: 400 malformed or form_expired, 402, 404, 409, 422 with param, 429 with "
    "Retry-After, 502 and 503 of Stripe. The reference of errors has all codes",
}

KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Your name for this request. Sent again, it finds what was done the first time.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}


def of(calls: Iterable[Call], path: str) -> dict[str, Any]:
    """The document.

    :param path: Where the API is, below the server's root.
    """
    shapes = Shapes()
    paths: dict[str, Any] = {}
    for call in calls:
        address = re.sub(r"<(\w+)>", r"{\1}", call.path)
        paths.setdefault(address, {})[call.method.lower()] = operation(call, shapes)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Flask-Prepaid",
            "version": "1",
            "description": "Buy credits, and see where they went, as the signed-in customer of this site. "
            "Amounts are whole numbers in the smallest unit of their currency. Numbers of credits are whole, "
            'too; on a site whose credits have decimals they are texts, such as "0.125".',
        },
        "servers": [{"url": path}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(shapes.schemas.items())),
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "session",
                    "description": "The cookie by which this site knows its customer",
                },
                "csrf": {
                    "type": "apiKey",
                    "in": "header",
                    "name": csrf.HEADER,
                    "description": "csrf_token of GET /session",
                },
            },
        },
    }


def operation(call: Call, shapes: Shapes) -> dict[str, Any]:
    summary, _, rest = " ".join((call.view.__doc__ or "").split()).partition(". ")
    described: dict[str, Any] = {"operationId": call.name, "summary": summary.removesuffix(".")}
    if rest:
        described["description"] = rest
    described["security"] = [{"session": []} if call.is_safe else {"session": [], "csrf": []}]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"<(\w+)>", call.path)
    ]
    parameters += [
        {
            "name": query.name,
            "in": "query",
            "required": query.required,
            "description": query.means,
            "schema": query.schema,
        }
        for query in call.query
    ]
    if call.keyed:
        parameters.append({**KEY, "required": call.needs_key})
    if parameters:
        described["parameters"] = parameters
    if not call.is_safe:
        described["requestBody"] = json_of(shapes.refer(call.asks, strict=True), required=False)
    answers = {"200": json_of(shapes.answer(call.answers), description=call.answers.__doc__)}
    for status, description in REFUSALS.items():
        if status != "403" or f"prepaid.{API}{call.name}" != page.OF_MEMBERS:
            answers[status] = json_of(shapes.refer(Error), description=description)
    return described | {"responses": answers}


def json_of(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**more, "content": {"application/json": {"schema": schema}}}
