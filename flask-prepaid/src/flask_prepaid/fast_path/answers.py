"""Answers as bytes: JSON as Flask writes it, and headers as ASGI has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from flask import Flask


class Answer(NamedTuple):
    """The answer to a call that was sold."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


def writer_like(app: Flask) -> Callable[[Mapping[str, Any]], bytes]:
    """Writes what Flask's ``jsonify`` does."""
    options = {
        name: getattr(app.json, name)
        for name in ("sort_keys", "ensure_ascii", "default")
        if hasattr(app.json, name)
    }
    encoder = json.JSONEncoder(separators=(",", ":"), **options)
    parts = _parts_writer(encoder)
    return lambda fields: "".join(parts(fields, 0)).encode() + b"\n"


def _parts_writer(encoder: json.JSONEncoder) -> Callable[[Any, int], Any]:
    """What ``encoder.iterencode`` makes anew for each text in C, made once: half the time of a short one."""
    in_c = getattr(json.encoder, "c_make_encoder", None)
    if in_c is None:  # a Python without it, such as PyPy
        return lambda fields, _: encoder.iterencode(fields)
    as_text = json.encoder.encode_basestring_ascii if encoder.ensure_ascii else json.encoder.encode_basestring
    names = encoder.key_separator, encoder.item_separator
    how = encoder.sort_keys, encoder.skipkeys, encoder.allow_nan
    writer: Callable[[Any, int], Any] = in_c(None, encoder.default, as_text, None, *names, *how)
    return writer


def as_bytes(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(_name(name), value.encode()) for name, value in headers.items()]


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    return name.lower().encode()
