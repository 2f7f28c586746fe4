"""What a plan owes is told with the card that did not pay it, and with the one that is tried next."""

from __future__ import annotations

import re

import pytest

from flask_prepaid.subscriptions.models import State

from .plan_shop import ASKS_ALWAYS, DECLINES, PlanShop, one_line
from .test_failing import fail_next
from .test_retries import leave_card

MASTERCARD = "5555555555554444"
REFUSED = "Visa ending in 0341 did not pay $6.00, so there are no new credits yet."
TRIES = "We are charging $6.00 to Mastercard ending in 4444."


def choices(page: str) -> list[str]:
    """The cards of the select that pays what is owed, in their order."""
    return re.findall(r"<option[^>]*>([^<]*)<", page)


def amounts(page: str) -> list[str]:
    """What the invoices of a page cost."""
    return re.findall(r'<td class="amount(?: first)?">([^<]*)</td>', page)


def primary(page: str) -> list[str]:
    """The buttons that come before all others."""
    return re.findall(r'class="btn btn-primary[^>]*>([^<]*)<', page)


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
    page = one_line(shop.page())
    assert TRIES in page
    assert REFUSED not in page
    assert "We try again on" not in page
    assert choices(page) == [], "nothing to pay a second time"
    billing = one_line(shop.browser().get("/prepaid/billing").text)
    assert f'<p class="mb-0">{TRIES}</p>' in billing
    assert "was not paid" not in billing
    assert ">Pay<" not in billing


@pytest.mark.parametrize("path", ["/prepaid/plan", "/prepaid/cards?added=1"])
def test_a_page_on_which_a_card_is_tried_asks_by_itself_and_ends_with_what_came_of_it(
    shop: PlanShop, path: str
) -> None:
    end_trial_with_a_card_that_is_declined(shop)
    leave_card(shop, MASTERCARD)
    shop.browser().get("/prepaid/cards?added=1")

    waits = shop.browser().get(path)
    seconds, _, address = waits.headers["Refresh"].partition("; url=")
    assert seconds == "3"
    assert TRIES in one_line(waits.text)
    assert shop.browser().get(address).headers["Refresh"] == waits.headers["Refresh"]
    shop.tick()
    assert shop.state() is State.ACTIVE

    after = shop.browser().get(address)
    assert "Refresh" not in after.headers
    assert "Paid: $6.00, 50 credits added." in one_line(after.text)
    assert "Paid: " not in shop.browser().get(path).text


def test_nobody_reads_what_a_card_paid_for_another(shop: PlanShop) -> None:
    shop.subscribe("small")
    (bill,) = shop.invoices()
    own = shop.browser().get(f"/prepaid/plan?tried={bill.id}").text
    assert "Paid: $10.00, 100 credits added." in one_line(own)

    other = shop.browser("user:2").get(f"/prepaid/plan?tried={bill.id}")

    assert "Paid: " not in other.text
    for none in ("none", "9" * 20):
        assert "Paid: " not in shop.browser().get(f"/prepaid/plan?tried={none}").text
        assert "Paid: " not in shop.browser().get(f"/prepaid/cards?tried={none}").text


def test_where_stripe_owed_the_customer_the_rest_is_what_is_paid(shop: PlanShop) -> None:
    opened = shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/add")
    shop.stripe.pay(shop.session_of(opened))
    shop.stripe.deliver()
    ((customer, card),) = [
        (customer.id, card.id)
        for customer in shop.v1.customers.list().data
        for card in shop.v1.customers.payment_methods.list(customer.id).data
    ]
    shop.v1.customers.update(customer, {"balance": -400})

    begun = shop.send(plan="small", saved_card=card)
    shop.stripe.deliver()

    (bill,) = shop.invoices()
    assert (bill.total_minor, bill.due_minor) == (1_000, 600)
    thanks = one_line(shop.browser().get(begun.location).text)
    assert "You are on Small: 100 credits added, $6.00 paid with Visa 4242." in thanks
    paid = one_line(shop.browser().get(f"/prepaid/plan?tried={bill.id}").text)
    assert "Paid: $6.00, 100 credits added." in paid
    for path in ("plan", "billing"):
        assert amounts(shop.browser().get(f"/prepaid/{path}").text) == ["$6.00"], path


def test_once_the_new_card_is_declined_it_is_the_one_that_did_not_pay(shop: PlanShop) -> None:
    shop.subscribe("taste", card="")
    leave_card(shop, ASKS_ALWAYS)
    shop.stripe.deliver()
    shop.pass_time(days=7, hours=3)
    assert "Your bank asks you to confirm $6.00 with Visa ending in 3184." in one_line(shop.page())
    assert primary(shop.page()) == ["Confirm at your bank"]
    assert primary(shop.browser().get("/prepaid/cards").text) == ["Confirm at your bank"]
    assert "Pay with another card" not in shop.page()

    leave_card(shop, DECLINES)
    shop.tick()

    assert REFUSED in one_line(shop.page())
    assert "We are charging" not in shop.page()
    assert choices(shop.page()) == ["Visa ending in 3184", "Visa ending in 0341, once more"]
    cards = one_line(shop.browser().get("/prepaid/cards?added=1").text)
    assert "Your card is saved. Visa ending in 0341 did not pay $6.00 for your plan." in cards
    assert re.search(r'class="btn btn-primary btn-sm" [^>]*>Pay \$6.00<', cards)
    before = one_line(shop.browser().get("/prepaid/cards").text)
    assert "Visa ending in 0341 did not pay $6.00 for your plan. A card that you add now" in before
    assert re.search(r'class="btn btn-primary">Add a card<', before)


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

    assert "Visa ending in 0341 did not pay $10.00" in one_line(shop.page())
    assert choices(shop.page())[-1] == "Visa ending in 0341, once more"


def test_where_stripe_does_not_answer_no_card_is_blamed(shop: PlanShop) -> None:
    shop.subscribe("small")
    fail_next(shop)
    shop.pass_time(days=29)
    assert "Visa ending in 0341 did not pay $10.00" in one_line(shop.page())
    shop.stripe.chaos(api_500=1.0)

    page = one_line(shop.page())
    shop.stripe.chaos()

    assert "did not pay" not in page
    assert "Visa ending in 0341" in page
