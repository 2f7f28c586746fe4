"""The app works on PostgreSQL as a user that owns no table, by the grants that the how-to page has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from flask_prepaid.testing import Databases

from ..shop import Shop

PAGE = Path(__file__).parents[4] / "docs/how-to/postgresql.md"


@pytest.fixture
def limited(databases: Databases) -> Iterator[URL]:
    """A database with its tables, as a user who has been granted what the page says."""
    owner = databases.fresh("postgresql")
    engine = create_engine(owner, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    (grants,) = re.findall(r"```sql\n(GRANT .*?)```", PAGE.read_text(), re.DOTALL)
    with engine.connect() as connection:
        connection.execute(text("CREATE ROLE shop_app LOGIN PASSWORD 'shop'"))
        for grant in grants.strip().split(";\n"):
            connection.execute(text(grant.rstrip(";")))
    yield owner.set(username="shop_app", password="shop")
    with engine.connect() as connection:
        connection.execute(text("DROP OWNED BY shop_app"))
        connection.execute(text("DROP ROLE shop_app"))


def test_a_limited_user_sells_spends_refunds_and_audits(limited: URL) -> None:
    shop = Shop(limited)

    shop.pay(shop.buy())
    shop.keep_card()
    with shop.app.app_context():
        shop.prepaid.spend_now("user:1", credits=3, key="report:1")
        shop.prepaid.hold("user:1", 5, key="job:1").release()
        shop.prepaid.refund(1, credits=10, reason="too many")
    shop.tick()
    assert shop.balance() == 87

    with shop.app.app_context(), pytest.raises(ProgrammingError, match="must be owner"):
        shop.prepaid.session.execute(text("DROP TABLE prepaid_attempt"))
    shop.close()
