"""A shop's client of the emulator, and a visitor of the emulator's pages without JavaScript."""

from __future__ import annotations

from typing import Any

import pytest
from stripe import StripeClient
from werkzeug.test import Client

from stripe_emulator import Emulator


@pytest.fixture
def stripe(stripe_emulator: Emulator) -> Any:
    return StripeClient("sk_test_emulator", http_client=stripe_emulator.http_client()).v1


@pytest.fixture
def visitor(stripe_emulator: Emulator) -> Client:
    return stripe_emulator.browser()
