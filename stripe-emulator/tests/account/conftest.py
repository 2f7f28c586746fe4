"""A shop with an endpoint, on an emulator of its own."""

from __future__ import annotations

import pytest

from stripe_emulator import Emulator

from .shop import Shop


@pytest.fixture
def shop(stripe_emulator: Emulator) -> Shop:
    """The SDK and a webhook endpoint, both in this process."""
    return Shop(stripe_emulator)
