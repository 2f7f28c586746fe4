"""What a plan owes is paid as soon as a better card is there, not when Stripe's next retry comes."""

from __future__ import annotations

from flask_prepaid.subscriptions.models import State

from .plan_shop import PlanShop
from .test_failing import fail_next


def fall_behind(shop: PlanShop) -> None:
    shop.subscribe("small")
    fail_next(shop)
    shop.pass_time(days=29)
    assert shop.state() is State.PAST_DUE


def leave_card(shop: PlanShop, number: str) -> None:
    opened = shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/add")
    shop.stripe.pay(shop.session_of(opened), card=number)


def test_a_new_card_pays_what_is_owed_at_once_and_the_plan_from_then_on(shop: PlanShop) -> None:
    fall_behind(shop)

    leave_card(shop, "5555555555554444")
    shop.tick()

    assert shop.state() is State.ACTIVE
    assert shop.entries()[-1] == ("allowance", 100)
    shop.pass_time(months=1)
    assert [invoice.state for invoice in shop.invoices()] == ["paid", "paid", "paid"]


def test_a_corrected_card_is_tried_at_once_and_once(shop: PlanShop) -> None:
    fall_behind(shop)
    attempts = len(shop.v1.charges.list({"limit": 100}).data)
    card = shop.row().card_id

    form = {"exp_month": "11", "exp_year": "2045", "name": "Ann", "country": "US"}
    shop.send_form(shop.browser(), f"/prepaid/cards/{card}", **form)
    shop.tick()
    shop.tick()

    assert shop.state() is State.PAST_DUE
    assert len(shop.v1.charges.list({"limit": 100}).data) == attempts + 1


def test_a_new_card_charges_nobody_whose_plan_is_paid(shop: PlanShop) -> None:
    shop.subscribe("small")

    leave_card(shop, "5555555555554444")
    shop.tick()

    assert len(shop.charges()) == 1


def test_a_card_left_twice_takes_over_the_plan(shop: PlanShop) -> None:
    shop.subscribe("small")
    before = shop.row().card_id

    leave_card(shop, "4242424242424242")
    shop.stripe.deliver()

    assert shop.row().card_id != before
    assert shop.v1.subscriptions.retrieve(shop.stripe_id()).default_payment_method == shop.row().card_id
    shop.pass_time(months=1)
    assert shop.state() is State.ACTIVE
