"""What invoice lines cost and say, and how an invoice adds up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from stripe_emulator.catalog.sums import amounts, totals
from stripe_emulator.catalog.sums.totals import AfterBalance, Cut, Rate

JULY, AUGUST = 1782864000, 1785542400  # 1 July and 1 August 2026


def price(**fields: Any) -> dict[str, Any]:
    return {
        "billing_scheme": "per_unit",
        "currency": "usd",
        "recurring": {"interval": "month", "interval_count": 1},
        "unit_amount": 1000,
        "unit_amount_decimal": "1000",
    } | fields


@pytest.mark.parametrize(("value", "whole"), [("0.5", 1), ("-0.5", -1), ("1.49", 1), ("-2.5", -3), ("2", 2)])
def test_halves_round_away_from_zero(value: str, whole: int) -> None:
    assert amounts.rounded(Fraction(value)) == whole


def test_what_is_left_of_a_month_is_counted_by_the_second() -> None:
    noon_of_the_16th = JULY + 15 * 86400 + 43200

    assert amounts.share(1000, start=JULY, end=AUGUST, since=noon_of_the_16th) == 500
    assert amounts.share(1000, start=JULY, end=AUGUST, since=noon_of_the_16th - 1340) == 501
    assert amounts.share(1000, start=JULY, end=AUGUST, since=JULY) == 1000
    assert amounts.share(1000, start=JULY, end=AUGUST, since=AUGUST) == 0


def test_what_is_charged_in_coins_of_ten_is_rounded_to_them() -> None:
    noon_of_the_16th = JULY + (AUGUST - JULY) // 2
    assert amounts.share(1_250, start=JULY, end=AUGUST, since=noon_of_the_16th, coin=10) == 630
    assert totals.discounted([1_250], Cut(percent=Decimal(33), coin=10)) == [410]
    assert totals.discounted([500, 500, 250], Cut(percent=Decimal(33), coin=10)) == [170, 160, 80]
    assert totals.tax(1_250, [Rate(Decimal(5), inclusive=False)], 10) == [60]


def test_lines_are_described_in_stripes_words() -> None:
    yearly = price(recurring={"interval": "year", "interval_count": 1}, unit_amount_decimal="123450")

    gold, seats = amounts.Sold("Gold"), amounts.Sold("Gold", "seat")
    assert amounts.regular(gold, price(), 1) == "1 × Gold (at $10.00 / month)"
    assert amounts.regular(gold, yearly, 3) == "3 × Gold (at $1,234.50 / year)"
    assert amounts.regular(seats, yearly, 3) == "3 seat × Gold (at $1,234.50 / year)"
    assert amounts.regular(gold, price(unit_amount_decimal="0.5"), 1) == "1 × Gold (at $0.005 / month)"
    assert amounts.unused(gold, 1, JULY + 24 * 86400) == "Unused time on Gold after 25 Jul 2026"
    assert amounts.remaining(gold, 2, JULY) == "Remaining time on 2 × Gold after 01 Jul 2026"
    assert amounts.trial(seats, 1) == "Free trial for 1 seat × Gold"


def test_a_discount_is_spread_over_lines_and_loses_no_cent() -> None:
    assert totals.discounted([100, 100, 100], Cut(amount=100)) == [34, 33, 33]
    assert totals.discounted([999, 1], Cut(percent=Decimal("33.3"))) == [333, 0]
    assert totals.discounted([1000, -400], Cut(percent=Decimal(50))) == [500, -200]
    assert totals.discounted([300, 200], Cut(amount=9999)) == [300, 200]
    assert totals.discounted([0, 0], Cut(amount=100)) == [0, 0]


def test_tax_is_added_or_contained_and_rounded_for_each_rate() -> None:
    assert totals.tax(1000, [Rate(Decimal(19), inclusive=False)]) == [190]
    assert totals.tax(1190, [Rate(Decimal(19), inclusive=True)]) == [190]
    assert totals.tax(999, [Rate(Decimal("7.25"), False), Rate(Decimal("0.375"), False)]) == [72, 4]


@pytest.mark.parametrize(
    ("total", "balance", "outcome"),
    [
        (1000, 0, AfterBalance(1000, 0)),
        (1000, -300, AfterBalance(700, 0)),
        (1000, -1500, AfterBalance(0, -500)),
        (-800, 0, AfterBalance(0, -800)),
        (-800, -200, AfterBalance(0, -1000)),
        (30, 0, AfterBalance(0, 30)),
        (1000, 30, AfterBalance(1030, 0)),
        (0, 0, AfterBalance(0, 0)),
    ],
)
def test_credit_pays_first_and_what_is_too_small_waits(
    total: int, balance: int, outcome: AfterBalance
) -> None:
    assert totals.after_balance(total, balance, minimum=50) == outcome
