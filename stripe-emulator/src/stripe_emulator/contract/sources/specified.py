"""What Stripe's specification says beyond the SDK: what expands, how long a text may be, and all its routes.

``tools/reduce_openapi.py`` makes ``specified.json`` of what Stripe publishes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from stripe_emulator.contract.sources.routes import Route, fits
from stripe_emulator.core.errors import InvalidRequest

#: How much of either end of a text an error shows.
SHOWN = 10


def expandable(schema: str) -> dict[str, str] | None:
    """The fields of a schema that can be expanded, or None for an object that the specification lacks.

    Each has the name of the schema of the hash in it; "" where an object is meant, which says its own name.
    """
    fields: dict[str, str] | None = _table()["expandable"].get(schema)
    return fields


def path_answering(verb: str, path: str) -> str | None:
    """The path of Stripe's first API that answers a request, though the SDK may have no method for it."""
    for template, verbs in _table()["routes"].items():
        if verb in verbs and fits(template, path):
            return str(template)
    return None


def check_lengths(route: Route, values: dict[str, Any]) -> None:
    """:raises InvalidRequest: A text of a typed form is longer than the specification has it."""
    longest = _longest().get(_pattern(str(route)))
    if longest:
        for name, place, text in _texts(values):
            most = longest.get(place)
            if most is not None and len(text) > most:
                raise InvalidRequest(
                    f"Invalid string: {text[:SHOWN]}...{text[-SHOWN:]}; must be at most {most} characters",
                    param=name,
                )


def _texts(values: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each text with its name as it was sent, and its place as the table names it. Nothing counts as read."""
    for name, value in dict.items(values):
        yield from _texts_in(value, name, name)


def _texts_in(value: Any, name: str, place: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        yield name, place, value
    elif isinstance(value, dict):
        for key, item in dict.items(value):
            yield from _texts_in(item, f"{name}[{key}]", f"{place}[{key}]")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts_in(item, f"{name}[{index}]", f"{place}[]")


@cache
def _longest() -> dict[str, dict[str, int]]:
    return {_pattern(route): texts for route, texts in _table()["longest"].items()}


@cache
def _pattern(route: str) -> str:
    """A route without the names of the ids in it, which the SDK and the specification choose differently."""
    return re.sub(r"\{\w+\}", "{}", route)


@cache
def _table() -> dict[str, Any]:
    file = Path(__file__).with_name("specified.json")
    table: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return table
