"""What an invoice gives, by its lines alone: without Stripe, and without a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flask_prepaid.gateway.billing.invoice_values import InvoiceLine
from flask_prepaid.subscriptions.invoices.worth import Known, NotOurs, OtherMonth, Worth, worth
from flask_prepaid.subscriptions.models import PlanPrice

#: 100 and 300 credits for $10 and $30 a month, which has 3,000 seconds here.
PRICES = {
    "small": PlanPrice(credits=100, parts=1, amount_minor=1_000, roll_over=20),
    "large": PlanPrice(credits=300, parts=1, amount_minor=3_000, roll_over=0),
}
MONTH = (0, 3_000)

SMALL = InvoiceLine(
    price_id="small",
    item_id="si_1",
    quantity=1,
    amount_minor=1_000,
    net_minor=1_000,
    is_of_plan=True,
    is_part=False,
    gives_back=False,
    start=0,
    end=3_000,
    discount_ids=frozenset(),
)
LARGE = replace(SMALL, price_id="large", amount_minor=3_000, net_minor=3_000)


def part(line: InvoiceLine, start: int, amount_minor: int, **changes: Any) -> InvoiceLine:
    """The rest of a month from ``start`` on."""
    changes |= {"amount_minor": amount_minor, "net_minor": amount_minor, "gives_back": amount_minor < 0}
    return replace(line, is_part=True, start=start, **changes)


def gives(*lines: InvoiceLine, rate: int = 0) -> Worth:
    known = Known(PRICES, lambda start, end: MONTH if end == MONTH[1] else None, lambda period: rate)
    return worth(lines, known)


def test_a_month_gives_its_credits_and_takes_the_last_ones_place() -> None:
    assert gives(SMALL) == Worth(100, 3_000, True, 20, 100)


def test_two_of_a_plan_give_and_roll_over_twice_as_much() -> None:
    assert gives(replace(SMALL, quantity=2, amount_minor=2_000)) == Worth(200, 3_000, True, 40, 200)


def test_a_month_at_half_its_price_gives_half_and_a_dearer_one_no_more_than_all() -> None:
    assert gives(replace(SMALL, amount_minor=500)).credits == 50
    assert gives(replace(SMALL, amount_minor=1_001)).credits == 100


def test_an_upgrade_gives_the_difference_for_the_rest_of_the_month_rounded_down() -> None:
    upgrade = part(SMALL, 1_000, -667), part(LARGE, 1_000, 2_000)

    assert gives(*upgrade) == Worth(133, 3_000, False, 0, 300)  # two thirds of 300 - 100


def test_a_smaller_plan_takes_the_difference_for_the_rest_of_the_month() -> None:
    smaller = part(LARGE, 1_500, -1_500), part(SMALL, 1_500, 500)

    assert gives(*smaller) == Worth(-100, 3_000, False, 0, 100)


def test_what_was_free_is_taken_for_what_takes_its_place() -> None:
    """Stripe gives nothing back for it, so it has no line."""
    assert gives(part(LARGE, 1_500, 1_500), rate=100).credits == 100
    assert gives(part(SMALL, 1_500, -500), part(LARGE, 1_500, 1_500), rate=100).credits == 100


def test_another_months_length_gives_its_credits_beside_what_was_given_back() -> None:
    yearly = replace(LARGE, start=1_000, end=9_000)

    assert gives(part(SMALL, 1_000, -667), yearly) == Worth(233, 9_000, False, 0, 300)


def test_a_month_that_begins_when_the_one_given_back_is_over_takes_its_place() -> None:
    following = replace(LARGE, start=3_000, end=6_000)

    of_the_last = OtherMonth(MONTH, -66)
    assert gives(part(SMALL, 1_000, -667), following) == Worth(300, 6_000, True, 0, 300, (of_the_last,))


def test_what_an_upgrade_was_short_of_before_comes_with_the_next_month() -> None:
    """Stripe's dashboard put it off until then."""
    upgrade = part(SMALL, 1_000, -667), part(LARGE, 1_000, 2_000)

    assert gives(*upgrade, replace(LARGE, start=3_000, end=6_000)).credits == 300 + 133


@pytest.mark.parametrize("backwards", [False, True])
def test_a_free_month_is_changed_twice_and_each_change_takes_what_was_there_before(backwards: bool) -> None:
    lines = [part(LARGE, 1_000, 2_000), part(SMALL, 2_000, 333)]

    assert gives(*reversed(lines) if backwards else lines, rate=60).credits == 240 * 2 // 3 - 200 // 3 - 1


def test_a_free_month_is_changed_to_one_that_costs_something_and_that_one_is_given_back() -> None:
    lines = part(LARGE, 1_000, 2_000), part(LARGE, 2_000, -1_000), part(SMALL, 2_000, 333)

    assert gives(*lines, rate=60).credits == 240 * 2 // 3 - 200 // 3 - 1


def test_a_line_that_costs_nothing_or_is_of_no_plan_gives_nothing() -> None:
    free = replace(SMALL, amount_minor=0, net_minor=0)

    assert gives(free, replace(SMALL, is_of_plan=False)) == Worth(0, 0, False, 0, 0)


def test_an_item_put_beside_the_plan_is_left_out() -> None:
    assert gives(SMALL, replace(SMALL, price_id="phone", item_id="si_2")) == gives(SMALL)


@pytest.mark.parametrize(
    ("lines", "unknown"),
    [
        ([replace(SMALL, price_id="phone")], "price phone"),
        ([SMALL, replace(SMALL, price_id="phone")], "price phone"),
        ([SMALL, replace(SMALL, price_id="phone", item_id=None)], "price phone"),
        ([part(SMALL, 1_000, 500, end=2_999)], "a part of a period until 2999"),
    ],
)
def test_what_is_not_known_gives_nothing(lines: list[InvoiceLine], unknown: str) -> None:
    with pytest.raises(NotOurs, match=unknown):
        gives(*lines)
