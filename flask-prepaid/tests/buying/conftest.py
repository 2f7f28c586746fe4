from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import URL

from flask_prepaid.testing import Databases

from .beginnings import like_others
from .shop import OPENED, Shop, ShopWith


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    """A test that opens a shop by hand need not let go of it."""
    before = len(OPENED)
    yield
    while len(OPENED) > before:
        OPENED.pop().let_go()


@pytest.fixture
def shop_with(databases: Databases, kind: str) -> Iterator[ShopWith]:
    """Opens a shop where nothing is sold yet. Whatever happens in it, its books add up at the end."""
    opened: list[tuple[URL, Shop]] = []

    def open_one(**settings: Any) -> Shop:
        database = databases.fresh(kind)
        opened.append((database, Shop(database, **settings)))
        return opened[-1][1]

    yield open_one
    for database, shop in opened:
        shop.close()
        databases.drop(database)


@pytest.fixture
def shop(shop_with: ShopWith, request: pytest.FixtureRequest) -> Shop:
    return like_others(shop_with(), request)


@pytest.fixture
def deaf_shop(shop_with: ShopWith, request: pytest.FixtureRequest) -> Shop:
    """A shop that no event ever reaches."""
    return like_others(shop_with(webhooks=False), request)


@pytest.fixture
def rotating_shop(shop_with: ShopWith) -> Shop:
    """A shop whose webhook secret is being replaced."""
    return shop_with(PREPAID_STRIPE_WEBHOOK_SECRET="whsec_new, whsec_old")
