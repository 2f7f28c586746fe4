"""A customer who is shut out is charged nothing by itself; let in again, the plan goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flask_prepaid import Operators
from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from .plan_shop import PlanShop
from .test_failing import fail_next


@pytest.fixture
def blocked() -> set[str]:
    return set()


@pytest.fixture
def shop(databases: Databases, blocked: set[str]) -> Iterator[PlanShop]:
    operators = Operators(current=lambda: None, blocked=blocked.__contains__)
    shop = PlanShop(databases.fresh("sqlite"), operators=operators)
    yield shop
    assert shop.drift() == []
    shop.close()


def test_a_plan_is_not_renewed_while_its_owner_is_shut_out(shop: PlanShop, blocked: set[str]) -> None:
    shop.subscribe("small")
    blocked.add("user:1")
    shop.pass_time(days=27, hours=23)  # an hour before it renews

    shop.pass_time(days=2)

    assert [invoice.state for invoice in shop.invoices()] == ["paid", "void"]
    assert len(shop.charges()) == 1
    assert shop.given() == [(shop.given()[0][0], 100)]
    assert "We have stopped the payments of your plan" in shop.page()

    blocked.clear()
    shop.tick()
    shop.pass_time(months=1)
    assert [invoice.state for invoice in shop.invoices()] == ["paid", "void", "paid"]


def test_a_payment_that_failed_is_not_tried_again_while_its_owner_is_shut_out(
    shop: PlanShop, blocked: set[str]
) -> None:
    shop.subscribe("small")
    good = shop.row().card_id
    fail_next(shop)
    shop.pass_time(days=29)
    assert shop.state() is State.PAST_DUE
    blocked.add("user:1")
    shop.tick()
    assert good is not None
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": good})

    shop.pass_time(days=8)
    assert shop.state() is State.PAST_DUE
    assert len(shop.charges()) == 1

    blocked.clear()
    shop.tick()
    assert shop.state() is State.ACTIVE


def test_payments_that_somebody_stopped_at_stripe_stay_stopped(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.v1.subscriptions.update(shop.stripe_id(), {"pause_collection": {"behavior": "void"}})
    shop.stripe.deliver()

    shop.pass_time(days=27, hours=23)

    assert not shop.row().collects


def test_a_shop_that_can_block_must_say_whom_it_has_blocked() -> None:
    with pytest.raises(TypeError, match=r"blocked=\.\.\."):
        Operators(current=lambda: None, block=lambda owner, shut: None)
