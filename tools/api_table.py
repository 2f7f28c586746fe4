"""Writes the JSON API of the extension into the reference: a table of its calls, and its OpenAPI document.

``python -m tools.tables`` does it; ``journeys/test_reference.py`` holds that it was done.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask_prepaid.config import DEFAULT_PATHS
from flask_prepaid.web.api import document, schema
from flask_prepaid.web.api.calls import Call
from flask_prepaid.web.api.routes import CALLS, OF_KEYS

from .marked import write_between

FOLDER = Path(__file__).parent.parent / "docs/reference"
PAGE = FOLDER / "http.md"
DOCUMENT = FOLDER / "openapi.json"
BEGIN = "<!-- written by tools/api_table.py -->"
END = "<!-- end of what is written -->"

#: What the types of JSON are called.
WORDS = {"integer": "number", "boolean": "true or false", "string": "text", "null": "null"}

EVERY = [*CALLS, *OF_KEYS]


def table() -> str:
    """The table in Markdown."""
    return "\n".join(("| call | does | takes | answers |", "|---|---|---|---|", *_rows()))


def _rows() -> Iterator[str]:
    for call in EVERY:
        path = call.path.replace("<", "{").replace(">", "}")
        does = " ".join((call.view.__doc__ or "").split())
        yield f"| `{call.method} {path}` | {does} | {_takes(call)} | {_names(call.answers)} |"


def _takes(call: Call) -> str:
    """The fields of the body and of the query: those that have to be there, then the others."""
    taken: list[tuple[bool, str]] = []
    if not call.is_safe:
        body = schema.of_dataclass(call.asks, lambda shape: {})
        required = body.get("required", ())
        fields = body["properties"].items()
        taken += [(name in required, _field(name, says, name in required)) for name, says in fields]
    taken += [
        (query.required, _field(f"?{query.name}=", query.schema, query.required)) for query in call.query
    ]
    needed = ", ".join(words for is_needed, words in taken if is_needed)
    free = ", ".join(words for is_needed, words in taken if not is_needed)
    return "; ".join(words for words in (needed, f"optional: {free}" if free else "") if words)


def _field(name: str, says: dict[str, Any], is_needed: bool) -> str:
    """A field with its types, or with its words where it takes some only; of a text the name alone.

    One that may be left out may be null as well, which says the same.
    """
    kinds = [kind for kind in says.get("anyOf", [says]) if is_needed or kind.get("type") != "null"]
    if "enum" in kinds[0]:
        return f"`{name}` ({' or '.join(f'`{word}`' for word in kinds[0]['enum'])})"
    words = [WORDS[kind["type"]] for kind in kinds]
    return f"`{name}` ({' or '.join(words)})" if words != ["text"] else f"`{name}`"


def _names(shape: type) -> str:
    return ", ".join(f"`{field.name}`" for field in dataclasses.fields(shape))


def openapi() -> str:
    """The document, as it is kept."""
    return json.dumps(document.of(EVERY, DEFAULT_PATHS["api"]), indent=1) + "\n"


def write() -> None:
    write_between(PAGE, BEGIN, END, table())
    DOCUMENT.write_text(openapi())
