from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop that nobody has visited yet. Whatever happens in it, its books add up at the end."""
    shop = Shop(tmp_path)
    yield shop
    assert shop.audit() == []


@pytest.fixture
def guarded_shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop with its limits on, as it is in the world."""
    shop = Shop(tmp_path, RATELIMIT_ENABLED="1")
    yield shop
    assert shop.audit() == []
