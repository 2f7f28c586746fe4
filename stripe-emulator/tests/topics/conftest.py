"""The shop, which each test of a topic has to itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stripe_emulator import Emulator

from .shop import Shop


@pytest.fixture
def shop(stripe_emulator: Emulator) -> Shop:
    """A shop with a webhook endpoint in this process."""
    return Shop(stripe_emulator)


@pytest.fixture
def dated_shop() -> Iterator[Shop]:
    """A shop without an endpoint, at noon of 31 January 2026."""
    shop = Shop.at("2026-01-31T12:00:00")
    yield shop
    shop.emulator.close()
