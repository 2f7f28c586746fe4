"""Writes the table of the extension's settings into the reference, from the one table that the code has.

``python -m tools.tables`` does it; ``journeys/test_reference.py`` holds that it was done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask_prepaid.config import Config, names

from .marked import write_between

PAGE = Path(__file__).parent.parent / "docs/reference/settings.md"
BEGIN = "<!-- written by tools/settings_table.py -->"
END = "<!-- end of what is written -->"


def row(name: str) -> Field[Any]:
    """What the code has of a setting, by its name without ``PREPAID_``."""
    return next(each for each in fields(Config) if each.name == names()[name])


def table() -> str:
    """The table in Markdown."""
    return "\n".join(("| name | default | takes | means |", "|---|---|---|---|", *_rows()))


def _rows() -> Iterator[str]:
    for name in names():
        setting = row(name).metadata
        yield f"| `PREPAID_{name}` | {_default(row(name))} | {setting['kind'].takes} | {setting['means']} |"


def _default(setting: Field[Any]) -> str:
    if shown := setting.metadata["shown"]:
        return str(shown)
    assert setting.default is not MISSING, f"{setting.name} has a default, or words for it"
    return f"`{_written(setting.default)}`"


def _written(value: object) -> str:
    """A value as one writes it in Python."""
    if not isinstance(value, timedelta):
        return repr(value)
    seconds = int(value.total_seconds())
    return f"timedelta(hours={seconds // 3600})" if seconds % 3600 == 0 else f"timedelta(seconds={seconds})"


def write() -> None:
    write_between(PAGE, BEGIN, END, f"{table()}\n")
