"""Budgets where two processes spend at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import URL, text

from prepaid_ledger.testing import Databases

from .books import OWNER, Books
from .budget_races import SPENDER, race
from .overtaken import overtaken

pytestmark = pytest.mark.each_database


def test_two_processes_with_32_callers_spend_exactly_their_budget(database: URL) -> None:
    """A short sample; ``./dev campaign budgets`` takes 200 rounds."""
    outcome = race(database, rounds=2, budget=12)

    assert outcome.wrong == []
    assert outcome.granted == 24


def spend(books: Books) -> None:
    books.unjoined.spend_now(OWNER, key="call:0", spender=SPENDER)


def hold_and_release(books: Books) -> None:
    books.unjoined.hold(OWNER, 1, key="job:0", spender=SPENDER).release()


def lower(books: Books) -> None:
    books.unjoined.set_budget(OWNER, 0, spender=SPENDER)


def spend_in_savepoints(books: Books) -> None:
    for number in range(2):
        with books.session.begin_nested():
            books.ledger.spend(OWNER, key=f"call:{number}", spender=SPENDER)
    books.commit()


def freeze(books: Books) -> None:
    with books.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (FREEZE) prepaid_wallet, prepaid_budget"))


def roll_back(books: Books) -> None:
    books.ledger.spend(OWNER, key="call:0", spender=SPENDER)
    books.session.rollback()


def roll_back_to_a_savepoint(books: Books) -> None:
    savepoint = books.session.begin_nested()
    books.ledger.spend(OWNER, key="call:0", spender=SPENDER)
    savepoint.rollback()
    books.commit()


def refer_to_the_wallet(books: Books) -> None:
    """As a foreign key of the host's does, for as long as its transaction lasts."""
    books.session.execute(text("SELECT FROM prepaid_wallet FOR KEY SHARE"))


@pytest.fixture
def budgeted(databases: Databases) -> Iterator[Books]:
    books = Books(databases.fresh("postgresql"))
    books.grant(100)
    books.ledger.set_budget(OWNER, 3, spender=SPENDER)
    books.commit()
    yield books
    books.close()


@pytest.mark.parametrize("change", [spend, hold_and_release, lower, spend_in_savepoints])
def test_a_batch_does_not_go_by_budgets_that_have_changed_since_it_began(
    budgeted: Books, change: Callable[[Books], None]
) -> None:
    [outcome] = overtaken(budgeted, lambda: change(budgeted), OWNER, spender=SPENDER, with_budgets=True)

    assert (outcome.reached, outcome.spent) == (False, None)


@pytest.mark.parametrize("nothing", [freeze, roll_back, roll_back_to_a_savepoint, refer_to_the_wallet])
def test_a_batch_reaches_a_wallet_that_nothing_has_changed_since_it_began(
    budgeted: Books, nothing: Callable[[Books], None]
) -> None:
    [outcome] = overtaken(budgeted, lambda: nothing(budgeted), OWNER, spender=SPENDER, with_budgets=True)

    assert outcome.spent is not None
    assert [budget.spent for budget in budgeted.ledger.budgets(OWNER)] == [1]
