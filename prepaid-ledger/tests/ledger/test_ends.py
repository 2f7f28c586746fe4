"""When credits end: also where their time is over as they come, and where nobody has swept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from prepaid_ledger import InsufficientCredits
from prepaid_ledger.tables import Kind

from .books import OWNER, Books

pytestmark = pytest.mark.each_database


def renew(books: Books, key: str, *, period_end: datetime, roll_over: int = 0) -> None:
    terms = {"amount_minor": 1000, "currency": "eur", "roll_over": roll_over}
    books.committed(
        lambda: books.ledger.allowance(OWNER, 100, key=key, period_end=period_end, **terms)  # type: ignore[arg-type]
    )


def move_end(books: Books, key: str, expires_at: datetime) -> None:
    books.ledger.move_end(OWNER, key=key, expires_at=expires_at)
    books.commit()


@pytest.mark.parametrize("roll_over", [0, 30])
def test_an_allowance_that_is_paid_after_its_end_cannot_be_spent(books: Books, roll_over: int) -> None:
    renew(books, "invoice:1", period_end=books.later(days=30))
    books.wait(days=10)

    renew(books, "invoice:2", period_end=books.later(days=-4), roll_over=roll_over)

    assert books.ledger.balance(OWNER) == 0
    with pytest.raises(InsufficientCredits):
        books.ledger.spend_now(OWNER, key="report:1")
    assert books.unjoined.write_due() == 1
    assert books.moves()[-1][0] is Kind.EXPIRY


def test_credits_whose_end_is_moved_to_a_time_that_is_over_end_now(books: Books) -> None:
    books.grant(100, "trial", expires_at=books.later(days=5))
    books.spend(10, "report:1")

    for _ in range(2):
        move_end(books, "trial", books.later(hours=-1))

    assert books.moves() == [(Kind.GRANT, 100), (Kind.SPEND, -10), (Kind.EXPIRY, -90)]
    assert books.ledger.entries(OWNER)[0].at == books.time


def test_credits_that_were_paid_for_can_last_longer(books: Books) -> None:
    books.buy(100, 1000, expires_at=books.later(days=5))
    books.spend(10, "report:1")

    move_end(books, "sale:1", books.later(days=50))
    move_end(books, "sale:1", books.later(days=60))

    books.wait(days=59)
    assert books.ledger.balance(OWNER) == 90
    assert [lot.amount_minor for lot in books.ledger.lots(OWNER)] == [900]
    books.refund(500)
    assert books.ledger.balance(OWNER) == 40
    books.wait(days=1)
    assert books.ledger.balance(OWNER) == 0


@pytest.mark.parametrize("first_end", [1, None])
def test_what_is_held_while_an_end_moves_keeps_the_end_that_it_had(
    books: Books, first_end: int | None
) -> None:
    books.grant(100, "trial", expires_at=first_end and books.later(days=first_end))
    first, second, third = (books.ledger.hold(OWNER, 20, key=f"job:{number}") for number in range(3))
    books.unjoined.extend(OWNER, key="job:2", until=books.later(days=3))

    move_end(books, "trial", books.later(days=5))

    assert books.ledger.available(OWNER) == 40
    books.wait(minutes=30)
    first.release()
    second.capture(15)
    assert books.ledger.available(OWNER) == 65
    assert books.unjoined.audit(proofs=books.engine) == []
    move_end(books, "trial", books.later(days=5))
    books.wait(days=2)
    assert books.ledger.available(OWNER) == 65
    third.release()
    assert books.ledger.available(OWNER) == (65 if first_end else 85)
    assert books.unjoined.audit(proofs=books.engine, full=False) == []
    books.reverse("hold:job:1", "undo:1")
    assert books.ledger.available(OWNER) == (80 if first_end else 100)


def test_what_is_held_while_credits_end_now_lapses_when_it_is_given_back(books: Books) -> None:
    books.grant(100, "trial", expires_at=books.later(days=1))
    hold = books.ledger.hold(OWNER, 20, key="job:1")

    move_end(books, "trial", books.later(days=-1))
    hold.release()

    assert books.ledger.balance(OWNER) == 0


@pytest.mark.parametrize(
    ("roll_over", "at_once", "given_back"), [(100, 140, 200), (99, 140, 140), (30, 130, 130)]
)
def test_what_is_held_at_a_renewal_is_not_lost_where_it_could_roll_over(
    books: Books, roll_over: int, at_once: int, given_back: int
) -> None:
    renew(books, "invoice:1", period_end=books.later(days=30))
    hold = books.ledger.hold(OWNER, 60, key="job:1")

    renew(books, "invoice:2", period_end=books.later(days=60), roll_over=roll_over)

    assert books.ledger.available(OWNER) == at_once
    hold.release()
    assert books.ledger.available(OWNER) == given_back


def give_by_hand(books: Books) -> None:
    books.adjust(10, "again")


def give_back(books: Books) -> None:
    books.buy(10, 1000, expires_at=books.later(days=1))
    books.spend(10, "report:1")
    books.wait(days=2)
    books.reverse("report:1", "again")


def give_what_was_refunded(books: Books) -> None:
    books.buy(10, 1000, expires_at=books.later(days=1))
    books.refund(1000)
    books.wait(days=2)
    books.refund_failed(key="again")


@pytest.mark.parametrize("give", [give_by_hand, give_back, give_what_was_refunded])
def test_credits_that_came_otherwise_keep_their_end(books: Books, give: Callable[[Books], None]) -> None:
    give(books)

    with pytest.raises(ValueError, match=r"Give the key of a grant, a purchase or an allowance\.$"):
        move_end(books, "again", books.later(days=9))

    assert books.left() == {"again": 10}


def grant_to_many(books: Books) -> None:
    list(books.unjoined.grant_many([OWNER, "user:2"], 5, key="more", reason="more"))


#: What brings credits in, or takes some, and how many are there then.
COME_IN: list[tuple[Callable[[Books], object], int]] = [
    (lambda books: books.grant(5, "more"), 5),
    (lambda books: books.buy(5, 500), 5),
    (grant_to_many, 5),
    (lambda books: books.adjust(5), 5),
    (lambda books: renew(books, "invoice:1", period_end=books.later(days=30)), 100),
]


@pytest.mark.parametrize(("come_in", "credits"), COME_IN)
def test_what_comes_in_later_moves_no_end_of_what_lapsed_before(
    books: Books, come_in: Callable[[Books], object], credits: int
) -> None:
    start, ended, looked_at = books.time, books.later(hours=1), books.later(hours=2)
    books.grant(100, "gift", expires_at=ended)
    books.wait(hours=2)
    assert books.ledger.balance_at(OWNER, looked_at) == 0
    books.wait(hours=1)

    come_in(books)

    assert books.ledger.balance_at(OWNER, looked_at) == 0
    assert books.ledger.statement(OWNER, start, looked_at).closing == 0
    expiry = next(entry for entry in books.ledger.entries(OWNER) if entry.kind is Kind.EXPIRY)
    assert expiry.at == ended
    assert books.ledger.balance(OWNER) == credits
