"""A ledger in partitions by slot: it keeps what any ledger keeps, and asks one partition for one wallet."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from prepaid_ledger import InsufficientCredits, Ledger, SpendRequest, Spent, UnfitDatabase
from prepaid_ledger.database import partitions_of
from prepaid_ledger.slots import SLOTS, slot_of
from prepaid_ledger.spends.batches.host_insert import NO_ROWS
from prepaid_ledger.spends.batches.postgresql_batch import on_postgresql
from prepaid_ledger.testing import Databases

from .books import OWNER, Books
from .overtaken import overtaken

PARTITIONS = 4


@pytest.fixture
def parted(databases: Databases) -> Iterator[Books]:
    """A ledger in partitions with nothing in it."""
    books = Books(databases.fresh("postgresql", partitions=PARTITIONS))
    yield books
    books.close()


def partition_of(owner: str) -> str:
    return f"p{slot_of(owner) * PARTITIONS // SLOTS:03}"


def partitions_in(plan: str) -> set[str]:
    return set(re.findall(r"prepaid_\w+?_(p\d{3})\b", plan))


def test_a_slot_is_the_same_for_ever_in_python_and_in_sql(parted: Books) -> None:
    assert [slot_of(owner) for owner in ("user:1", "user:42", "org:ü")] == [171, 234, 25]

    owners = [f"user:{n}" for n in range(200)] + ["Größe", "組織:7", "a" * 64]
    with parted.engine.connect() as connection:
        in_sql = "SELECT get_byte(sha256(convert_to(:owner, 'UTF8')), 0)"
        assert [connection.scalar(text(in_sql), {"owner": owner}) for owner in owners] == [
            slot_of(owner) for owner in owners
        ]
    assert {slot_of(f"user:{n}") for n in range(3_000)} == set(range(SLOTS))


def test_partitions_are_for_new_tables_of_postgresql(databases: Databases) -> None:
    for number in (0, 1, 3, 512, True):
        with pytest.raises(ValueError, match="a power of two from 2 to 256, such as 32"):
            Ledger(create_engine(databases.empty("sqlite"), poolclass=NullPool)).upgrade(partitions=number)
    with pytest.raises(UnfitDatabase, match="Partitions are PostgreSQL's: SQLite keeps each table in one"):
        Ledger(create_engine(databases.empty("sqlite"), poolclass=NullPool)).upgrade(partitions=32)

    engine = create_engine(databases.empty("postgresql"), poolclass=NullPool)
    ledger = Ledger(engine)
    ledger.upgrade(partitions=2)
    ledger.upgrade(partitions=2)
    ledger.upgrade()
    assert ledger.is_upgraded()
    with engine.connect() as connection:
        assert partitions_of(connection) == 2
    with pytest.raises(UnfitDatabase, match=r"stand already, in 2 partitions.*partitions=32"):
        ledger.upgrade(partitions=32)

    in_one_piece = Ledger(create_engine(databases.fresh("postgresql"), poolclass=NullPool))
    with pytest.raises(UnfitDatabase, match="stand already, in one piece each"):
        in_one_piece.upgrade(partitions=32)


def test_entries_are_guarded_in_each_partition(parted: Books) -> None:
    parted.grant(10)
    mine = f"prepaid_entry_{partition_of(OWNER)}"
    for table in ("prepaid_entry", mine):
        for change in ("TRUNCATE {}", "DELETE FROM {}", "UPDATE {} SET credits = 11"):
            with pytest.raises(DBAPIError, match="prepaid_entry is never"):
                parted.execute(change.format(table))
    assert parted.ledger.audit() == []

    for trigger in ("prepaid_entry_no_change", "prepaid_entry_no_truncate"):
        parted.execute(f"ALTER TABLE {mine} DISABLE TRIGGER {trigger}")
        assert [str(problem) for problem in parted.ledger.audit()] == [
            f"I6 all wallets: the trigger {trigger} is missing: entries can be changed"
        ]
        parted.execute(f"ALTER TABLE {mine} ENABLE TRIGGER {trigger}")


def test_each_statement_of_one_wallet_asks_one_partition(parted: Books) -> None:
    """Read from the plans: what a verb sends is explained with the values that it was sent with."""
    ledger = parted.unjoined
    ledger.grant(OWNER, 100, key="gift", reason="a story")
    ledger.set_budget(OWNER, 90, every="day")
    now = parted.later()
    verbs: dict[str, Callable[[], object]] = {
        "grant": lambda: ledger.grant(OWNER, 5, key="more", reason="a story"),
        "spend alone": lambda: ledger.spend(OWNER, credits=1, key="report:1"),
        "the same key again": lambda: ledger.spend(OWNER, credits=1, key="report:1"),
        "hold": lambda: ledger.hold(OWNER, 5, key="job:1"),
        "capture": lambda: ledger.capture(OWNER, key="job:1", credits=3),
        "reverse": lambda: ledger.reverse(OWNER, spend_key="report:1", key="undo:1"),
        "balance": lambda: ledger.balance(OWNER),
        "entries": lambda: ledger.entries(OWNER),
        "by key": lambda: ledger.entries(OWNER, keys=["report:1"]),
        "statement": lambda: list(ledger.statement(OWNER, now, parted.later(days=1)).entries),
        "lots": lambda: ledger.lots(OWNER),
        "budgets": lambda: ledger.budgets(OWNER),
        "usage": lambda: ledger.usage(OWNER, now, parted.later(days=1)),
        "what is due": lambda: ledger.bring_up_to_date(OWNER),
    }
    for name, verb in verbs.items():
        for statement, values in sent(parted, verb):
            with parted.engine.connect() as connection:
                plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())
            assert partitions_in(plan) <= {partition_of(OWNER)}, f"{name}: {statement}\n{plan}"
    assert ledger.audit() == []


@pytest.mark.parametrize("budgeted", [False, True])
def test_a_batch_meets_wallets_that_others_have_moved_since_it_looked(parted: Books, budgeted: bool) -> None:
    """PostgreSQL 18.6 chose partitions wrongly after that, or ended, while a batch read rows of them."""
    owners = [f"user:{n}" for n in range(12)]
    for owner in owners:
        parted.grant(10, owner=owner)
        if budgeted:
            parted.unjoined.set_budget(owner, 5, every="day")
            parted.unjoined.set_budget(owner, 5, spender="key:1")

    def move_all() -> None:
        for owner in owners:
            parted.spend(1, "call:first", owner=owner, spender="key:1")

    outcomes = overtaken(parted, move_all, *owners, spender="key:1", with_budgets=budgeted, parted=True)

    assert [outcome.reached for outcome in outcomes] == [not budgeted] * 12
    assert {parted.unjoined.balance(owner) for owner in owners} == {9 if budgeted else 8}


@pytest.mark.parametrize("budgeted", [False, True])
def test_a_batch_reads_no_partition(parted: Books, budgeted: bool) -> None:
    statement, values = on_postgresql(
        [SpendRequest(OWNER, 1, "report:1")],
        NO_ROWS,
        now=parted.time,
        debt_blocks=True,
        with_budgets=budgeted,
        parted=True,
    )
    with parted.engine.connect() as connection:
        connection.exec_driver_sql("SET plan_cache_mode = force_generic_plan")
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())

    assert "prepaid_wallet" in plan
    assert "Append" not in plan
    assert partitions_in(plan) == set()


def test_a_key_that_comes_again_is_found_and_the_others_are_spent(parted: Books) -> None:
    parted.grant(10)
    parted.spend(1, "report:1")
    requests = [SpendRequest(OWNER, credits, f"report:{n}") for n, credits in enumerate((1, 1, 2, 20))]

    first, again, second, beyond = parted.unjoined.spend_many(requests)

    assert isinstance(first, Spent)
    assert isinstance(again, Spent)
    assert (first.balance, again.seq, again.repeated) == (8, 2, True)
    assert isinstance(second, Spent)
    assert second.balance == 6
    assert isinstance(beyond, InsufficientCredits)


def test_rows_that_are_locked_while_others_move_them_lie_in_one_piece(parted: Books) -> None:
    """PostgreSQL 18.6 ends all sessions if such a row is in a partition that is chosen as statements run."""
    with parted.engine.connect() as connection:
        parts = connection.execute(
            text("SELECT DISTINCT CAST(CAST(inhparent AS regclass) AS text) FROM pg_inherits")
        )
        tables = {name for name in parts.scalars() if not name.endswith("key") and "ix_" not in name}
    assert not tables & {"prepaid_wallet", "prepaid_budget", "prepaid_usage_mark"}
    assert {"prepaid_entry", "prepaid_hold", "prepaid_lot", "prepaid_draw", "prepaid_usage"} <= tables


def sent(books: Books, verb: Callable[[], object]) -> list[tuple[str, Any]]:
    """The statements on the ledger's tables that a verb sends; at least one."""
    statements: list[tuple[str, Any]] = []

    def note(connection: object, cursor: object, statement: str, values: Any, *more: object) -> None:
        if "prepaid_" in statement:
            statements.append((statement, values[0] if isinstance(values, list) else values))

    event.listen(books.engine, "before_cursor_execute", note)
    verb()
    event.remove(books.engine, "before_cursor_execute", note)
    assert statements
    return statements


def test_spends_share_a_statement(parted: Books) -> None:
    parted.unjoined.grant(OWNER, 50, key="gift", reason="a story")
    parted.unjoined.set_budget(OWNER, 40, every="day")
    requests = [SpendRequest(OWNER, 1, f"many:{n}") for n in range(4)]
    calls = [partial(parted.unjoined.spend_now, OWNER, key=f"report:{n}") for n in range(4)]
    ledger = parted.awaited()

    async def gather() -> list[Spent]:
        return await asyncio.gather(*(ledger.spend_now(OWNER, key=f"awaited:{n}") for n in range(4)))

    results = [*parted.all_at_once(calls), *parted.unjoined.spend_many(requests), *asyncio.run(gather())]

    assert all(isinstance(spent, Spent) for spent in results)
    transactions = "SELECT count(DISTINCT CAST(xmin AS text)) FROM prepaid_entry WHERE kind = 'spend'"
    assert (parted.session.scalar(text(transactions)) or 0) < 12
    assert parted.unjoined.budgets(OWNER)[0].spent == 12
    assert parted.unjoined.balance(OWNER) == 38
