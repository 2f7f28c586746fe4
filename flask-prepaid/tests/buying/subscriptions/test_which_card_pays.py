"""What a plan owes is told with the card that did not pay it, and with the one that is tried next."""

from __future__ import annotations

import re

from flask_prepaid.subscriptions.models import State

from .plan_shop import ASKS_ALWAYS, DECLINES, PlanShop, one_line
from .test_failing import fail_next
from .test_retries import leave_card

MASTERCARD = "5555555555554444"
REFUSED = "Visa ending in 0341 did not pay it."
TRIES = "We try Mastercard ending in 4444 in a moment for what your plan owes."


def choices(page: str) -> list[str]:
    """The cards of the select that pays what is owed, in their order."""
    return re.findall(r"<option[^>]*>([^<]*)<", page)


def end_trial_with_a_card_that_is_declined(shop: PlanShop) -> None:
    shop.subscribe("taste", card="")
    leave_card(shop, DECLINES)
    shop.stripe.deliver()
    shop.pass_time(days=7, hours=3)
    assert shop.state() is State.PAST_DUE


def test_a_card_that_was_just_left_is_said_to_be_tried_and_has_refused_nothing(shop: PlanShop) -> None:
    end_trial_with_a_card_that_is_declined(shop)

    leave_card(shop, MASTERCARD)

    assert f"Your card is saved. {TRIES}" in one_line(shop.browser().get("/prepaid/cards?added=1").text)
    assert f"{REFUSED} {TRIES}" in one_line(shop.page())
    assert choices(shop.page()) == ["Mastercard ending in 4444", "Visa ending in 0341, once more"]
    shop.tick()
    assert shop.state() is State.ACTIVE
    again = one_line(shop.browser().get("/prepaid/cards?added=1").text)
    assert "Your card is saved." in again
    assert "what your plan owes" not in again


def test_once_the_new_card_is_declined_it_is_the_one_that_did_not_pay(shop: PlanShop) -> None:
    shop.subscribe("taste", card="")
    leave_card(shop, ASKS_ALWAYS)
    shop.stripe.deliver()
    shop.pass_time(days=7, hours=3)
    assert "Visa ending in 3184 did not pay it." in one_line(shop.page())

    leave_card(shop, DECLINES)
    shop.tick()

    assert REFUSED in one_line(shop.page())
    assert "for what your plan owes" not in shop.page()
    assert choices(shop.page()) == ["Visa ending in 3184", "Visa ending in 0341, once more"]
    cards = one_line(shop.browser().get("/prepaid/cards?added=1").text)
    assert "Your card is saved." in cards
    assert "The last payment of your plan did not go through." in cards


def test_a_plan_whose_card_was_changed_in_the_dashboard_blames_the_one_that_was_declined(
    shop: PlanShop,
) -> None:
    shop.subscribe("small")
    good = shop.row().card_id
    fail_next(shop)
    shop.pass_time(days=29)
    assert good is not None

    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": good})
    shop.stripe.deliver()

    assert REFUSED in one_line(shop.page())
    assert choices(shop.page())[-1] == "Visa ending in 0341, once more"


def test_where_stripe_does_not_answer_no_card_is_blamed(shop: PlanShop) -> None:
    shop.subscribe("small")
    fail_next(shop)
    shop.pass_time(days=29)
    assert REFUSED in one_line(shop.page())
    shop.stripe.chaos(api_500=1.0)

    page = one_line(shop.page())
    shop.stripe.chaos()

    assert "did not pay it" not in page
    assert "Visa ending in 0341" in page
