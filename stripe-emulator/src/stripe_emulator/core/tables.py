"""Tables that a start fills, each name once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def fill(table: dict[K, V], entries: Mapping[K, V]) -> None:
    """Put entries into a table. Two files that name the same thing are a mistake of ours."""
    twice = table.keys() & entries.keys()
    assert not twice, f"{twice} stands in the table already"
    table.update(entries)
