"""How databases look rows up. PostgreSQL makes a plan once, for all wallets, and keeps it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from prepaid_ledger import SpendRequest
from prepaid_ledger.spends.batches.postgresql_batch import SET_UP, statement_of
from prepaid_ledger.testing import Databases

from .archives import a_january, a_year_later, archived
from .books import OWNER, Books

#: As long as keys may be, so that few of them make a high index.
PADDING = "x" * 100

FIND = "SELECT * FROM {table} WHERE slot = $1 AND wallet_id = $2 AND key = $3"


@pytest.mark.parametrize("partitions", [None, 4])
def test_a_key_of_a_busy_wallet_is_looked_up_among_keys(databases: Databases, partitions: int | None) -> None:
    """Not among all rows of the wallet: each spend read what the wallet had ever spent."""
    books = Books(databases.fresh("postgresql", partitions=partitions))
    for _ in books.unjoined.grant_many(
        [f"user:{n}" for n in range(1_000)], 5_000, key="gift", reason="a gift"
    ):
        pass
    books.unjoined.spend_many([SpendRequest(OWNER, 1, f"{n}:{PADDING}") for n in range(4_000)])

    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
        connection.execute(text("SET plan_cache_mode = force_generic_plan"))
        connection.execute(text(SET_UP))
        values = {"requested": "'[]'", "now": "now()", "debt_blocks": "true"}
        batches = [] if partitions else [statement_of(with_budgets=has) for has in (False, True)]
        plans = [f"EXPLAIN {batch % values}" for batch in batches]
        for table in ("prepaid_entry", "prepaid_hold"):
            connection.exec_driver_sql(f"PREPARE in_{table} AS {FIND.format(table=table)}")
            plans.append(f"EXPLAIN EXECUTE in_{table}(1, 1, 'report:1')")
        for explained in plans:
            plan = "\n".join(connection.exec_driver_sql(explained).scalars())
            assert "(key)::text = " in plan
            assert not re.search(r"Filter: .*\(key\)::text = ", plan), plan
    books.close()


def test_a_grant_to_many_looks_for_its_key_alone(databases: Databases) -> None:
    """Not through all entries of each of a thousand wallets: that was all of a large shop's."""
    books = Books(databases.fresh("postgresql"))
    owners = [f"user:{n}" for n in range(500)]
    for _ in books.unjoined.grant_many(owners, 5_000, key="gift", reason="a gift"):
        pass
    for busy in owners[:3]:
        books.unjoined.spend_many([SpendRequest(busy, 1, f"{n}:{PADDING}") for n in range(2_000)])
    books.execute("ANALYZE")
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        sent.append((statement, values))

    event.listen(books.engine, "before_cursor_execute", note)
    for _ in books.unjoined.grant_many(owners, 5_000, key="another", reason="a gift"):
        pass
    event.remove(books.engine, "before_cursor_execute", note)

    (look,) = [each for each in sent if each[0].startswith("SELECT") and "FROM prepaid_entry" in each[0]]
    with books.engine.connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))  # as where the table is large
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {look[0]}", look[1]).scalars())
    assert "(key)::text = " in plan
    assert not re.search(r"Filter: .*\(key\)::text = ", plan), plan
    books.close()


def plan_of_a_batch(books: Books) -> str:
    """How PostgreSQL posts many spends.

    It plans once, while tables are small: what it looks up must not become more as they grow.
    """
    books.grant(3)
    with books.engine.connect() as connection:
        values = {"requested": "'[]'", "now": "now()", "debt_blocks": "true"}
        connection.execute(text("SET plan_cache_mode = force_generic_plan"))
        explained = "EXPLAIN " + statement_of(with_budgets=True) % values
        return "\n".join(connection.exec_driver_sql(explained).scalars())


def test_a_budget_is_asked_for_at_one_place_in_the_index(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    plan = plan_of_a_batch(books)

    looks = re.findall(r"Scan .*prepaid_budget b\w*.*\n\s*(?:Index|Recheck) Cond: (.*)", plan)
    assert looks, plan
    assert all({"wallet_id", "slot"} <= set(re.findall(r"wallet_id|slot|spender", look)) for look in looks), (
        plan
    )
    assert "Seq Scan on prepaid_budget" not in plan, plan
    books.close()


def test_whether_a_key_is_new_is_asked_of_one_place_in_the_index(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    plan = plan_of_a_batch(books)

    looks = re.findall(r"Index .*Scan using \S+ on prepaid_entry e.*\n\s*(Index Cond: .*)", plan)
    assert [set(re.findall(r"wallet_id|slot|key", look)) for look in looks] == [
        {"wallet_id", "slot", "key"}
    ], plan
    books.close()


def test_the_archive_reads_the_rows_of_its_wallets_alone(databases: Databases, place: Engine) -> None:
    """A run goes on by thousands of events at a time: what it reads of all wallets, it reads each time."""
    books = Books(databases.fresh("sqlite"))
    a_january(books)
    a_year_later(books)
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        sent.append((statement, values))

    event.listen(books.engine, "before_cursor_execute", note)
    assert archived(books, place).spends == 6
    event.remove(books.engine, "before_cursor_execute", note)

    with books.engine.connect() as connection:
        for statement, values in sent:
            if statement.startswith(("SELECT", "UPDATE", "DELETE")):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                steps = "\n".join(row[-1] for row in plan)
                assert not re.search(r"SCAN prepaid_(entry|hold|hold_extension|draw)\b", steps), steps
    books.close()
