"""A body of JSON becomes the fields of a form, so that a call and a form are one request from there on.

Each value is checked against the dataclass that the call asks for, and kept as a browser would have sent it.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any, Literal, get_args, get_origin

from flask import request

from prepaid_ledger import is_fit

from ...errors import BadBody, UnknownItem
from .. import forms
from .schema import hints_of

#: The longest body, and the longest text in one, that a call needs.
MAX_BYTES = 64 * 1024
MAX_TEXT = 1_000

#: How a type is called in an error.
CALLED = {str: "a text", int: "a whole number", bool: "true or false"}


def take(shape: type) -> None:
    """Read the body, and let its fields be those of this request.

    :raises BadBody: It is no object of JSON.
    :raises UnknownItem: A field is not known, of another type, or not there.
    """
    sent = read()
    fields = {field.name: field for field in dataclasses.fields(shape)}
    for name in sent:
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise UnknownItem(f"There is no such field. This call takes: {known}.", field=name[:MAX_TEXT])
    hints = hints_of(shape)
    for name, field in fields.items():
        is_there = name in sent and (sent[name] is not None or may_be_null(hints[name]))
        if field.default is dataclasses.MISSING and not is_there:
            raise UnknownItem(f"Send {name}, too.", field=name)
    typed = {name: as_typed(name, value, hints[name]) for name, value in sent.items() if value is not None}
    forms.take({name: text for name, text in typed.items() if text is not None})


def read() -> dict[str, Any]:
    """The object that was sent; an empty body is an empty object.

    :raises BadBody: It is none, or is too long.
    """
    if (request.content_length or 0) > MAX_BYTES:
        raise too_long()
    # A body in chunks has no length: it is read as far as it may be long.
    body = request.get_data() if request.content_length is not None else request.stream.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise too_long()
    if len(body) < (request.content_length or 0):  # the line was cut: this is not what was sent
        raise BadBody("The body ended before its Content-Length. Send it again.")
    if not body:
        return {}
    if not request.is_json:
        raise BadBody("Send the body as JSON, with Content-Type: application/json.")
    try:
        sent = json.loads(body, object_pairs_hook=each_once)
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, dict):
        raise BadBody('Send an object of JSON, such as {"pack": "starter"}.')
    return sent


def too_long() -> BadBody:
    return BadBody(f"Send {MAX_BYTES // 1024} KB at most.")


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON.

    :raises BadBody: A name is in it twice: nobody can tell which counts.
    """
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise BadBody("A name stands twice in the JSON. Send each once.")
    return fields


def may_be_null(hint: Any) -> bool:
    return type(None) in get_args(get_args(hint)[0] if get_origin(hint) is Annotated else hint)


def as_typed(name: str, value: Any, hint: Any) -> str | None:
    """A value as a browser sends it, which sends nothing of a box that is not ticked.

    :raises UnknownItem: It is not of the type that the call asks for.
    """
    if get_origin(hint) is Annotated:
        return as_typed(name, value, get_args(hint)[0])
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise UnknownItem(f"Send one of: {', '.join(get_args(hint))}.", field=name)
        return str(value)
    kinds = [kind for kind in get_args(hint) or (hint,) if kind is not type(None)]
    if type(value) not in kinds:
        words = " or ".join(CALLED[kind] for kind in kinds)
        raise UnknownItem(f"Send {name} as {words}.", field=name)
    if isinstance(value, str) and not is_text(value):
        raise UnknownItem(f"Send {name} as a text of up to {MAX_TEXT:,} characters.", field=name)
    if isinstance(value, bool):
        return "1" if value else None
    return str(value)


def is_text(value: str) -> bool:
    """Whether a table can hold it: half of a surrogate pair and NUL can be written in JSON, and are none."""
    return len(value) <= MAX_TEXT and is_fit(value)
