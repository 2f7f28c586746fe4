"""Writes the JSON API of the extension into the reference: a table of its calls, and its OpenAPI document.

``python -m tools.tables`` does it; ``journeys/test_reference.py`` holds that it was done.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from flask_prepaid.config import DEFAULT_PATHS
from flask_prepaid.web.api import document
from flask_prepaid.web.api.calls import Call
from flask_prepaid.web.api.routes import CALLS, OF_KEYS

from .marked import write_between

FOLDER = Path(__file__).parent.parent / "docs/reference"
PAGE = FOLDER / "http.md"
DOCUMENT = FOLDER / "openapi.json"
BEGIN = "<!-- written by tools/api_table.py -->"
END = "<!-- end of what is written -->"

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
    body = _names(call.asks) if not call.is_safe else ""
    words = [body, *(f"`?{query.name}=`" for query in call.query)]
    return ", ".join(word for word in words if word)


def _names(shape: type) -> str:
    return ", ".join(f"`{field.name}`" for field in dataclasses.fields(shape))


def openapi() -> str:
    """The document, as it is kept."""
    return json.dumps(document.of(EVERY, DEFAULT_PATHS["api"]), indent=1) + "\n"


def write() -> None:
    write_between(PAGE, BEGIN, END, table())
    DOCUMENT.write_text(openapi())
