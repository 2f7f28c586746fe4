from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from ..beginnings import like_others
from .plan_shop import PlanShop


@pytest.fixture
def shop(database: URL, request: pytest.FixtureRequest) -> Iterator[PlanShop]:
    """A shop that sells plans. Whatever happens in it, its books add up at the end and agree with Stripe."""
    shop = like_others(PlanShop(database), request)
    yield shop
    assert shop.drift() == []
    shop.close()


@pytest.fixture
def deaf_shop(database: URL, request: pytest.FixtureRequest) -> Iterator[PlanShop]:
    """A shop that no event ever reaches."""
    shop = like_others(PlanShop(database, webhooks=False), request)
    yield shop
    shop.close()
