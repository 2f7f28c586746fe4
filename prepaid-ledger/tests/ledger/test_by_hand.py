"""What operators take and give by hand cancels each other when money goes back."""

from __future__ import annotations

import pytest

from .books import Books
from .test_unspent import stands


@pytest.mark.parametrize(
    "by_hand", [(-50, 50), (50, -50), (-50, 80, -30), (-20, -30, 50), (-50, 50, -50, 50)]
)
def test_a_mistake_put_right_leaves_a_refund_as_it_was(books: Books, by_hand: tuple[int, ...]) -> None:
    books.buy(100, 1000, expires_at=books.later(days=30))
    for number, credits in enumerate(by_hand):
        books.adjust(credits, f"by-hand:{number}")
    assert stands(books) == (100, 0)

    books.refund(1000)

    assert stands(books) == (0, 0)


@pytest.mark.parametrize("by_hand", [(-50, 20), (20, -50), (-50, 50, -30), (50, -50, -30), (50, -80)])
def test_what_was_taken_and_not_given_again_covers_its_part(books: Books, by_hand: tuple[int, ...]) -> None:
    books.buy(100, 1000, expires_at=books.later(days=30))
    for number, credits in enumerate(by_hand):
        books.adjust(credits, f"by-hand:{number}")

    books.refund(1000)

    assert stands(books) == (0, 0)


def test_what_was_given_for_nothing_taken_pays_a_refund_of_what_is_spent(books: Books) -> None:
    books.buy(100, 1000)
    books.adjust(50, "by-hand:1")
    books.spend(80, "report:1")

    books.refund(1000)

    assert stands(books) == (0, 30)


def test_what_is_given_again_and_spent_is_owed(books: Books) -> None:
    books.buy(100, 1000)
    books.adjust(-50, "by-hand:1")
    books.adjust(50, "by-hand:2")
    books.spend(100, "report:1")

    books.refund(1000)

    assert stands(books) == (0, 100)


def test_what_is_given_after_the_refund_stays(books: Books) -> None:
    books.buy(100, 1000)
    books.adjust(-50, "by-hand:1")
    books.refund(1000)

    books.adjust(50, "by-hand:2")

    assert stands(books) == (50, 0)


def test_what_a_host_names_takes_no_more_than_that_after_the_mistake_was_put_right(books: Books) -> None:
    books.buy(100, 1000)
    books.adjust(-50, "by-hand:1")
    books.refund(1000)
    books.adjust(50, "by-hand:2")

    books.claw_back("smaller:1", credits=10)

    assert stands(books) == (40, 0)


def test_each_lot_is_covered_by_what_was_taken_of_it_itself(books: Books) -> None:
    books.buy(100, 1000, "sale:1")
    books.buy(100, 1000, "sale:2")
    books.adjust(-150, "by-hand:1")  # all of the first one, and half of the second
    books.adjust(50, "by-hand:2")

    books.refund(1000, "refund:2", "sale:2")
    assert stands(books) == (0, 0)
    books.refund(1000, "refund:1", "sale:1")

    assert stands(books) == (0, 0)


def test_the_share_of_a_half_refund_is_of_what_was_bought(books: Books) -> None:
    books.buy(100, 1000)
    books.adjust(-100, "by-hand:1")
    books.adjust(100, "by-hand:2")

    books.refund(500)

    assert stands(books) == (50, 0)
