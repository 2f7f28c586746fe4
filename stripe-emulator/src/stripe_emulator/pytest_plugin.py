"""The ``stripe_emulator`` fixture: a fresh account in memory for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stripe_emulator import Emulator


@pytest.fixture
def stripe_emulator() -> Iterator[Emulator]:
    """An ``Emulator`` of this test's own; see its docstring for what it can do."""
    from stripe_emulator import Emulator  # not before a test asks: the SDK takes a while to import

    emulator = Emulator()
    yield emulator
    emulator.close()
