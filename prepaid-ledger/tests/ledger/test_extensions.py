"""Holds that grow in credits and in time, and captures of more than is held."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from prepaid_ledger.books.extensions import Overrun
from prepaid_ledger.errors import BudgetExceeded, HoldClosed, InsufficientCredits, KeyReused, WalletBlocked
from prepaid_ledger.tables import Hold, HoldState, Kind

from .books import OWNER, Books

pytestmark = pytest.mark.each_database


def test_a_hold_grows_to_a_total_and_a_repeat_is_harmless(books: Books) -> None:
    books.grant(10, "gift", expires_at=books.later(days=1))
    books.buy(10, 100)

    with books.ledger.hold(OWNER, 4, key="job:1") as hold:
        hold.extend(14)
        hold.extend(14)
        hold.extend(9)  # one that comes late

        assert (hold.credits, books.ledger.wallet(OWNER).held) == (14, 14)
        assert books.left() == {"gift": 0, "sale:1": 6}
        assert books.ledger.hold(OWNER, 4, key="job:1").credits == 14  # its first call again
        with pytest.raises(KeyReused):
            books.ledger.hold(OWNER, 14, key="job:1")
        hold.capture(12)

    assert books.left() == {"sale:1": 8}
    assert books.ledger.usage(OWNER, books.time, books.later(days=1), by="item")[0].credits == 12
    books.reverse("hold:job:1", "undo:1", 3)
    assert books.left() == {"gift": 1, "sale:1": 10}
    with pytest.raises(HoldClosed, match="cannot extend a hold that is captured"):
        hold.extend(20)


def test_a_hold_that_cannot_grow_stays_as_it_was(books: Books) -> None:
    books.grant(10)
    books.ledger.set_budget(OWNER, 8, spender="key:1", every="day")
    books.commit()
    hold = books.ledger.hold(OWNER, 5, key="job:1", spender="key:1")

    with pytest.raises(InsufficientCredits, match="6 credits are needed, 5 are available"):
        hold.extend(11, until=books.later(days=9))
    with pytest.raises(BudgetExceeded) as refusal:
        hold.extend(9)
    assert refusal.value.left == 3
    for nonsense in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="credits are a whole number"):
            hold.extend(nonsense)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="until is a time with its zone"):
        hold.extend(until=books.time.replace(tzinfo=None))
    with pytest.raises(ValueError, match="extend says how many credits"):
        hold.extend()
    with pytest.raises(HoldClosed, match="no hold 'job:2'"):
        books.ledger.extend(OWNER, key="job:2", credits=3)

    assert (hold.credits, hold.state) == (5, HoldState.OPEN)
    books.wait(hours=1)
    books.spend(8, "report:1")  # it lasted for an hour, and no longer
    with pytest.raises(HoldClosed):
        hold.extend(6)


def test_a_hold_grows_in_time_as_long_as_its_credits_went_nowhere(books: Books) -> None:
    books.grant(10)
    hold = books.ledger.hold(OWNER, 6, key="job:1")
    books.wait(hours=2)

    with pytest.raises(HoldClosed, match="its credits went back"):
        hold.extend(11)  # for that its own would have to go back
    hold.extend(until=books.later(hours=2))
    hold.extend(until=books.later(minutes=1))  # never less

    books.wait(hours=1)
    with pytest.raises(InsufficientCredits):
        books.spend(8, "report:1")
    hold.extend(10)
    hold.capture()
    assert books.moves() == [(Kind.GRANT, 10), (Kind.SPEND, -10)]


def test_a_hold_that_grows_over_midnight_counts_in_the_day_of_each_part(books: Books) -> None:
    books.grant(100)
    books.wait(hours=23)
    hold = books.ledger.hold(OWNER, 10, key="job:1")
    hold.extend(until=books.later(days=2))
    books.wait(hours=2)
    books.ledger.set_budget(OWNER, 50, every="day")
    books.commit()
    hold.extend(30)
    assert [budget.spent for budget in books.ledger.budgets(OWNER)] == [20]

    hold.capture(14)
    assert [budget.spent for budget in books.ledger.budgets(OWNER)] == [4]
    books.reverse("hold:job:1", "undo:1", 6)  # what was charged last comes back first
    assert [budget.spent for budget in books.ledger.budgets(OWNER)] == [0]
    books.ledger.set_budget(OWNER, 50, every="day")  # counted anew, it comes to the same
    books.commit()
    assert [budget.spent for budget in books.ledger.budgets(OWNER)] == [0]


@pytest.mark.parametrize("overrun", ["spend", "debt"])
def test_a_capture_of_more_than_is_held_takes_what_is_there(books: Books, overrun: Overrun) -> None:
    books.grant(10)
    hold = books.ledger.hold(OWNER, 4, key="job:1")

    with pytest.raises(ValueError, match="4 credits are held, 7 cannot be captured"):
        hold.capture(7)
    with pytest.raises(ValueError, match="overrun is one of 'refuse', 'spend', 'debt', not 'all'"):
        hold.capture(7, overrun="all")  # type: ignore[arg-type]
    hold.capture(7, overrun=overrun)
    hold.capture(7, overrun=overrun)

    assert books.moves() == [(Kind.GRANT, 10), (Kind.SPEND, -7)]
    assert books.ledger.wallet(OWNER).debt == 0


def test_a_capture_of_more_than_there_is_is_refused_or_becomes_a_debt(books: Books) -> None:
    books.grant(10)
    books.ledger.set_budget(OWNER, 20)
    books.commit()
    hold = books.ledger.hold(OWNER, 4, key="job:1")
    books.wait(hours=3)  # late, and its own credits don't go back for it

    with pytest.raises(InsufficientCredits, match="9 credits are needed, 6 are available"):
        hold.capture(13, overrun="spend")
    with pytest.raises(BudgetExceeded):
        hold.capture(21, overrun="debt")
    hold.capture(13, overrun="debt")
    hold.capture(13, overrun="debt")
    with pytest.raises(HoldClosed):
        hold.capture(10)

    wallet = books.ledger.wallet(OWNER)
    assert (wallet.balance, wallet.debt) == (0, 3)
    assert [budget.spent for budget in books.ledger.budgets(OWNER)] == [13]
    with pytest.raises(WalletBlocked):
        books.ledger.hold(OWNER, 1, key="job:2")
    books.reverse("hold:job:1", "undo:1")  # what it took comes back, what is owed stays
    books.buy(5, 50)
    wallet = books.ledger.wallet(OWNER)
    assert (wallet.balance, wallet.debt) == (12, 0)


def test_a_reversal_gives_a_budget_back_what_a_hold_has_grown_by_though_the_host_has_read_it_before(
    books: Books,
) -> None:
    books.grant(100)
    books.ledger.set_budget(OWNER, 50, spender="key:1", every="day")
    books.commit()
    hold = books.ledger.hold(OWNER, 5, key="job:1", spender="key:1")
    read_before = books.session.scalars(select(Hold)).one()
    books.wait(days=1)
    hold.extend(8)
    hold.capture()

    books.ledger.reverse(OWNER, spend_key="hold:job:1", key="undo:1")
    books.commit()

    assert read_before.captured == 8
    assert [budget.spent for budget in books.ledger.budgets(OWNER)] == [0]
