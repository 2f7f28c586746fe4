"""What a refund reads does not grow with what its wallet has spent: it is read under the wallet's lock."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text

from prepaid_ledger import SpendRequest
from prepaid_ledger.testing import Databases

from .books import OWNER, Books
from .test_audit_reads import LARGE, Steps

#: Rows of each table that this transaction has read.
READ = """
SELECT split_part(relname, '_p0', 1), sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))
FROM pg_stat_xact_user_tables WHERE relname LIKE 'prepaid%' GROUP BY 1
"""


def bought(books: Books) -> None:
    """Two purchases. Of what they brought some was taken by hand, and given again."""
    books.buy(10**6, 1000)
    books.buy(10**6, 1000, "sale:2")
    books.adjust(-5, "by-hand:1")
    books.adjust(5, "by-hand:2")


def used(books: Books, name: str, *, spends: int, captures: int) -> None:
    books.unjoined.spend_many(SpendRequest(OWNER, 1, f"report:{name}:{n}") for n in range(spends))
    for n in range(captures):
        books.unjoined.hold(OWNER, 2, key=f"job:{name}:{n}").capture(1)
    books.unjoined.bring_up_to_date(OWNER)


def test_on_sqlite_a_refund_takes_as_many_steps_in_a_long_wallet_as_in_a_short_one(
    databases: Databases,
) -> None:
    books = Books(databases.fresh("sqlite"))
    bought(books)
    taken = list[int]()
    for number, (spends, captures) in enumerate(((100, 5), (4_000, 100))):
        used(books, f"{number}", spends=spends, captures=captures)
        books.session.close()
        steps = Steps(books.engine)
        books.refund(10, f"refund:{number}")
        books.refund_failed(f"refund:{number}", f"refund-failed:{number}")
        taken.append(steps.hundreds)
    assert taken[1] < taken[0] + 10
    books.close()


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("partitions", [None, 4])
def test_on_postgresql_a_refund_reads_few_rows_of_a_long_wallet(
    databases: Databases, partitions: int | None, plans: str
) -> None:
    books = Books(databases.fresh("postgresql", partitions=partitions))
    for _ in books.unjoined.grant_many([f"user:{n}" for n in range(500)], 5, key="gift", reason="a gift"):
        pass
    bought(books)
    used(books, "all", spends=2_000, captures=100)
    books.execute("ANALYZE")

    def prepare_all(connection: Any, _record: object) -> None:
        connection.prepare_threshold = 0
        for setting in (*LARGE, f"plan_cache_mode = {plans}"):
            connection.execute(f"SET {setting}")
        connection.commit()

    books.session.close()
    books.engine.dispose()
    event.listen(books.engine, "connect", prepare_all)
    books.ledger.claw_back(OWNER, lot_key="sale:1", key="refund:1", refunded_minor=10)
    books.ledger.restore(OWNER, claw_key="refund:1", key="refund-failed:1")
    read = {table: rows for table, rows in books.session.execute(text(READ))}  # noqa: C416
    books.commit()

    assert read.keys() > {"prepaid_entry", "prepaid_lot", "prepaid_draw"}
    assert {table: rows for table, rows in read.items() if rows > 40} == {}
    books.close()
