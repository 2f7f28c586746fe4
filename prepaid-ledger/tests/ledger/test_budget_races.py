"""Budgets where two processes spend at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import URL, text

from prepaid_ledger import SpendRequest
from prepaid_ledger.spends.postgresql_batch import on_postgresql, read
from prepaid_ledger.testing import Databases

from .books import OWNER, Books
from .budget_races import race

pytestmark = pytest.mark.each_database


def test_two_processes_with_32_callers_spend_exactly_their_budget(database: URL) -> None:
    """A short sample; ``./dev campaign budgets`` takes 200 rounds."""
    outcome = race(database, rounds=2, budget=12)

    assert outcome.wrong == []
    assert outcome.granted == 24


def test_a_batch_does_not_go_by_budgets_that_were_counted_since_it_began(databases: Databases) -> None:
    """Another process commits between the moment that a batch sees, and its lock on the wallet."""
    books = Books(databases.fresh("postgresql"))
    books.grant(100)
    books.ledger.set_budget(OWNER, 3, spender="key:1")
    books.commit()
    request = SpendRequest(OWNER, 1, "call:late", spender="key:1")
    statement, values = on_postgresql([request], None, now=books.time, debt_blocks=True, with_budgets=True)
    held = statement.replace(
        " FOR NO KEY UPDATE SKIP",
        " AND (SELECT count(*) FROM pg_advisory_lock(1)) = 1 FOR NO KEY UPDATE SKIP",
    )
    assert held != statement
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    by_itself = books.engine.execution_options(isolation_level="AUTOCOMMIT")

    with by_itself.connect() as other, by_itself.connect() as ours, ThreadPoolExecutor(1) as thread:
        other.execute(text("SELECT pg_advisory_lock(1)"))
        late = thread.submit(lambda: ours.exec_driver_sql(held, values).all())
        while not other.scalar(waiting):
            pass
        for number in range(3):
            books.unjoined.spend_now(OWNER, key=f"call:{number}", spender="key:1")
        other.execute(text("SELECT pg_advisory_unlock(1)"))
        [outcome] = read(late.result())

    assert (outcome.reached, outcome.spent) == (False, None)
    [budget] = books.ledger.budgets(OWNER)
    assert (budget.spent, budget.left) == (3, 0)
    books.close()
