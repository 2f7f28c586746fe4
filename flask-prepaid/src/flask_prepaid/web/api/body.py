"""A body of JSON becomes the fields of a form, so that a call and a form are one request from there on.

Each value is checked against the dataclass that the call asks for, and kept as a browser would have sent it.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any, Literal, get_args, get_origin

from flask import request

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
    for name, field in fields.items():
        if field.default is dataclasses.MISSING and sent.get(name) is None:
            raise UnknownItem(f"Send {name}, too.", field=name)
    forms.take(
        {
            name: as_typed(name, value, hints_of(shape)[name])
            for name, value in sent.items()
            if value is not None and value is not False
        }
    )


def read() -> dict[str, Any]:
    """The object that was sent; an empty body is an empty object.

    :raises BadBody: It is none, or is too long.
    """
    if (request.content_length or 0) > MAX_BYTES:
        raise BadBody(f"Send {MAX_BYTES // 1024} KB at most.")
    body = request.get_data()
    if len(body) < (request.content_length or 0):  # the line was cut: this is not what was shape for
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


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON.

    :raises BadBody: A name is in it twice: nobody can tell which counts.
    """
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise BadBody("A name stands twice in the JSON. Send each once.")
    return fields


def as_typed(name: str, value: Any, hint: Any) -> str:
    """A value as a browser sends it.

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
    return "1" if value is True else str(value)


def is_text(value: str) -> bool:
    """Whether a table can hold it: half of a surrogate pair and NUL can be written in JSON, and are none."""
    return len(value) <= MAX_TEXT and "\0" not in value and value.encode(errors="ignore").decode() == value
