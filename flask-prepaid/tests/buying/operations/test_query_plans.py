"""What runs every minute, and what somebody opens, reads no table of many rows from one end to the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from flask_prepaid import Operators
from flask_prepaid.testing import Databases
from flask_prepaid.web.operator.roles import Operator, Role

from ..subscriptions.plan_shop import PlanShop

#: Those that have a row for each customer or purchase.
MANY_ROWS = [
    "card",
    "customer",
    "dispute",
    "entry",
    "fraud_warning",
    "invoice",
    "payment",
    "refund",
    "subscription",
]

#: How PostgreSQL and SQLite call it. An index of some rows is no whole table.
READS_WHOLE = re.compile(
    r"Seq Scan on prepaid_(\w+)|SCAN prepaid_(\w+)$|SCAN prepaid_(\w+) USING (?:COVERING )?INDEX sqlite_auto"
)


@pytest.fixture
def shop(databases: Databases, kind: str) -> Iterator[PlanShop]:
    operators = Operators(current=lambda: Operator("finance", Role.FINANCE))
    shop = PlanShop(
        databases.fresh(kind), operators=operators, PREPAID_INVOICES=True, PREPAID_REFUND_FRAUD_WARNINGS=True
    )
    shop.subscribe()
    yield shop
    shop.close()


def plans_of(connection: Connection, sent: dict[str, Any]) -> Iterator[str]:
    """How the database would read each statement, PostgreSQL without its liking for small tables."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET enable_seqscan = off"))
    words = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    for statement, values in sent.items():
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            for row in connection.exec_driver_sql(f"{words} {statement}", values):
                yield str(row[-1])


def read_whole(shop: PlanShop, work: Callable[[], object]) -> set[str]:
    """The tables of many rows that are read from one end to the other in it."""
    sent: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        sent[statement] = values

    engine = shop.read(lambda: shop.db.engine)
    event.listen(engine, "before_cursor_execute", note)
    work()
    event.remove(engine, "before_cursor_execute", note)
    with engine.connect() as connection:
        plans = list(plans_of(connection, sent))
    assert plans
    whole = {name for plan in plans for names in READS_WHOLE.findall(plan) for name in names}
    return whole & set(MANY_ROWS)


@pytest.mark.each_database
def test_the_tick_reads_no_table_of_many_rows_from_one_end_to_the_other(shop: PlanShop) -> None:
    assert read_whole(shop, shop.tick) == set()


@pytest.mark.each_database
def test_nor_do_a_customers_pages_and_an_operators_page_of_a_payment(shop: PlanShop) -> None:
    pages = ["/prepaid/plan", "/prepaid/billing", "/prepaid/cards", "/prepaid/admin/customers/user:1"]

    def open_them() -> None:
        for page in (*pages, f"/prepaid/admin/payments/{shop.payments()[-1].id}"):
            assert shop.browser().get(page).status_code == 200

    assert read_whole(shop, open_them) == set()
