"""The app works on PostgreSQL as a user that owns no table, by the grants that the how-to page has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from flask_prepaid.testing import Databases

from ..shop import Shop

PAGE = Path(__file__).parents[4] / "docs/how-to/postgresql.md"


@pytest.fixture
def owner(databases: Databases) -> Iterator[Connection]:
    """A database with its tables, of the user who owns them; another user may only open it."""
    engine = create_engine(databases.fresh("postgresql"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE ROLE shop_app LOGIN PASSWORD 'shop'"))
        yield connection
        connection.execute(text("DROP OWNED BY shop_app"))
        connection.execute(text("DROP ROLE shop_app"))


@pytest.fixture
def limited(owner: Connection) -> URL:
    """The address of that other user."""
    return owner.engine.url.set(username="shop_app", password="shop")


def grant(owner: Connection) -> None:
    """What the page says."""
    (grants,) = re.findall(r"```sql\n(GRANT .*?)```", PAGE.read_text(), re.DOTALL)
    for line in grants.strip().split(";\n"):
        owner.execute(text(line.rstrip(";")))


def test_a_limited_user_sells_spends_refunds_and_audits(owner: Connection, limited: URL) -> None:
    grant(owner)
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


@pytest.mark.parametrize("command", ["audit", "doctor", "show user:1"])
def test_rights_that_nobody_granted_are_named_with_who_gives_them(limited: URL, command: str) -> None:
    shop = Shop(limited)

    refusal = shop.command(*command.split())

    assert refusal.exit_code == 1
    assert "The user shop_app may not work on the tables (permission denied for" in refusal.output
    assert "As the user who owns them, type the GRANT and ALTER lines of" in refusal.output
    assert "SELECT" not in refusal.output
    page = shop.browser().get("/prepaid/billing")
    assert page.status_code == 503
    assert "This shop is being set up" in page.text
    shop.let_go()


def test_only_the_owner_of_the_tables_brings_them_up_to_date(owner: Connection, limited: URL) -> None:
    owner.execute(text("DROP SCHEMA public CASCADE"))
    owner.execute(text("CREATE SCHEMA public"))
    owner.execute(text("GRANT USAGE ON SCHEMA public TO shop_app"))
    shop = Shop(limited)

    refusal = shop.command("upgrade")

    assert refusal.exit_code == 1
    assert "The user shop_app may not change the tables (permission denied for schema public). Run it as" in (
        refusal.output
    )
    shop.let_go()
