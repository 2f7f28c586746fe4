"""A customer who is shut out is charged nothing by itself; let in again, the plan goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from flask_prepaid import Operators
from flask_prepaid.context import write_now
from flask_prepaid.errors import ConfigError
from flask_prepaid.subscriptions import blocking, sync
from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases
from stripe_emulator import Emulator

from .plan_shop import PlanShop
from .test_failing import fail_next


@pytest.fixture
def blocked() -> set[str]:
    return set()


@pytest.fixture
def shop(databases: Databases, kind: str, blocked: set[str]) -> Iterator[PlanShop]:
    operators = Operators(current=lambda: None, blocked=blocked.__contains__)
    shop = PlanShop(databases.fresh(kind), operators=operators)
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


def test_a_plan_that_was_paused_during_a_block_is_charged_once_it_goes_on(
    shop: PlanShop, blocked: set[str]
) -> None:
    shop.subscribe("small")
    blocked.add("user:1")
    shop.pass_time(days=27, hours=23)
    shop.do("pause")

    blocked.clear()
    shop.tick()
    assert shop.state() is State.PAUSED
    shop.do("resume")
    shop.pass_time(days=2)

    assert [invoice.state for invoice in shop.invoices()] == ["paid", "paid"]
    assert shop.balance() == 130


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


def test_a_stop_that_stripe_heard_half_of_is_finished_by_the_next_tick(
    databases: Databases, kind: str, blocked: set[str]
) -> None:
    """Stripe pauses the plan, and goes away before it hears of the invoice that it is trying."""
    emulator = Emulator()
    between = GoesAway(emulator)
    operators = Operators(current=lambda: None, blocked=blocked.__contains__)
    shop = PlanShop(
        databases.fresh(kind), operators=operators, emulator=emulator, http_client=between, webhooks=False
    )
    shop.subscribe("small")
    good = shop.row().card_id
    assert good is not None
    fail_next(shop)
    shop.stripe.advance(days=29)
    shop.command("reconcile", "--fix")
    assert shop.state() is State.PAST_DUE
    blocked.add("user:1")

    between.after_a_pause = True
    shop.tick()
    between.is_away = between.after_a_pause = False
    shop.read(lambda: write_now(shop.prepaid, sync.sync(shop.prepaid, shop.stripe_id())))  # as by its event
    assert not shop.row().collects
    shop.tick()

    assert [invoice.auto_advance for invoice in shop.v1.invoices.list().data if invoice.status == "open"] == [
        False
    ]
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": good})
    shop.stripe.advance(days=8)
    assert len(shop.charges()) == 1
    shop.close()


class GoesAway(stripe.HTTPClient):
    """Stripe, which answers nobody after it has paused a plan, while ``after_a_pause``."""

    name = "goes away"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.stripe = emulator.http_client()
        self.after_a_pause = self.is_away = False

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        if self.is_away:
            return "{}", 500, {"content-type": "application/json", "stripe-should-retry": "false"}
        self.is_away = self.after_a_pause and method == "post" and "pause_collection" in str(post_data)
        return self.stripe.request(method, url, headers, post_data)

    def close(self) -> None:
        """Nothing is held open."""


def test_a_block_after_the_renewal_stops_what_is_billed_and_not_charged_yet(
    shop: PlanShop, blocked: set[str]
) -> None:
    shop.subscribe("small")
    shop.pass_time(days=28, minutes=10)
    assert [invoice.state for invoice in shop.invoices()] == ["paid", "draft"]

    blocked.add("user:1")
    shop.tick()
    shop.pass_time(days=2)

    assert len(shop.charges()) == 1
    assert len(shop.given()) == 1


def test_who_is_let_in_again_owes_nothing_for_a_period_that_is_over(
    shop: PlanShop, blocked: set[str]
) -> None:
    shop.subscribe("small")
    shop.pass_time(days=28, minutes=10)
    blocked.add("user:1")
    shop.tick()
    shop.pass_time(days=50)

    blocked.clear()
    shop.tick()
    shop.pass_time(hours=3)

    assert [invoice.state for invoice in shop.invoices()] == ["paid", "void", "void"]
    assert len(shop.charges()) == 1
    shop.pass_time(months=1)
    assert [invoice.state for invoice in shop.invoices()] == ["paid", "void", "void", "paid"]


def test_the_host_is_first_asked_about_the_plans_that_are_charged_next(shop: PlanShop) -> None:
    """Where more are due than one tick asks about: a retry of next week waits, a renewal doesn't."""
    shop.subscribe("small", "user:1")
    fail_next(shop)
    shop.pass_time(days=4)
    shop.subscribe("large", "user:2")
    shop.pass_time(days=27, hours=23)
    assert [shop.state("user:1"), shop.state("user:2")] == [State.PAST_DUE, State.ACTIVE]

    due = shop.read(lambda: blocking.due(shop.prepaid, limit=1))

    assert due == ["user:2"]


def test_payments_that_somebody_stopped_at_stripe_stay_stopped(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.v1.subscriptions.update(shop.stripe_id(), {"pause_collection": {"behavior": "void"}})
    shop.stripe.deliver()

    shop.pass_time(days=27, hours=23)

    assert not shop.row().collects


def test_a_shop_that_can_block_must_say_whom_it_has_blocked() -> None:
    with pytest.raises(ConfigError, match=r"blocked=\.\.\."):
        Operators(current=lambda: None, block=lambda owner, shut: None)
