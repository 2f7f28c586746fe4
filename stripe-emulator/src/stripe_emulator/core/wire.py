"""Stripe's wire: forms in, JSON out.

A form is flat on the wire and nested here: ``items[0][price]=price_1&expand[]=customer`` is
``{"items": {"0": {"price": "price_1"}}, "expand": {"0": "customer"}}`` until ``contract.read``
gives it its types, hashes and lists.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json

Form = dict[str, Any]

#: More than any real request has; beyond, a form is an attack and not a request.
MAX_FIELDS, MAX_DEPTH, MAX_BYTES = 4000, 10, 1_000_000
#: The most bytes of a request that uploads a file.
MAX_UPLOAD = 17 * 1024 * 1024

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)", re.DOTALL)
#: Nothing here holds itself, so that it need not look out for that.
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)

try:
    _orjson: Any = import_module("orjson")
except ImportError:  # its wheels are not for every Python; JSON is a sixth of our share without it
    _orjson = None


def decode(*encoded: bytes | str) -> Form:
    """The nested form of a query string and a body.

    :raises InvalidRequest: Not a form, too large, or one name used for two shapes.
    """
    form: Form = {}
    for part in encoded:
        text = part.decode("utf-8", "replace") if isinstance(part, bytes) else part
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError:
            raise InvalidRequest(f"Too many parameters; at most {MAX_FIELDS} are read.") from None
        for name, value in pairs:
            _put(form, name, value)
    return form


@dataclass(frozen=True)
class Upload:
    """A file in a form: its name and its content type as they were sent, and its bytes."""

    filename: str
    type: str
    contents: bytes


def decode_multipart(query: str, content_type: str, body: bytes) -> Form:
    """The nested form of a multipart body; each of its files is an ``Upload``.

    :raises InvalidRequest: It can't be read as one.
    """
    from werkzeug.exceptions import HTTPException  # not at the start: few requests upload a file
    from werkzeug.formparser import FormDataParser
    from werkzeug.http import parse_options_header

    form = decode(query)
    mimetype, options = parse_options_header(content_type)
    parser = FormDataParser(_in_memory, max_form_parts=MAX_FIELDS, silent=False)
    try:
        _, fields, uploads = parser.parse(io.BytesIO(body), mimetype, len(body), options)
    except (ValueError, HTTPException):
        raise InvalidRequest("Invalid multipart form: the body does not fit its boundary.") from None
    for name, value in fields.items(multi=True):
        _put(form, name, value)
    for name, upload in uploads.items(multi=True):
        kind = upload.mimetype or "application/octet-stream"
        form[name] = Upload(upload.filename or "", kind, upload.stream.read())
    return form


def decode_json(query: str, body: bytes) -> Form:
    """The nested form of a request to version 2 of the API, whose bodies are JSON.

    :raises InvalidRequest: Neither empty nor a JSON object, or nested too deep.
    """
    form = decode(query)
    try:
        sent = json.loads(body) if body else {}
        if not isinstance(sent, dict):
            raise ValueError
        for name, value in flat(sent):
            _put(form, name, value)
    except (ValueError, RecursionError):
        raise InvalidRequest("The body must be a JSON object.") from None
    return form


def flat(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as the fields of a form; None is the empty field that unsets."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        name = f"{prefix}[{key}]" if prefix else str(key)
        if isinstance(item, dict | list):
            yield from flat(item, name)
        elif item is None:
            yield name, ""
        else:
            yield name, str(item).lower() if isinstance(item, bool) else str(item)


def without_effect(form: Form, *names: str) -> None:
    """These parameters change nothing in a test account of Stripe's either, so they are not refused."""
    for name in names:
        _read_whole(form.get(name))


def _read_whole(value: Any) -> None:
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _read_whole(inner)


def encode(value: Any) -> str:
    """JSON text, compact."""
    if _orjson is not None:
        with suppress(TypeError):  # a number of more than 64 bits, or half of a surrogate pair
            text: str = _orjson.dumps(value, _plain, _orjson.OPT_PASSTHROUGH_SUBCLASS).decode()
            return text
    return _encoder.encode(value)


def parse(text: str) -> Any:
    """The value of JSON text that ``encode`` made."""
    return json.loads(text) if _orjson is None else _orjson.loads(text)


def _plain(value: Any) -> Any:
    """A hash that knows who reads it, as a dict, once all of it is read; such as ``contract.Given``."""
    if isinstance(value, dict):
        return dict(value.items())
    raise TypeError(type(value).__name__)


def public(value: Json) -> Json:
    """An object without the emulator's own keys. Shallow: nested objects are shared."""
    return {key: item for key, item in value.items() if key[0] != "_"}


def _in_memory(
    total_content_length: int | None,
    content_type: str | None,
    filename: str | None,
    content_length: int | None = None,
) -> io.BytesIO:
    """Where a part of a multipart form is kept: it is short, and read at once."""
    return io.BytesIO()


def _put(form: Form, name: str, value: str) -> None:
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidRequest(
            f"Invalid parameter name: {name[:80]}", code="parameter_unknown", param=name[:80]
        )
    if match[2] == "" and match[1] not in form:
        form[match[1]] = value
        return
    path = [match[1], *match[2][1:-1].split("][")] if match[2] else [match[1]]
    if len(path) > MAX_DEPTH:
        raise InvalidRequest(f"Parameter nested too deep: {name[:80]}", param=name[:80])
    place: Any = form
    for here in path[:-1]:
        place = place.setdefault(_key(place, here), {})
        if not isinstance(place, dict):
            raise _two_shapes(name)
    key = _key(place, path[-1])
    if isinstance(place.get(key), dict):
        raise _two_shapes(name)
    place[key] = value


def _key(place: Form, part: str) -> str:
    """``a[]`` means the next free index."""
    return part if part != "" else str(len(place))


def _two_shapes(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid parameter: {name[:80]} is used as a value and as a hash.", param=name[:80]
    )
