"""The shop's key is of another Stripe account than its plans: they are named, and ended on demand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import URL

from flask_prepaid.subscriptions.models import State

from .plan_shop import PlanShop

CURE = "flask prepaid connect --end-plans"


@pytest.fixture
def shop(database: URL) -> Iterator[PlanShop]:
    """A shop that sells plans. Its books add up at the end; what Stripe has of them, each test says."""
    shop = PlanShop(database)
    yield shop
    shop.close()


def moves_to_another_account(shop: PlanShop) -> None:
    """The shop's key is of an account where nothing has happened yet."""
    shop.stripe.reset(now=shop.stripe.now())


def end_plans(shop: PlanShop) -> str:
    done = shop.command("connect", "--end-plans")
    assert done.exit_code == 0, done.output
    return done.stderr


@pytest.mark.each_database
def test_a_plan_that_stripe_does_not_have_is_named_and_ended_on_demand(shop: PlanShop) -> None:
    shop.subscribe("small")
    assert CURE not in shop.command("doctor").stderr
    moves_to_another_account(shop)

    assert (
        "the plan of user:1, which runs here: this key is of another account" in shop.command("doctor").stderr
    )
    assert (
        f"it never renews. If this account is the right one, end such plans: {CURE}"
        in shop.command("connect").stderr
    )
    (drift,) = [each for each in drifts(shop) if each["id"] == shop.row().stripe_id]
    assert drift["detail"].endswith(CURE)
    assert shop.state() is State.ACTIVE, "nothing has ended it: the key may be a mistake"

    assert "the plan of user:1: ended here, since it is not at Stripe" in end_plans(shop)

    assert shop.state() is State.CANCELED
    assert CURE not in shop.command("doctor").stderr
    assert shop.balance() == 100, "what was paid for stays"


def drifts(shop: PlanShop) -> list[dict[str, Any]]:
    drift: list[dict[str, Any]] = json.loads(shop.command("reconcile", "--json").stdout)["drift"]
    return drift


def test_its_customer_chooses_anew_and_gets_the_credits_of_the_new_account(shop: PlanShop) -> None:
    shop.subscribe("small")
    moves_to_another_account(shop)
    end_plans(shop)

    assert "Your last plan ended on" in shop.page()
    shop.subscribe("large")

    assert (shop.state(), shop.balance()) == (State.ACTIVE, 600)


def test_a_plan_that_has_not_renewed_promises_nothing(shop: PlanShop) -> None:
    shop.subscribe("small")
    moves_to_another_account(shop)
    assert "Your plan runs, and is paid until" in shop.page()

    shop.stripe.advance(days=40)
    shop.tick()

    page = shop.page()
    assert "We wait to hear from Stripe what follows it." in page
    assert "Your plan runs" not in page
    assert shop.balance() == 0


def test_a_trial_that_no_plan_follows_promises_nothing(shop: PlanShop) -> None:
    shop.subscribe("trial", trial="1")
    moves_to_another_account(shop)

    shop.stripe.advance(days=20)
    shop.tick()

    assert "We wait to hear from Stripe what follows it." in shop.page()


def test_its_customer_is_told_by_mail_why(database: URL) -> None:
    mails: list[str] = []
    shop = PlanShop(
        database,
        email=lambda owner: "pat@example.com",
        mail=lambda to, subject, text: mails.append(" ".join(text.split())),
        PREPAID_BASE_URL="https://shop.example",
    )
    shop.subscribe("small")
    moves_to_another_account(shop)

    end_plans(shop)
    shop.tick()

    assert any("has ended because we charge plans by another account now" in mail for mail in mails)


def test_a_plan_at_stripe_is_left_alone(shop: PlanShop) -> None:
    shop.subscribe("small")

    end_plans(shop)

    assert shop.state() is State.ACTIVE


def test_when_the_old_account_comes_back_its_plan_runs_again(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.stripe.save("old")
    moves_to_another_account(shop)
    end_plans(shop)

    shop.stripe.load("old")
    shop.stripe.advance(days=32)
    shop.stripe.deliver()

    assert shop.state() is State.ACTIVE
