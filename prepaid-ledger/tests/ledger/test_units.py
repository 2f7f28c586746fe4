"""Credits with decimals: whole numbers in the ledger, 0.125 for people."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from prepaid_ledger import Rates, Unit
from prepaid_ledger.errors import BudgetExceeded, Busy, InsufficientCredits, WalletBlocked

from .books import OWNER, Books

THOUSANDTHS = Unit("credit", scale=3)


@pytest.mark.parametrize(
    ("credits", "number", "plain", "text"),
    [
        (0, "0", "0.000", "0 credits"),
        (125, "0.125", "0.125", "0.125 credits"),
        (1_000, "1", "1.000", "1 credit"),
        (-1_000, "-1", "-1.000", "-1 credit"),
        (1_500, "1.5", "1.500", "1.5 credits"),
        (-1, "-0.001", "-0.001", "-0.001 credits"),
        (10**15, "1,000,000,000,000", "1000000000000.000", "1,000,000,000,000 credits"),
    ],
)
def test_what_people_read_and_what_programs_read(credits: int, number: str, plain: str, text: str) -> None:
    assert (THOUSANDTHS.number(credits), THOUSANDTHS.plain(credits)) == (number, plain)
    assert THOUSANDTHS.text(credits) == text
    if credits >= 0:
        assert THOUSANDTHS.parts(plain) == credits


def test_a_unit_without_decimals_shows_whole_numbers_and_its_own_words() -> None:
    assert Unit().text(1_000) == "1,000 credits"
    assert Unit("penny", "pence").text(1) == "1 penny"
    assert Unit("penny", "pence").text(0) == "0 pence"
    assert (Unit().plain(1_000), Unit().parts("1000"), Unit(scale=2).parts(3)) == ("1000", 1000, 300)
    assert Unit(scale=2).parts(Decimal("1e1")) == 1_000


@pytest.mark.parametrize(
    "number", ["", ".", "-1", "1,5", "1e3", "²", "0.0001", "0.12345", 0.5, True, None, "9" * 20]
)
def test_what_is_no_such_number_is_refused(number: Any) -> None:
    with pytest.raises(ValueError, match=r"^credits (are|have) "):
        THOUSANDTHS.parts(number)


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"scale": 10}, "scale of a unit is a whole number from 0 to 9, not 10"),
        ({"scale": "3"}, "scale of a unit"),
        ({"name": ""}, "name of a unit is a word of 1 to 32 characters, not ''"),
        ({"name": "credit", "plural": "a\nb"}, "plural of a unit"),
    ],
)
def test_a_unit_that_is_none_is_refused(terms: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Unit(**terms)


def test_refusals_are_told_in_the_unit(books: Books) -> None:
    books.grant(1_000)
    books.ledger.set_budget(OWNER, 2_500, spender="key:1", every="day")
    books.commit()

    with pytest.raises(InsufficientCredits) as poor:
        books.spend(1_125, "call:1")
    books.grant(9_000, "gift:2")
    with pytest.raises(BudgetExceeded) as over:
        books.spend(4_000, "call:2", spender="key:1")
    books.ledger.hold(OWNER, 9_000, key="call:3").capture(11_000, overrun="debt")
    with pytest.raises(WalletBlocked) as blocked:
        books.spend(1, "call:4")

    assert poor.value.message(THOUSANDTHS) == "1.125 credits are needed, 1 is available"
    of_key = "the budget of 'key:1', 2.5 a day, has 2.5 left, and 4 are needed; it begins anew at 2026-01-02"
    assert over.value.message(THOUSANDTHS) == f"{of_key} 00:00 UTC"
    assert blocked.value.message(THOUSANDTHS) == "1 credit is owed; the next purchase pays it first"
    for error in (poor.value, over.value, blocked.value, Busy("Wait.")):
        assert error.message(Unit()).replace(",", "") == str(error).replace(",", "")


def test_two_thousand_five_hundred_calls_at_four_tenths_of_a_cent_are_ten_dollars(books: Books) -> None:
    rates = Rates({"call": "0.004"}, version="2026-11", scale=THOUSANDTHS.scale)
    books.buy(THOUSANDTHS.parts("10"), 1_000)

    with books.ledger.meter(
        OWNER, key="calls", item="call", rates=rates, step=THOUSANDTHS.parts("1")
    ) as meter:
        for _ in range(2_500):
            meter.count()

    assert THOUSANDTHS.text(meter.counted) == "10 credits"
    assert books.ledger.balance(OWNER) == 0
