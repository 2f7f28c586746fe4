"""The books move to another kind of database, with all that is in them, and go on there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import URL, create_engine, func, select, text
from sqlalchemy.pool import NullPool

from flask_prepaid.testing import Databases
from prepaid_ledger.database import Base

from ..shop import Shop

OTHER = {"sqlite": "postgresql", "postgresql": "sqlite"}


def shown(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def a_shop_with_history(url: URL) -> Shop:
    """Purchases, a refund, a hold, a spend, a saved card and a gift that ends."""
    shop = Shop(url)
    shop.pay(shop.buy())
    shop.pay(shop.buy("user:2", pack="bonus"))
    shop.keep_card("user:2")
    with shop.app.app_context():
        shop.prepaid.refund(1, credits=10, reason="too many")
        shop.prepaid.hold("user:1", 5, key="job:1")
        shop.prepaid.spend("user:1", credits=3, key="report:1", reason="Grüße")
        shop.db.session.commit()
    return shop


def rows(url: URL) -> dict[str, int]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def rows_that_postgresql_plans_for(url: URL) -> float | None:
    """How many entries PostgreSQL thinks there are, all partitions together; -1 before its first look."""
    if url.get_backend_name() != "postgresql":
        return None
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return float(
            connection.execute(
                text("SELECT reltuples FROM pg_class WHERE relname = 'prepaid_entry'")
            ).scalar_one()
        )


def test_the_books_move_and_sales_go_on(databases: Databases, kind: str) -> None:
    source, target = databases.fresh(kind), databases.empty(OTHER[kind])
    shop = a_shop_with_history(source)
    assert shop.command("reconcile").exit_code == 0  # what the copy asks of Stripe adds no row to its own

    in_partitions = ["--partitions", "4"] if OTHER[kind] == "postgresql" else []
    copied = shop.command("copy", "--to", shown(target), *in_partitions)
    assert copied.exit_code == 0, copied.output
    assert "The audit there finds nothing wrong, and Stripe agrees." in copied.stderr
    assert target.password is None or target.password not in copied.stderr
    assert rows(source) == rows(target)
    assert rows(source)["prepaid_entry"] == 4
    assert rows_that_postgresql_plans_for(target) in (4, None)

    moved = Shop(target, emulator=shop.stripe)
    assert (moved.balance(), moved.balance("user:2")) == (shop.balance(), 120)
    assert moved.read(lambda: moved.prepaid.cards("user:2")[0].last4) == "4242"
    moved.pay(moved.buy())
    assert moved.balance() == shop.balance() + 100
    assert len({payment.id for payment in moved.payments()}) == 2
    moved.close()


def test_a_database_that_is_not_empty_is_left_alone(databases: Databases, kind: str) -> None:
    shop = a_shop_with_history(databases.fresh(kind))
    other = databases.fresh(kind)
    assert shop.command("copy", "--to", shown(other)).exit_code == 0
    before = rows(other)

    again = shop.command("copy", "--to", shown(other))

    assert again.exit_code == 1
    assert "already. Copy to an empty database." in again.stderr
    assert rows(other) == before
    shop.close()


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("shop.sqlite3", "--to names no database"),
        ("postgres://user@localhost/shop", "--to names no database"),
        ("postgresql+psycopg://me:p@ss:secret@host/shop", "names no database: its port is no number"),
        ("postgresql+psycopg2://user@localhost/shop", "The driver psycopg2 is not installed"),
        ("sqlite:////no/such/folder/shop.sqlite3", "unable to open database file"),
        ("sqlite://", "cannot keep money safe"),
        (None, "the database that the app works with"),
    ],
)
def test_a_copy_to_nowhere_says_so(databases: Databases, to: str | None, sentence: str) -> None:
    source = databases.fresh("sqlite")
    shop = Shop(source)

    result = shop.command("copy", "--to", to or shown(source))

    assert result.exit_code == 1
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert "secret" not in result.output


@pytest.mark.each_database
def test_a_copy_onto_itself_is_refused_by_whatever_name(databases: Databases, kind: str) -> None:
    source = databases.fresh(kind)
    shop = Shop(source)
    if kind == "sqlite":
        file = Path(str(source.database))
        by_another_name = source.set(database=str(file.parent / ".." / file.parent.name / file.name))
    else:
        by_another_name = source.update_query_dict({"application_name": "copy"})

    result = shop.command("copy", "--to", shown(by_another_name))

    assert (result.exit_code, "the database that the app works with" in result.stderr) == (1, True)
    shop.close()


def test_nothing_is_copied_from_missing_tables(databases: Databases) -> None:
    shop = Shop(databases.empty("sqlite"))

    result = shop.command("copy", "--to", shown(databases.empty("sqlite")))

    assert (result.exit_code, "Run: flask prepaid upgrade" in result.stderr) == (1, True)


def test_support_sees_one_customer_on_one_screen(database: URL) -> None:
    shop = a_shop_with_history(database)

    text = shop.command("show", "user:1").stdout
    other = json.loads(shop.command("show", "user:2", "--json").stdout)

    assert "user:1 has 87 credits, of which 5 held." in text
    assert "1  " in text
    assert "$5.00, $0.50 refunded  100 credits  partly refunded" in text
    assert "5 for job:1" in text
    assert "Plan: none" in text
    assert (other["wallet"]["balance"], other["cards"][0]["last4"]) == (120, "4242")
    assert other["payments"][0]["state"] == "paid"
    shop.close()


def test_an_owner_whom_nobody_knows_is_named(shop: Shop) -> None:
    result = shop.command("show", "jo")

    assert result.exit_code == 1
    assert "Nobody here is called 'jo'. An owner is what Prepaid(owner=...) gives" in result.stderr
