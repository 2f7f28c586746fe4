from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from flask_prepaid.testing import Databases

from .plan_shop import PlanShop


@pytest.fixture
def shop(databases: Databases) -> Iterator[PlanShop]:
    """A shop that sells plans. Whatever happens in it, its books add up at the end and agree with Stripe."""
    shop = PlanShop(databases.fresh("sqlite"))
    yield shop
    assert shop.drift() == []
    shop.close()


@pytest.fixture
def deaf_shop(databases: Databases) -> Iterator[PlanShop]:
    """A shop that no event ever reaches."""
    shop = PlanShop(databases.fresh("sqlite"), webhooks=False)
    yield shop
    shop.close()


@pytest.fixture
def both_shops(database: URL) -> Iterator[PlanShop]:
    """A shop on SQLite, and then one on PostgreSQL."""
    shop = PlanShop(database)
    yield shop
    assert shop.drift() == []
    shop.close()
