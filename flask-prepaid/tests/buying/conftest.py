from collections.abc import Iterator
from pathlib import Path

import pytest

from .shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop with nothing sold yet. Whatever happens in it, its books add up at the end."""
    shop = Shop(tmp_path)
    yield shop
    assert shop.audit() == []


@pytest.fixture
def deaf_shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop that no event ever reaches."""
    shop = Shop(tmp_path, webhooks=False)
    yield shop
    assert shop.audit() == []


@pytest.fixture
def rotating_shop(tmp_path: Path) -> Shop:
    """A shop whose webhook secret is being replaced."""
    return Shop(tmp_path, PREPAID_STRIPE_WEBHOOK_SECRET="whsec_new, whsec_old")
