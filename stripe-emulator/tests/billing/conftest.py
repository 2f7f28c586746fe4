from collections.abc import Iterator

import pytest

from .shop import Shop


@pytest.fixture
def shop() -> Iterator[Shop]:
    """An account with nothing in it, at noon of 31 January 2026."""
    shop = Shop()
    yield shop
    shop.emulator.close()
