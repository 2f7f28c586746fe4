"""A plan is changed while a coupon is on it."""

from __future__ import annotations

from typing import Any

import pytest

from flask_prepaid.subscriptions.models import State

from .plan_shop import PlanShop, moment


def test_a_planned_change_keeps_its_discount_when_another_one_takes_its_place(shop: PlanShop) -> None:
    shop.subscribe("large")
    half = shop.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    shop.v1.subscriptions.update(shop.stripe_id(), {"discounts": [{"coupon": half.id}]})
    shop.change("small")

    page, _ = shop.preview("trial")
    assert "$10.00 on 28 February 2026" in page
    shop.change("trial")
    shop.pass_time(days=30)

    assert [invoice.total_minor for invoice in shop.invoices()] == [4_000, 1_000]


@pytest.mark.parametrize(("first", "wanted"), [("small", "yearly"), ("yearly", "small")])
def test_a_discount_stands_in_the_preview_of_another_interval(
    shop: PlanShop, first: str, wanted: str
) -> None:
    shop.subscribe(first)
    half = shop.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    shop.v1.subscriptions.update(shop.stripe_id(), {"discounts": [{"coupon": half.id}]})
    shop.pass_time(days=14)

    page, _ = shop.preview(wanted)
    shop.change(wanted)

    next_charge = {"yearly": "$200.00 on 14 February 2027", "small": "$5.00 on 31 January 2027"}[wanted]
    assert next_charge in page
    amount, day = next_charge.split(" on ")
    assert f"Next charge: <strong>{amount}</strong> on {day}" in shop.page()


def put_on(shop: PlanShop, **coupon: Any) -> None:
    """An operator puts a coupon of half the price on the plan, in Stripe's dashboard."""
    made = shop.v1.coupons.create({"percent_off": 50, **coupon})  # type: ignore[arg-type]
    shop.v1.subscriptions.update(shop.stripe_id(), {"discounts": [{"coupon": made.id}]})


@pytest.mark.parametrize(
    ("wanted", "planned", "now_minor", "next_charge"),
    [
        ("large", None, 500, "$40.00 on 28 February 2026"),
        ("yearly", None, 19_500, "$400.00 on 14 February 2027"),
        ("large", "seats", 500, "$40.00 on 28 February 2026"),
        ("seats", None, 0, "$0.75 on 28 February 2026"),
    ],
    ids=["a part of a month", "a year", "beside a planned change", "nothing now"],
)
def test_a_coupon_for_once_is_off_what_is_charged_first_and_not_off_the_next_charge(
    shop: PlanShop, wanted: str, planned: str | None, now_minor: int, next_charge: str
) -> None:
    shop.subscribe("small")
    put_on(shop, duration="once")
    if planned:
        shop.change(planned)
    shop.pass_time(days=14)

    page, fields = shop.preview(wanted)
    assert (fields["due_minor"], next_charge in page) == (str(now_minor), True), page
    shop.send("/change", **fields)
    shop.stripe.deliver()

    amount, day = next_charge.split(" on ")
    assert f"Next charge: <strong>{amount}</strong> on {day}" in shop.page()
    shop.pass_time(to=moment("2027-02-16" if wanted == "yearly" else "2026-03-02"))
    assert shop.invoices()[-1].total_minor == int(amount.strip("$").replace(".", ""))


def test_a_larger_plan_that_a_coupon_makes_free_begins_at_once(shop: PlanShop) -> None:
    shop.subscribe("small")
    put_on(shop, duration="once", percent_off=100)
    shop.pass_time(days=14)

    page, _ = shop.preview("large")
    assert "<dt>Today</dt><dd>Nothing is charged</dd>" in page
    since = shop.change("large")

    assert shop.balance() == 100 + shop.share(500 - 100, since)
    assert (shop.row().state, shop.invoices()[-1].total_minor < 0) == (State.ACTIVE, True)


def test_a_coupon_for_some_months_is_not_off_a_charge_after_them(shop: PlanShop) -> None:
    shop.subscribe("small")
    put_on(shop, duration="repeating", duration_in_months=3)
    shop.pass_time(days=14)

    page, _ = shop.preview("yearly")
    assert "$400.00 on 14 February 2027" in page
    shop.change("yearly")

    assert shop.invoices()[-1].total_minor == 20_000 - 500
    assert "Next charge: <strong>$400.00</strong> on 14 February 2027" in shop.page()
