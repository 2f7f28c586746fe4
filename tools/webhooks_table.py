"""Writes what customers' webhooks are sent into the reference: each type, when it is sent, and its data.

``python -m tools.tables`` does it; ``journeys/test_reference.py`` holds that it was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flask_prepaid import WEBHOOK_EVENTS

from .marked import write_between

PAGE = Path(__file__).parent.parent / "docs/reference/http.md"
BEGIN = "<!-- written by tools/webhooks_table.py -->"
END = "<!-- end of the types -->"


def table() -> str:
    """The table in Markdown."""
    return "\n".join(("| type | says | its data |", "|---|---|---|", *_rows()))


def _rows() -> Iterator[str]:
    for event in WEBHOOK_EVENTS:
        names = ", ".join(f"`{name}`" for name in event.data)
        yield f"| `{event.type}` | {event.means} | {names} |"


def write() -> None:
    write_between(PAGE, BEGIN, END, table())
