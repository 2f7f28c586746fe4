"""The type of a clock, the machine's own, and what a time has to be. A ledger keeps times in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

#: Gives the time now, aware and in UTC. Tests pass the emulator's.
Clock = Callable[[], datetime]


def check_time(field: str, time: datetime | None, *, optional: bool = False) -> None:
    """:raises ValueError: It is no time, or has no zone; the message names the field."""
    if time is None and optional:
        return
    if not isinstance(time, datetime) or time.utcoffset() is None:
        raise ValueError(f"{field} is a time with its zone, such as datetime.now(UTC), not {time!r}")


def wall() -> datetime:
    """The machine's own time, in UTC."""
    return datetime.now(UTC)
