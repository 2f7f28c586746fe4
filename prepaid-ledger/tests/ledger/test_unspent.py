"""What went without being spent makes no debt when its money goes back.

It lapsed, moved up, or was taken by hand.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import URL

from prepaid_ledger.books.allowances import ALLOWANCE_GRACE
from prepaid_ledger.books.reversals import shares
from prepaid_ledger.errors import KeyReused

from .books import OWNER, Books


def stands(books: Books) -> tuple[int, int]:
    """The balance and the debt."""
    wallet = books.ledger.wallet(OWNER)
    return wallet.balance, wallet.debt


def renew(books: Books, key: str, *, roll_over: int = 0, credits: int = 100) -> None:
    books.committed(
        lambda: books.ledger.allowance(
            OWNER,
            credits,
            key=key,
            period_end=books.later(days=30),
            amount_minor=1000,
            currency="usd",
            roll_over=roll_over,
        )
    )


@pytest.mark.parametrize("used", [0, 30, 100])
def test_a_pack_that_lapsed_and_is_refunded_owes_what_was_spent_of_it(books: Books, used: int) -> None:
    books.buy(100, 1000, expires_at=books.later(days=30))
    if used:
        books.spend(used, "report:1")
    books.wait(days=31)

    books.refund(1000)

    assert stands(books) == (0, used)


def test_a_refund_in_parts_is_covered_by_what_lapsed_first(books: Books) -> None:
    books.buy(100, 1000, expires_at=books.later(days=30))
    books.spend(30, "report:1")
    books.wait(days=31)

    owed = []
    for number, minor in enumerate((400, 300, 300)):
        books.refund(minor, f"refund:{number}")
        owed.append(stands(books)[1])

    assert owed == [0, 0, 30]


def test_whether_it_lapsed_before_the_refund_or_after_it_ends_the_same(books: Books) -> None:
    books.buy(100, 1000, "sale:1", expires_at=books.later(days=30))
    books.spend(30, "report:1")
    books.refund(500, "refund:1", "sale:1")
    books.wait(days=31)
    books.refund(500, "refund:2", "sale:1")

    assert stands(books) == (0, 30)


def test_a_refund_that_fails_after_the_lapse_forgives_the_debt_that_is_no_more(books: Books) -> None:
    books.buy(100, 1000, expires_at=books.later(days=30))
    books.spend(30, "report:1")
    books.wait(days=31)
    books.refund(500, "refund:1")
    books.refund(500, "refund:2")

    books.refund_failed("refund:1", "refund-failed:1")

    assert stands(books) == (0, 0)


def test_money_back_for_what_cost_nothing_takes_all_of_it(books: Books) -> None:
    books.buy(100, 0)
    assert shares.credits_of_refund(100, paid_minor=0, refunded_minor=0) == 0

    books.refund(1)

    assert stands(books) == (0, 0)


def test_a_refund_that_took_nothing_gives_nothing_back(books: Books) -> None:
    books.buy(100, 1000, expires_at=books.later(days=30))
    books.refund(500, "refund:1")
    books.wait(days=31)
    books.refund(100, "refund:2")

    books.refund_failed("refund:2", "refund-failed:2")

    assert stands(books) == (0, 0)


def test_a_month_that_was_renewed_owes_what_was_spent_of_it(books: Books) -> None:
    renew(books, "invoice:1")
    books.spend(30, "report:1")
    books.wait(days=30)
    renew(books, "invoice:2")

    books.refund(1000, lot_key="invoice:1")

    assert stands(books) == (70, 0)  # the 30 are taken of the new month, which nobody holds


def test_what_rolled_over_goes_with_the_month_that_it_came_from(books: Books) -> None:
    renew(books, "invoice:1")
    books.wait(days=30)
    renew(books, "invoice:2", roll_over=40)
    assert stands(books) == (140, 0)

    books.refund(1000, lot_key="invoice:1")

    assert books.left() == {"invoice:2": 100}


def test_what_rolled_over_cost_its_share_and_a_rest_of_it_is_dropped(books: Books) -> None:
    renew(books, "invoice:1", credits=30)
    books.wait(days=30)
    renew(books, "invoice:2", roll_over=20)

    moved = next(entry for entry in books.ledger.entries(OWNER) if entry.key.startswith("rollover:"))

    assert (moved.credits, moved.amount_minor, moved.currency) == (20, 666, "usd")


def test_what_came_back_of_a_month_in_time_rolls_over_and_ends_with_it(books: Books) -> None:
    renew(books, "invoice:1")
    books.refund(750, lot_key="invoice:1")
    books.refund_failed()
    books.wait(days=30)

    renew(books, "invoice:2", roll_over=40)

    assert stands(books) == (140, 0)
    moved = [entry for entry in books.ledger.entries(OWNER) if entry.key.startswith("rollover:")]
    assert sum(entry.credits for entry in moved) == 40
    assert sum(entry.amount_minor or 0 for entry in moved) == 400
    books.wait(days=30)
    renew(books, "invoice:3", roll_over=120)
    assert stands(books) == (220, 0)  # also what had rolled over before


def test_what_came_back_of_a_month_after_it_keeps_its_own_end(books: Books) -> None:
    renew(books, "invoice:1")
    books.refund(750, lot_key="invoice:1")
    books.wait(days=40)
    books.refund_failed()

    renew(books, "invoice:2", roll_over=0)

    assert stands(books) == (175, 0)


@pytest.mark.parametrize("is_renewed", [True, False])
def test_what_came_back_in_the_grace_of_a_month_lasts_as_long_as_it_had_left(
    books: Books, is_renewed: bool
) -> None:
    period_end = books.later(days=30)
    renew(books, "invoice:1")
    books.wait(days=10)
    books.refund(1000, lot_key="invoice:1")
    books.wait(days=20)
    if is_renewed:
        renew(books, "invoice:2")
    books.wait(hours=30)

    back = books.refund_failed(period_end=period_end)

    had_left = timedelta(days=20) + ALLOWANCE_GRACE
    assert (back.credits, back.expires_at) == (100, books.time + had_left)
    renew(books, "invoice:3")
    assert stands(books) == (200, 0), "no renewal ends it, nor moves it up"


def test_half_a_month_back_leaves_what_rolled_over(books: Books) -> None:
    """60 of its 100 have lapsed, which is more than the 50 that the money stands for."""
    renew(books, "invoice:1")
    books.wait(days=30)
    renew(books, "invoice:2", roll_over=40)

    books.refund(500, lot_key="invoice:1")

    assert stands(books) == (140, 0)


def test_what_an_operator_took_is_not_owed_once_more(books: Books) -> None:
    books.buy(100, 1000)
    books.adjust(-100)

    books.refund(1000)

    assert stands(books) == (0, 0)


@pytest.mark.parametrize(("taken_by_hand", "left"), [(0, 50), (20, 50), (40, 50), (60, 40)])
def test_what_an_operator_took_covers_a_refund_and_not_a_smaller_plan_as_well(
    books: Books, taken_by_hand: int, left: int
) -> None:
    """Half the money stands for 50 credits, and so many of them are gone by hand."""
    books.buy(100, 1000)
    if taken_by_hand:
        books.adjust(-taken_by_hand)
    books.refund(500)
    assert stands(books) == (left, 0)

    books.claw_back("invoice:2", credits=30)

    assert stands(books) == (20, 0)


def test_what_an_operator_took_after_a_refund_covers_the_smaller_plan(books: Books) -> None:
    books.buy(100, 1000)
    books.refund(500)
    books.adjust(-20)

    books.claw_back("invoice:2", credits=30)

    assert stands(books) == (20, 0)


def test_a_spend_given_back_to_an_ended_lot_is_not_owed(books: Books) -> None:
    books.buy(100, 1000, expires_at=books.later(days=30))
    books.spend(60, "report:1")
    books.wait(days=31)
    books.reverse("report:1", "undo:1")
    books.wait(days=40)

    books.refund(1000)

    assert stands(books) == (0, 0)


def test_a_spend_given_back_after_the_refund_pays_the_debt_when_it_would_lapse(books: Books) -> None:
    books.buy(100, 1000, expires_at=books.later(days=30))
    books.spend(60, "report:1")
    books.refund(1000)
    books.reverse("report:1", "undo:1")
    assert stands(books) == (60, 60)

    books.wait(days=31)

    assert stands(books) == (0, 0)
    books.ledger.write_due()
    assert stands(books) == (0, 0)


def test_a_hold_released_to_an_ended_lot_after_the_refund_owes_nothing(books: Books) -> None:
    books.buy(100, 1000, expires_at=books.later(minutes=10))
    held = books.ledger.hold(OWNER, 30, key="job:1")
    books.wait(minutes=20)
    books.refund(1000)
    assert stands(books) == (30, 30)

    held.release()

    assert stands(books) == (0, 0)


def test_what_lapses_pays_its_part_before_a_grant_does(books: Books) -> None:
    books.buy(100, 1000, expires_at=books.later(days=30))
    books.spend(60, "report:1")
    books.refund(1000)
    books.reverse("report:1", "undo:1")
    books.wait(days=31)

    books.grant(10)

    assert stands(books) == (10, 0)


def test_credits_that_paid_a_debt_are_owed_when_their_own_money_goes_back(books: Books) -> None:
    """They were used, though not spent: nothing was paid in the end for what was."""
    books.buy(100, 1000, "sale:1")
    books.spend(100, "report:1")
    books.refund(1000, "refund:1", "sale:1")
    books.buy(100, 1000, "sale:2")

    books.refund(1000, "refund:2", "sale:2")

    assert stands(books) == (0, 100)


@pytest.mark.parametrize("smaller_first", [True, False])
def test_a_smaller_plan_and_a_refund_take_no_more_than_came_in(books: Books, smaller_first: bool) -> None:
    renew(books, "invoice:1")
    books.spend(100, "report:1")

    for made_smaller in (smaller_first, not smaller_first):
        if made_smaller:
            books.claw_back("invoice:2", "invoice:1", credits=60)
        else:
            books.refund(1000, lot_key="invoice:1")

    assert stands(books) == (0, 100)


def test_a_smaller_plan_that_found_less_says_the_same_when_it_comes_again(books: Books) -> None:
    books.buy(100, 1000)
    books.refund(700)

    first = books.claw_back("invoice:2", credits=60)
    again = books.claw_back("invoice:2", credits=60)

    assert (first.credits, again.seq) == (-30, first.seq)


def test_a_smaller_plan_between_a_refund_and_its_failure_takes_its_part_in_the_end(books: Books) -> None:
    renew(books, "invoice:1")
    books.refund(1000, lot_key="invoice:1")
    first = books.claw_back("invoice:2", "invoice:1", credits=25)
    assert first.credits == 0

    books.refund_failed()

    assert stands(books) == (75, 0)


def test_a_clawback_that_names_credits_comes_again_after_another_one_was_undone(books: Books) -> None:
    books.buy(100, 1000)
    books.refund(500, "refund:1")
    first = books.claw_back("smaller:1", credits=80)
    books.refund_failed("refund:1")

    again = books.claw_back("smaller:1", credits=80)

    assert (again.seq, again.credits) == (first.seq, -50)
    assert stands(books) == (20, 0)


def test_a_clawback_that_names_other_credits_than_before_is_refused(books: Books) -> None:
    books.buy(100, 1000)
    books.refund(1000)
    books.claw_back("invoice:2", credits=60)

    with pytest.raises(KeyReused):
        books.claw_back("invoice:2", credits=61)


def test_the_audit_finds_a_lot_of_which_more_is_taken_than_came_in(
    database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books(database)
    renew(books, "invoice:1")
    books.refund(1000, lot_key="invoice:1")
    assert books.ledger.audit() == []

    with monkeypatch.context() as patch:
        patch.setattr(shares.Share, "of_named", lambda share, credits: credits)
        books.claw_back("invoice:2", "invoice:1", credits=60)

    assert [str(problem) for problem in books.ledger.audit()] == [
        "I7 user:1: 'invoice:1': 160 of its 100 credits are taken or owed, not 100, which is what its "
        "refunds take"
    ]
    books.discard()


def test_the_audit_finds_a_debt_of_what_lapsed(database: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books(database)
    books.buy(100, 1000, expires_at=books.later(days=30))
    books.wait(days=31)

    with monkeypatch.context() as patch:
        patch.setattr(shares.Share, "gone", property(lambda share: 0, lambda share, credits: None))
        books.refund(1000)

    assert [str(problem) for problem in books.ledger.audit()] == [
        "I7 user:1: 'sale:1': 100 of its 100 credits are taken or owed, not 0, which is what its refunds take"
    ]
    books.discard()
