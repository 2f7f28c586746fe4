"""How PostgreSQL looks rows up: a plan is made once, for all wallets, and kept."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from prepaid_ledger import SpendRequest
from prepaid_ledger.spends.postgresql_batch import SET_UP, statement_of
from prepaid_ledger.testing import Databases

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
