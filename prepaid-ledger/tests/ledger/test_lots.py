"""Which credits go first, and what becomes of them: expiry, reversal, allowance."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from prepaid_ledger.errors import InsufficientCredits, KeyReused, NothingToReverse
from prepaid_ledger.tables import Draw, Entry, Kind

from .books import NEW_YEAR, OWNER, Books


def renew(books: Books, credits: int, key: str, *, days: int = 30, roll_over: int = 0) -> Entry:
    return books.committed(
        lambda: books.ledger.allowance(
            OWNER,
            credits,
            key=key,
            period_end=books.later(days=days),
            amount_minor=900,
            currency="usd",
            roll_over=roll_over,
        )
    )


def test_the_soonest_expiry_goes_first_then_given_before_paid_then_the_oldest(books: Books) -> None:
    books.buy(10, 1000, "sale:for-ever")
    books.grant(10, "gift:for-ever")
    books.grant(10, "gift:later", expires_at=books.later(days=9))
    books.buy(10, 1000, "sale:soon", expires_at=books.later(days=3))
    books.grant(10, "gift:soon", expires_at=books.later(days=3))
    books.grant(10, "gift:soon-too", expires_at=books.later(days=3))

    assert list(books.left()) == [
        "gift:soon",
        "gift:soon-too",
        "sale:soon",
        "gift:later",
        "gift:for-ever",
        "sale:for-ever",
    ]
    books.spend(25, "report:1")
    assert books.left() == {"sale:soon": 5, "gift:later": 10, "gift:for-ever": 10, "sale:for-ever": 10}


def test_a_lot_says_what_was_paid_for_it(books: Books) -> None:
    books.buy(10, 1000)
    books.spend(4, "report:1")

    [lot] = books.ledger.lots(OWNER)

    assert (lot.kind, lot.credits, lot.left, lot.amount_minor, lot.currency, lot.came_at) == (
        Kind.PURCHASE,
        10,
        6,
        1000,
        "usd",
        NEW_YEAR,
    )


def test_credits_end_at_the_second_they_are_due_though_nobody_swept(books: Books) -> None:
    books.grant(10, expires_at=books.later(seconds=60))
    books.spend(4, "report:1")

    books.wait(seconds=59)
    assert books.ledger.balance(OWNER) == 6

    books.wait(seconds=1)
    assert books.ledger.balance(OWNER) == 0
    with pytest.raises(InsufficientCredits):
        books.ledger.spend_now(OWNER, key="report:2")
    with pytest.raises(InsufficientCredits):
        books.spend(1, "report:2")


def test_credits_that_would_have_ended_before_they_came_are_refused_unless_they_came_before(
    books: Books,
) -> None:
    ends = books.later(seconds=60)
    first = books.grant(10, "gift:1", expires_at=ends)
    books.wait(seconds=60)

    assert books.grant(10, "gift:1", expires_at=ends).seq == first.seq
    for come in (
        lambda: books.grant(10, "gift:2", expires_at=ends),
        lambda: books.buy(10, 1000, expires_at=ends),
        lambda: list(books.ledger.grant_many([OWNER], 5, key="all", reason="all", expires_at=ends)),
    ):
        with pytest.raises(ValueError, match=r"which is over\. Write a time to come"):
            come()
    assert books.ledger.balance(OWNER) == 0


def test_an_expiry_is_dated_when_it_was_due_and_refers_to_its_lot(books: Books) -> None:
    lot = books.grant(10, expires_at=books.later(seconds=60))
    books.wait(days=30)
    books.ledger.write_due()

    expiry = books.ledger.entries(OWNER)[0]

    assert (expiry.kind, expiry.credits, expiry.refers_to_seq) == (Kind.EXPIRY, -10, lot.seq)
    assert expiry.at == NEW_YEAR + timedelta(seconds=60)


def test_a_spend_at_the_very_second_gets_only_what_has_not_ended(books: Books) -> None:
    books.grant(10, expires_at=books.later(seconds=60))
    books.grant(3, "gift:for-ever")
    books.wait(seconds=60)

    with pytest.raises(InsufficientCredits) as refused:
        books.spend(4, "report:1")
    books.ledger.spend_now(OWNER, credits=3, key="report:2")

    assert refused.value.available == 3


@pytest.mark.each_database
def test_a_clock_that_is_behind_spends_nothing_that_has_ended_where_the_wallet_stands(
    books: Books, other_books: Books
) -> None:
    """A spend is dated by the wallet's last move then: it may not draw what had ended by that time."""
    books.grant(10, "soon", expires_at=books.later(seconds=3))
    books.wait(seconds=5)
    books.grant(5, "stays")

    with pytest.raises(InsufficientCredits):
        other_books.ledger.spend_now(OWNER, credits=6, key="call:1")
    other_books.ledger.spend_now(OWNER, credits=4, key="call:2")

    assert books.left() == {"stays": 1}


def test_a_hold_across_an_expiry_keeps_its_credits(books: Books) -> None:
    books.grant(10, expires_at=books.later(seconds=60))
    hold = books.ledger.hold(OWNER, 4, key="job:1")
    books.wait(seconds=60)

    assert (books.ledger.balance(OWNER), books.ledger.available(OWNER)) == (4, 0)
    hold.capture(3)

    assert books.moves() == [(Kind.GRANT, 10), (Kind.EXPIRY, -6), (Kind.SPEND, -3), (Kind.EXPIRY, -1)]


def test_what_a_release_gives_back_to_an_ended_lot_expires_at_once(books: Books) -> None:
    books.grant(10, expires_at=books.later(seconds=60))
    hold = books.ledger.hold(OWNER, 10, key="job:1")
    books.wait(seconds=60)
    books.ledger.write_due()

    hold.release()

    assert books.ledger.balance(OWNER) == 0
    assert books.moves() == [(Kind.GRANT, 10), (Kind.EXPIRY, -10)]


def test_a_reversal_gives_back_to_the_lots_that_were_drawn(books: Books) -> None:
    books.grant(5, "gift:soon", expires_at=books.later(days=3))
    books.grant(5, "gift:for-ever")
    books.spend(7, "report:1")

    books.reverse("report:1", "undo:1")

    assert books.left() == {"gift:soon": 5, "gift:for-ever": 5}


def test_spends_of_one_lot_share_a_row_and_each_is_given_back_to_its_lot(books: Books) -> None:
    books.grant(5, "gift:first")
    books.grant(5, "gift:second")
    for number in (1, 2, 3):
        books.spend(2, f"report:{number}")
        books.unjoined.bring_up_to_date(OWNER)
    books.spend(2, "report:4")
    books.unjoined.bring_up_to_date(OWNER)

    draws = books.session.execute(
        select(Draw.seq, Draw.lot_seq, Draw.credits).order_by(Draw.seq, Draw.lot_seq)
    )
    assert [tuple(draw) for draw in draws] == [(3, 1, 2), (5, 1, 1), (5, 2, 1)]

    books.reverse("report:2", "undo:1")
    assert books.left() == {"gift:first": 2, "gift:second": 2}
    books.spend(1, "report:5")
    books.reverse("report:4", "undo:2")
    assert books.left() == {"gift:first": 1, "gift:second": 4}


def test_a_reversal_in_part_gives_back_what_was_drawn_last(books: Books) -> None:
    books.grant(5, "gift:soon", expires_at=books.later(days=3))
    books.grant(5, "gift:for-ever")
    books.spend(7, "report:1")

    books.reverse("report:1", "undo:1", 3)

    assert books.left() == {"gift:soon": 1, "gift:for-ever": 5}
    with pytest.raises(NothingToReverse):
        books.reverse("report:1", "undo:2", 5)
    books.reverse("report:1", "undo:2", 4)
    with pytest.raises(NothingToReverse):
        books.reverse("report:1", "undo:3")


def test_a_reversal_after_its_lot_ended_comes_back_for_as_long_as_that_had_left(books: Books) -> None:
    books.buy(10, 1000, expires_at=books.later(days=10))
    books.wait(days=3)
    books.spend(4, "report:1")
    books.wait(days=20)

    back = books.reverse("report:1", "undo:1")

    assert books.left() == {"undo:1": 4}
    assert back.expires_at == books.later(days=7)
    assert (back.amount_minor, back.currency) == (400, "usd")


def test_credits_that_come_back_last_a_day_at_least(books: Books) -> None:
    books.grant(10, expires_at=books.later(hours=1))
    books.spend(10, "report:1")
    books.wait(days=20)

    back = books.reverse("report:1", "undo:1")

    assert back.expires_at == books.later(days=1)


def test_a_reversal_of_two_ended_lots_is_two_entries_and_one_key(books: Books) -> None:
    books.grant(5, "gift:1", expires_at=books.later(days=1))
    books.grant(5, "gift:2", expires_at=books.later(days=2))
    books.spend(8, "report:1")
    books.wait(days=20)

    books.reverse("report:1", "undo:1")
    books.reverse("report:1", "undo:1")
    books.reverse("report:1", "undo:1", 8)

    assert [move for move in books.moves() if move[0] is Kind.REVERSAL] == [
        (Kind.REVERSAL, 3),
        (Kind.REVERSAL, 5),
    ]
    with pytest.raises(KeyReused):
        books.reverse("report:1", "undo:1", 7)


def test_a_captured_hold_can_be_reversed_too(books: Books) -> None:
    books.grant(10)
    books.ledger.hold(OWNER, 6, key="job:1").capture(4)

    with pytest.raises(NothingToReverse, match=r"a hold of that key has: give spend_key='hold:job:1'$"):
        books.reverse("job:1", "undo:1")
    books.reverse("hold:job:1", "undo:1")

    assert books.ledger.balance(OWNER) == 10


@pytest.mark.parametrize("spend_key", ["report:none", "gift"])
def test_only_a_spend_can_be_reversed(books: Books, spend_key: str) -> None:
    books.grant(10)

    with pytest.raises(NothingToReverse):
        books.reverse(spend_key, "undo:1")


def test_an_allowance_lapses_after_its_grace(books: Books) -> None:
    renew(books, 100, "invoice:1", days=30)

    books.wait(days=30, hours=71)
    assert books.ledger.balance(OWNER) == 100

    books.wait(hours=1)
    assert books.ledger.balance(OWNER) == 0


def test_a_renewal_ends_the_rest_of_the_last_allowance_by_name(books: Books) -> None:
    first = renew(books, 100, "invoice:1")
    books.grant(7)
    books.spend(40, "report:1")
    books.wait(days=30, hours=1)

    renew(books, 100, "invoice:2")

    assert books.ledger.balance(OWNER) == 107
    expiry = books.session.scalars(select(Entry).where(Entry.kind == Kind.EXPIRY)).one()
    assert (expiry.credits, expiry.refers_to_seq) == (-60, first.seq)


def test_a_renewal_moves_credits_up_to_the_cap(books: Books) -> None:
    renew(books, 100, "invoice:1")
    books.spend(40, "report:1")

    renew(books, 100, "invoice:2", roll_over=25)

    assert books.ledger.balance(OWNER) == 125
    assert {lot.expires_at for lot in books.ledger.lots(OWNER)} == {books.later(days=30, hours=72)}


def test_a_renewal_that_comes_again_ends_nothing(books: Books) -> None:
    renew(books, 100, "invoice:1")
    renew(books, 100, "invoice:1")

    assert books.moves() == [(Kind.ALLOWANCE, 100)]


def test_what_a_hold_gives_back_to_a_superseded_allowance_expires_at_once(books: Books) -> None:
    renew(books, 100, "invoice:1")
    hold = books.ledger.hold(OWNER, 100, key="job:1")
    renew(books, 50, "invoice:2")

    hold.release()

    assert books.ledger.balance(OWNER) == 50


def test_drawing_lots_takes_any_number_of_pages(books: Books) -> None:
    books.grant(5000, expires_at=books.later(days=1))
    with books.engine.begin() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)"
            " INSERT INTO prepaid_entry (wallet_id, slot, seq, kind, key, credits, debt, balance_after, at)"
            " SELECT id, w.slot, i + 1, 'spend', 'report:' || i, -1, 0, 5000 - i, moved_at"
            " FROM n, prepaid_wallet w"
        )
        connection.exec_driver_sql("UPDATE prepaid_wallet SET balance = 500, seq = 4501")
    books.wait(days=1)

    assert books.ledger.write_due() == 1

    assert books.ledger.balance(OWNER) == 0


def test_what_is_left_ends_when_its_end_was_moved_to(books: Books) -> None:
    books.grant(10, "trial", expires_at=books.later(days=1))
    books.spend(4, "report:1")

    for _ in range(2):
        books.ledger.move_end(OWNER, key="trial", expires_at=books.later(days=3))
        books.commit()

    books.wait(days=2)
    assert books.ledger.balance(OWNER) == 6
    books.wait(days=1)
    assert books.ledger.balance(OWNER) == 0
    assert [credits for _, credits in books.moves()] == [10, -4, -6, 6]
