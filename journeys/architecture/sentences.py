"""What a failed test says."""

from __future__ import annotations

from collections.abc import Iterable


def cure(what: str, places: Iterable[object]) -> str:
    """What to do, and where, one place a line."""
    return "\n".join([f"{what}:", *map(str, places)])
