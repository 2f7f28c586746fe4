"""What a plan owes is paid as soon as a better card is there, not when Stripe's next retry comes."""

from __future__ import annotations

import pytest

from flask_prepaid import Prepaid
from flask_prepaid.subscriptions import retries
from flask_prepaid.subscriptions.models import State

from ..beginnings import beginning
from .plan_shop import PlanShop
from .test_failing import fail_next


@beginning
def fall_behind(shop: PlanShop) -> None:
    shop.subscribe("small")
    fail_next(shop)
    shop.pass_time(days=29)
    assert shop.state() is State.PAST_DUE


@beginning
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


def test_a_tick_that_is_killed_while_it_pays_is_made_up_for_by_the_next_one(shop: PlanShop) -> None:
    fall_behind(shop)
    leave_card(shop, "5555555555554444")
    with pytest.raises(Killed):
        shop.read(lambda: retries.retry(DyingAtStripe(shop.prepaid), "user:1"))  # type: ignore[arg-type]
    assert shop.state() is State.PAST_DUE

    shop.tick()

    assert shop.state() is State.ACTIVE


class Killed(BaseException):
    """The process ends here."""


class DyingAtStripe:
    """The shop in a process that is killed as soon as it asks Stripe."""

    def __init__(self, prepaid: Prepaid) -> None:
        self._prepaid = prepaid

    def __getattr__(self, name: str) -> object:
        if name == "gateway":
            raise Killed
        return getattr(self._prepaid, name)
