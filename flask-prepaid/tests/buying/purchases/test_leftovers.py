"""What a plan left owed at Stripe, too little to be charged alone, bars no purchase once it bills no more."""

from __future__ import annotations

from typing import Any

import pytest

from flask_prepaid import Plan
from flask_prepaid.testing import Databases

from ..subscriptions.plan_shop import PlanShop, one_line
from .test_topups import spend, switch_on

PLANS = [
    Plan("small", credits=100, amount_minor=1_000, name="Small"),
    Plan("next", credits=101, amount_minor=1_030, name="Next"),
]
BARRED = "A small sum of your plan is still to be paid and would be charged with this"


@pytest.fixture
def owing(databases: Databases, kind: str) -> PlanShop:
    """A shop whose customer owes 15 cents of a change of plan."""
    shop = PlanShop(databases.fresh(kind), plans=PLANS, PREPAID_INVOICES=True)
    shop.subscribe("small")
    shop.pass_time(days=14)
    shop.change("next")
    assert balance(shop) == 15
    return shop


def balance(shop: PlanShop) -> int | None:
    """What the customer owes at Stripe."""
    (customer,) = shop.v1.customers.list().data
    return customer.balance


def charged(shop: PlanShop) -> list[int]:
    return [charge.amount for charge in shop.charges()][::-1]


def test_a_debt_too_small_to_charge_waits_while_its_plan_runs(owing: PlanShop) -> None:
    assert BARRED in one_line(owing.press(owing.saved_card()).text)
    assert (charged(owing), balance(owing)) == ([1_000], 15)


def test_a_debt_too_small_to_charge_is_written_off_once_its_plan_has_ended(owing: PlanShop) -> None:
    owing.do("cancel", when="now")

    assert BARRED not in owing.press(owing.saved_card()).text
    owing.stripe.deliver()
    assert (charged(owing), balance(owing)) == ([1_000, 500], 0)
    owing.press(owing.saved_card())
    owing.stripe.deliver()
    assert (charged(owing), balance(owing)) == ([1_000, 500, 500], 0)
    assert owing.drift() == []


def test_a_debt_too_small_to_charge_bars_no_purchase_while_its_plan_is_paused(owing: PlanShop) -> None:
    owing.do("pause")

    assert BARRED not in owing.press(owing.saved_card()).text
    owing.stripe.deliver()
    assert (charged(owing), balance(owing)) == ([1_000, 500], 0)


def test_a_top_up_does_not_stop_for_a_debt_of_a_plan_that_has_ended(owing: PlanShop) -> None:
    owing.do("cancel", when="now")
    switch_on(owing, ceiling_minor=5_000)
    spend(owing, owing.balance() - 10, "job:1")
    owing.tick()
    assert (charged(owing), balance(owing)) == ([1_000, 500], 0)


def test_a_debt_that_could_be_charged_alone_is_not_written_off(owing: PlanShop) -> None:
    owing.do("cancel", when="now")
    (customer,) = owing.v1.customers.list().data
    more: Any = {"amount": 35, "currency": "usd"}
    owing.v1.customers.balance_transactions.create(customer.id, more)

    assert BARRED in one_line(owing.press(owing.saved_card()).text)
    assert (charged(owing), balance(owing)) == ([1_000], 50)
