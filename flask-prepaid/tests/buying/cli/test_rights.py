"""The app's user of PostgreSQL lacks a right: each door names the user and the cure, not a piece of SQL."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from secrets import token_hex

import pytest
from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from flask_prepaid.testing import Databases

from ..shop import Shop

GRANTS = "As the owner of the tables, type the five GRANT and ALTER lines of docs/how-to/postgresql.md."


class AppsUser:
    """A role that owns nothing, and what it may do in one database."""

    def __init__(self, owners: URL) -> None:
        self.name = f"shop_app_{token_hex(4)}"
        self.engine = create_engine(owners, poolclass=NullPool)
        self.url = owners.set(username=self.name, password="secret")
        self.run(f"CREATE ROLE {self.name} LOGIN PASSWORD 'secret'")

    def run(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def may_all(self) -> None:
        self.run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {self.name}")
        self.run(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {self.name}")

    def leave(self) -> None:
        self.run(f"DROP OWNED BY {self.name}")
        self.run(f"DROP ROLE {self.name}")


@pytest.fixture
def tables(databases: Databases) -> URL:
    return databases.fresh("postgresql")


@pytest.fixture
def user(tables: URL) -> Iterator[AppsUser]:
    user = AppsUser(tables)
    yield user
    user.leave()


@pytest.mark.parametrize("command", ["audit", "doctor", "upgrade", "reconcile"])
def test_a_command_names_the_user_and_the_cure(user: AppsUser, command: str) -> None:
    shop = Shop(user.url)

    result = shop.command(command)

    refused = f"The database refuses the user {user.name}: permission denied for table prepaid_"
    assert result.exit_code == 1
    assert refused in result.output
    assert GRANTS in result.output
    assert "SELECT" not in result.output, "no SQL for who types a command"
    shop.let_go()


def test_with_one_table_forgotten_that_one_is_named(user: AppsUser) -> None:
    user.may_all()
    user.run(f"REVOKE ALL ON prepaid_wallet FROM {user.name}")
    shop = Shop(user.url)

    assert "permission denied for table prepaid_wallet" in shop.command("audit").output
    user.run(f"GRANT SELECT ON prepaid_wallet TO {user.name}")
    assert shop.command("audit").exit_code == 0
    shop.let_go()


def test_upgrade_is_for_the_owner(databases: Databases) -> None:
    user = AppsUser(databases.empty("postgresql"))
    user.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    shop = Shop(user.url)

    result = shop.command("upgrade")

    assert (result.exit_code, "the user who owns the tables" in result.output) == (1, True)
    assert "Run: flask prepaid upgrade" not in result.output
    shop.let_go()
    user.leave()


def test_a_page_says_it_to_the_log_and_503_to_the_customer(
    user: AppsUser, caplog: pytest.LogCaptureFixture
) -> None:
    shop = Shop(user.url)

    with caplog.at_level(logging.ERROR):
        page = shop.browser("user:1").get("/prepaid/buy")

    assert (page.status_code, "This shop is being set up. Try again soon." in page.text) == (503, True)
    assert f"refuses the user {user.name}: permission denied" in caplog.text
    shop.let_go()
