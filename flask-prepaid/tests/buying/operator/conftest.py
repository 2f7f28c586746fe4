from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from flask_prepaid.testing import Databases

from ..shop import Shop


@pytest.fixture
def shop(databases: Databases) -> Iterator[Shop]:
    """A shop with nothing sold yet. Whatever happens in it, its books add up at the end."""
    shop = Shop(databases.fresh("sqlite"))
    yield shop
    shop.close()


@pytest.fixture
def far_shop(databases: Databases) -> Iterator[Shop]:
    """A shop whose days begin half a day before those of UTC, and an hour sooner in summer."""
    shop = Shop(databases.fresh("sqlite"), PREPAID_TIME_ZONE="Pacific/Auckland")
    yield shop
    shop.close()


@pytest.fixture
def both_shops(database: URL) -> Iterator[Shop]:
    """A shop on SQLite, and then one on PostgreSQL."""
    shop = Shop(database)
    yield shop
    shop.close()
