"""An audit that goes on from proofs reads what came since, however much there was before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event

from prepaid_ledger import SpendRequest
from prepaid_ledger.audit import audit
from prepaid_ledger.books import usage_sums
from prepaid_ledger.database.transactions import commit_alone
from prepaid_ledger.testing import Databases

from .books import Books

BUSY = ("user:1", "user:2")

#: Many wallets in which little happens; some of them move on the day.
SMALL = [f"user:{number}" for number in range(3, 300)]

#: The tables that grow with what happens. Of the others a wallet has a row, or some.
GROWING = {f"prepaid_{name}" for name in ("entry", "hold", "hold_extension", "lot", "draw", "usage")}

#: What lets PostgreSQL plan as it does where tables are large: no row is to be read in vain.
LARGE = ("enable_seqscan = off", "cpu_tuple_cost = 1", "cpu_index_tuple_cost = 1")


def begin(books: Books) -> None:
    for _ in books.unjoined.grant_many([*BUSY, *SMALL], 10**6, key="gift", reason="a gift"):
        pass
    books.unjoined.spend_many(SpendRequest(owner, 1, f"{key}") for owner in SMALL for key in range(4))
    for owner in BUSY:
        books.unjoined.set_budget(owner, 10**9)
        books.unjoined.set_budget(owner, 10**9, every="month")
        books.unjoined.set_budget(owner, 10**9, spender="key:1")


def a_day(books: Books, day: int, *, spends: int = 150) -> None:
    """Some of everything but clawbacks, in two wallets. What was begun the day before ends."""
    books.wait(days=1)
    ledger = books.unjoined
    ledger.spend_many(SpendRequest(owner, 1, f"report:{day}") for owner in SMALL[:3])
    ledger.bring_up_to_date(*SMALL[:3])
    for owner in BUSY:
        if day:
            ledger.capture(owner, key=f"job:{day - 1}", credits=4)
            ledger.reverse(owner, spend_key=f"report:{day - 1}:0", key=f"undo:{day}")
            ledger.reverse(owner, spend_key=f"hold:job:{day - 1}", key=f"undo-job:{day}", credits=1)
        ledger.bring_up_to_date(owner)
        books.grant(2, f"gift:{day}", owner=owner, expires_at=books.later(hours=23))
        ledger.spend_many(
            SpendRequest(
                owner, 1, f"report:{day}:{number}", spender=f"key:{number % 2}", item=f"item:{number % 3}"
            )
            for number in range(spends)
        )
        books.wait(minutes=20)
        books.spend(1, f"late:{day}", owner=owner)
        ledger.hold(owner, 3, key=f"job:{day}", spender="key:1").extend(5)
        commit_alone(books.engine, lambda session: usage_sums.bring_up(session, owner))  # noqa: B023
        ledger.bring_up_to_date(owner)


class Steps:
    """How many steps SQLite's virtual machine takes: some for each row that it reads."""

    def __init__(self, engine: Engine) -> None:
        self.hundreds = 0
        event.listen(engine, "connect", self._count)
        engine.dispose()

    def _count(self, connection: Any, record: object) -> None:
        connection.set_progress_handler(self._add, 100)

    def _add(self) -> int:
        self.hundreds += 1
        return 0


class Rows:
    """How many rows of the growing tables each statement reads, by its plan as PostgreSQL runs it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sent: list[tuple[str, Any]] = []
        event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, connection: Any, cursor: Any, statement: str, values: Any, *more: Any) -> None:
        if statement.startswith("SELECT") and any(table in statement for table in GROWING):
            self.sent.append((statement, values))

    def read(self) -> dict[str, int]:
        event.remove(self.engine, "before_cursor_execute", self._note)
        read = dict[str, int]()
        with self.engine.connect() as connection:
            for setting in LARGE:
                connection.exec_driver_sql(f"SET {setting}")
            for statement, values in self.sent:
                # A cursor is planned for its first rows; most statements of an audit are read by one.
                for way in ("", "DECLARE explained CURSOR FOR "):
                    explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {way}{statement}"
                    plan = connection.exec_driver_sql(explained, values).scalar_one()
                    tops = json.loads(plan) if isinstance(plan, str) else plan
                    rows = sum(rows_of(top["Plan"]) for top in tops)
                    read[statement] = max(rows, read.get(statement, 0))
        return read


def rows_of(node: Mapping[str, Any]) -> int:
    """What a node of a plan has read of the growing tables, and those below it."""
    read = sum(map(rows_of, node.get("Plans", ())))
    of_table = node.get("Relation Name", "").partition("_p0")[0] in GROWING
    # A scan of the heap by a bitmap reads what the scan of the index below it has come to.
    if (of_table and node["Node Type"] != "Bitmap Heap Scan") or node["Node Type"] == "Bitmap Index Scan":
        removed = (value for name, value in node.items() if name.startswith("Rows Removed"))
        read += int((node["Actual Rows"] + sum(removed)) * node["Actual Loops"])
    return read


@pytest.fixture
def proofs(databases: Databases) -> Iterator[Engine]:
    engine = create_engine(databases.fresh("sqlite"))
    yield engine
    engine.dispose()


def audited(books: Books, proofs: Engine) -> None:
    assert books.unjoined.audit(proofs=proofs, full=False) == []


def test_on_sqlite_it_takes_as_many_steps_after_a_long_past_as_after_a_short_one(
    databases: Databases, proofs: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LONG", 200)
    books = Books(databases.fresh("sqlite"))
    begin(books)
    taken = list[int]()
    for first, last in ((0, 3), (5, 13)):
        for day in range(first, last):
            a_day(books, day)
        audited(books, proofs)
        a_day(books, last, spends=5)
        steps = Steps(books.engine)
        audited(books, proofs)
        taken.append(steps.hundreds)
        a_day(books, last + 1)
    assert taken[1] < 1.2 * taken[0]
    books.close()


@pytest.mark.parametrize("partitions", [None, 4])
def test_on_postgresql_no_statement_reads_what_was_proved(
    databases: Databases, proofs: Engine, partitions: int | None
) -> None:
    books = Books(databases.fresh("postgresql", partitions=partitions))
    begin(books)
    for day in range(8):
        a_day(books, day)
    books.execute("ANALYZE")
    audited(books, proofs)
    a_day(books, 8, spends=5)
    rows = Rows(books.engine)
    audited(books, proofs)
    read = rows.read()

    assert len(read) > 20
    # Of a long wallet: some thirteen events, and of joined tables a row for each.
    assert {statement: number for statement, number in read.items() if number > 40} == {}
    books.close()
