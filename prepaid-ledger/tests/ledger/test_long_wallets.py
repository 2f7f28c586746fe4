"""What a refund and a budget read does not grow with what their wallet has spent: they keep its lock."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event, text

from prepaid_ledger import PrepaidError, SpendRequest
from prepaid_ledger.books import usage_sums
from prepaid_ledger.database.transactions import commit_alone
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
    books.reverse(f"report:{name}:0", f"undo:{name}")
    books.unjoined.bring_up_to_date(OWNER)
    commit_alone(books.engine, lambda session: usage_sums.bring_up(session, OWNER))


def refund(books: Books, name: str) -> None:
    books.ledger.claw_back(OWNER, lot_key="sale:1", key=f"refund:{name}", refunded_minor=10)
    books.ledger.restore(OWNER, claw_key=f"refund:{name}", key=f"refund-failed:{name}")


def set_budgets(books: Books, name: str) -> None:
    """A month later: of what was held, that of the window is read."""
    books.wait(days=32)
    for every in (None, "month"):
        books.ledger.set_budget(OWNER, 10**9, every=every)
        books.ledger.set_budget(OWNER, 10**9, spender="key:1", every=every)


VERBS = pytest.mark.parametrize("verb", [refund, set_budgets])
Verb = Callable[[Books, str], None]


@VERBS
def test_on_sqlite_it_takes_as_many_steps_in_a_long_wallet_as_in_a_short_one(
    databases: Databases, verb: Verb
) -> None:
    books = Books(databases.fresh("sqlite"))
    bought(books)
    taken = list[int]()
    for name, spends, captured in (("few", 100, 5), ("many", 4_000, 100)):
        used(books, name, spends=spends, captures=captured)
        books.session.close()
        steps = Steps(books.engine)
        verb(books, name)
        taken.append(steps.hundreds)
        books.commit()
    assert taken[1] < taken[0] + 20
    books.close()


@VERBS
@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("partitions", [None, 4])
def test_on_postgresql_few_rows_of_a_long_wallet_are_read(
    databases: Databases, partitions: int | None, plans: str, verb: Verb
) -> None:
    books = Books(databases.fresh("postgresql", partitions=partitions))
    for _ in books.unjoined.grant_many([f"user:{n}" for n in range(500)], 5, key="gift", reason="a gift"):
        pass
    bought(books)
    used(books, "all", spends=2_000, captures=105)
    books.execute("ANALYZE")

    def prepare_all(connection: Any, _record: object) -> None:
        connection.prepare_threshold = 0
        for setting in (*LARGE, f"plan_cache_mode = {plans}"):
            connection.execute(f"SET {setting}")
        connection.commit()

    books.session.close()
    books.engine.dispose()
    event.listen(books.engine, "connect", prepare_all)
    verb(books, "1")
    read = {table: rows for table, rows in books.session.execute(text(READ))}  # noqa: C416
    books.commit()

    assert read["prepaid_entry"] > 0
    assert {table: rows for table, rows in read.items() if rows > 120} == {}
    books.close()


@pytest.mark.parametrize("seed", range(5))
def test_a_budget_begins_with_what_was_charged_wherever_the_sums_end(databases: Databases, seed: int) -> None:
    books = Books(databases.fresh("sqlite"))
    books.grant(600)
    chance = random.Random(seed)
    spent, holds = ["hold:none"], ["none"]
    for number in range(150):
        books.wait(minutes=chance.choice([0, 0, 1, 8, 300]))
        verb = chance.choice(
            ["spend", "spend", "hold", "hold", "extend", "capture", "capture", "undo", "sums", "budget"]
        )
        spender = chance.choice([None, "key:1", "key:2"])
        with suppress(PrepaidError):
            if verb == "spend":
                books.unjoined.spend_now(
                    OWNER, credits=chance.randint(1, 9), key=f"s:{number}", spender=spender
                )
                spent.append(f"s:{number}")
            elif verb == "hold":
                books.unjoined.hold(OWNER, 5, key=f"h:{number}", spender=spender)
                holds.append(f"h:{number}")
            elif verb == "extend":
                books.extend(chance.choice(holds), 3, None, None)
            elif verb == "capture":
                key = chance.choice(holds)
                books.unjoined.capture(OWNER, key=key, credits=chance.randint(1, 12), overrun="debt")
                spent.append(f"hold:{key}")
            elif verb == "undo":
                books.unjoined.reverse(OWNER, spend_key=chance.choice(spent), key=f"undo:{number}", credits=1)
            elif verb == "sums":
                commit_alone(books.engine, lambda session: usage_sums.bring_up(session, OWNER))
            else:
                every, zone = chance.choice([None, "day", "week"]), chance.choice(["UTC", "Asia/Kathmandu"])
                books.unjoined.set_budget(OWNER, 10**9, spender=spender, every=every, zone=zone)
                assert books.unjoined.audit() == []
    assert len(books.ledger.budgets(OWNER)) > 3
    books.close()
