"""Credits set aside: captured, released or timed out, by whoever knows the key."""

from __future__ import annotations

import pytest
from flask import Response, abort, jsonify
from flask.typing import ResponseReturnValue

from prepaid_ledger.books.hold_states import MOVES, move
from prepaid_ledger.errors import HoldClosed, InsufficientCredits, KeyReused
from prepaid_ledger.tables import HoldState, Kind

from .books import OWNER, Books


@pytest.mark.parametrize("state", list(HoldState))
@pytest.mark.parametrize("verb", ["capture", "release", "expire"])
def test_every_pair_of_state_and_verb_is_in_the_table_or_refused(state: HoldState, verb: str) -> None:
    if state is HoldState.OPEN:
        assert move(state, verb) is MOVES[state, verb]
    else:
        with pytest.raises(HoldClosed, match=f"cannot {verb} a hold that is {state}"):
            move(state, verb)


def test_held_credits_stay_in_the_balance_and_cannot_be_spent(books: Books) -> None:
    books.grant(10)

    books.prepaid.hold(OWNER, 7, key="job:1")

    standing = books.prepaid.wallet(OWNER)
    assert (standing.balance, standing.held, standing.available) == (10, 7, 3)
    with pytest.raises(InsufficientCredits):
        books.spend(4, "report:1")
    with pytest.raises(InsufficientCredits):
        books.prepaid.spend_now(OWNER, credits=4, key="report:1")
    with pytest.raises(InsufficientCredits):
        books.prepaid.hold(OWNER, 4, key="job:2")
    with pytest.raises(InsufficientCredits):
        books.adjust(-4)


def test_what_is_not_captured_goes_back(books: Books) -> None:
    books.grant(10)

    with books.prepaid.hold(OWNER, 7, key="job:1") as hold:
        hold.capture(5)

    assert books.moves() == [(Kind.GRANT, 10), (Kind.SPEND, -5)]
    assert books.prepaid.available(OWNER) == 5


def test_a_block_that_raises_gives_all_back(books: Books) -> None:
    books.grant(10)

    with pytest.raises(ZeroDivisionError), books.prepaid.hold(OWNER, 7, key="job:1"):
        _ = 1 / 0

    assert books.prepaid.available(OWNER) == 10
    assert books.moves() == [(Kind.GRANT, 10)]


def test_a_hold_is_ended_by_its_key_in_another_process(books: Books, other_books: Books) -> None:
    books.grant(10)
    books.prepaid.hold(OWNER, 7, key="job:1")

    with other_books.app.app_context():
        other_books.prepaid.capture(OWNER, key="job:1", credits=7)

    assert books.prepaid.balance(OWNER) == 3


def test_a_capture_that_comes_again_takes_nothing_more(books: Books) -> None:
    books.grant(10)
    books.prepaid.hold(OWNER, 7, key="job:1")

    books.prepaid.capture(OWNER, key="job:1", credits=5)
    books.prepaid.capture(OWNER, key="job:1", credits=5)

    assert books.prepaid.balance(OWNER) == 5
    with pytest.raises(HoldClosed):
        books.prepaid.capture(OWNER, key="job:1", credits=4)
    with pytest.raises(HoldClosed):
        books.prepaid.release(OWNER, key="job:1")


def test_a_release_that_comes_again_does_nothing(books: Books) -> None:
    books.grant(10)
    books.prepaid.hold(OWNER, 7, key="job:1")

    books.prepaid.release(OWNER, key="job:1")
    books.prepaid.release(OWNER, key="job:1")

    assert books.prepaid.available(OWNER) == 10
    with pytest.raises(HoldClosed):
        books.prepaid.capture(OWNER, key="job:1")


def test_more_than_is_held_cannot_be_captured(books: Books) -> None:
    books.grant(10)
    hold = books.prepaid.hold(OWNER, 7, key="job:1")

    with pytest.raises(ValueError, match="7 credits are held"):
        hold.capture(8)

    hold.capture(0)
    assert books.prepaid.available(OWNER) == 10


def test_the_same_key_is_the_same_hold(books: Books) -> None:
    books.grant(10)
    books.prepaid.hold(OWNER, 7, key="job:1")
    books.prepaid.hold(OWNER, 7, key="job:1")

    assert books.prepaid.wallet(OWNER).held == 7
    with pytest.raises(KeyReused):
        books.prepaid.hold(OWNER, 6, key="job:1")


def test_a_hold_that_never_was_cannot_be_ended(books: Books) -> None:
    with pytest.raises(HoldClosed):
        books.prepaid.capture(OWNER, key="job:none")


def test_an_overdue_hold_is_released_by_the_spend_that_needs_its_credits(books: Books) -> None:
    books.grant(10)
    hold = books.prepaid.hold(OWNER, 7, key="job:1")
    books.wait(hours=1)

    assert books.prepaid.available(OWNER) == 10
    books.spend(8, "report:1")

    with pytest.raises(HoldClosed):
        hold.capture()


def test_an_overdue_hold_can_be_captured_as_long_as_nobody_needed_its_credits(books: Books) -> None:
    books.grant(10)
    hold = books.prepaid.hold(OWNER, 7, key="job:1")
    books.wait(hours=2)
    books.spend(3, "report:1")

    hold.capture()

    assert books.prepaid.balance(OWNER) == 0


def test_tick_releases_what_is_overdue(books: Books) -> None:
    books.grant(10)
    books.prepaid.hold(OWNER, 7, key="job:1")
    books.wait(hours=1)

    assert books.prepaid.write_due() == 1
    assert books.prepaid.write_due() == 0

    with pytest.raises(HoldClosed):
        books.prepaid.capture(OWNER, key="job:1")


@pytest.mark.parametrize(("answer", "left"), [("fine", 7), ("broken", 10), ("refused", 10), ("raises", 10)])
def test_a_view_costs_credits_only_if_it_answers(books: Books, answer: str, left: int) -> None:
    books.grant(10)
    books.app.config["PROPAGATE_EXCEPTIONS"] = False

    @books.app.get("/report")
    @books.prepaid.costs(3)
    def report() -> ResponseReturnValue:
        if answer == "raises":
            raise RuntimeError("the work went wrong")
        if answer == "refused":
            abort(404)
        return jsonify(pages=1), 503 if answer == "broken" else 200

    books.app.test_client().get("/report", headers={"X-Owner": OWNER})

    assert books.prepaid.available(OWNER) == left


def test_a_view_that_costs_too_much_answers_402_to_programs_and_people(books: Books) -> None:
    books.grant(2)

    @books.app.get("/report")
    @books.prepaid.costs(3)
    def report() -> ResponseReturnValue:
        raise AssertionError("nobody paid")

    browser = books.app.test_client()
    program = browser.get("/report", headers={"X-Owner": OWNER, "Accept": "application/json"})
    person = browser.get("/report", headers={"X-Owner": OWNER, "Accept": "text/html"})

    assert program.status_code == person.status_code == 402
    assert program.get_json()["error"]["code"] == "insufficient_credits"
    assert "3 credits are needed, 2 are available" in person.get_data(as_text=True)


def test_a_view_with_a_price_asks_who_pays(books: Books) -> None:
    @books.app.get("/report")
    @books.prepaid.costs(3)
    def report() -> Response:
        raise AssertionError("nobody paid")

    assert books.app.test_client().get("/report").status_code == 401
