from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from .plan_shop import PlanShop


@pytest.fixture
def shop(database: URL) -> Iterator[PlanShop]:
    """A shop that sells plans. Whatever happens in it, its books add up at the end and agree with Stripe."""
    shop = PlanShop(database)
    yield shop
    assert shop.drift() == []
    shop.close()


@pytest.fixture
def deaf_shop(database: URL) -> Iterator[PlanShop]:
    """A shop that no event ever reaches."""
    shop = PlanShop(database, webhooks=False)
    yield shop
    shop.close()
