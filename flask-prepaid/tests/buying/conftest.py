from collections.abc import Iterator

import pytest
from sqlalchemy import URL

from flask_prepaid.testing import Databases

from .shop import Shop


@pytest.fixture
def kind() -> str:
    """SQLite, but where a module is marked ``on_both_databases``."""
    return "sqlite"


@pytest.fixture
def shop(databases: Databases, kind: str) -> Iterator[Shop]:
    """A shop with nothing sold yet. Whatever happens in it, its books add up at the end."""
    shop = Shop(databases.fresh(kind))
    yield shop
    shop.close()


@pytest.fixture
def deaf_shop(databases: Databases, kind: str) -> Iterator[Shop]:
    """A shop that no event ever reaches."""
    shop = Shop(databases.fresh(kind), webhooks=False)
    yield shop
    shop.close()


@pytest.fixture
def both_shops(database: URL) -> Iterator[Shop]:
    """A shop on SQLite, and then one on PostgreSQL."""
    shop = Shop(database)
    yield shop
    shop.close()


@pytest.fixture
def rotating_shop(databases: Databases) -> Iterator[Shop]:
    """A shop whose webhook secret is being replaced."""
    shop = Shop(databases.fresh("sqlite"), PREPAID_STRIPE_WEBHOOK_SECRET="whsec_new, whsec_old")
    yield shop
    shop.close()
