"""The type of a clock, and the machine's own. A ledger keeps times in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

#: Gives the time now, aware and in UTC. Tests pass the emulator's.
Clock = Callable[[], datetime]


def wall() -> datetime:
    """The machine's own time, in UTC."""
    return datetime.now(UTC)
