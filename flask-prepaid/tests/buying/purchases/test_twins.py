"""One number is one card, however often it is left, and whatever it pays for."""

from __future__ import annotations

from ..shop import Shop
from .test_cards import leave_card, saved


def at_stripe(shop: Shop) -> list[str]:
    """The cards of the shop's customer at Stripe."""
    customer = shop.read(lambda: shop.prepaid.customer_id("user:1"))
    return [card.id for card in shop.dashboard().v1.customers.payment_methods.list(customer).data]


def test_the_same_card_left_twice_is_listed_once_and_pays_by_default(shop: Shop) -> None:
    first = leave_card(shop)
    other = leave_card(shop, "5555555555554444")

    last = leave_card(shop)

    assert [card.id for card in saved(shop)] == [last, other]
    assert set(at_stripe(shop)) == {last, other}
    assert shop.saved_card() == last != first
    assert shop.browser().get("/prepaid/cards").text.count("Visa ending in 4242</strong>") == 1


def test_a_card_left_while_paying_is_the_one_that_was_there(shop: Shop) -> None:
    leave_card(shop)

    shop.pay(shop.buy(pack="starter", keep_card="1"))

    assert len(saved(shop)) == 1
    assert len(at_stripe(shop)) == 1


def test_a_card_that_waits_for_its_bank_goes_only_when_that_is_over(shop: Shop) -> None:
    asks = leave_card(shop, "4000002760003184")
    pressed = shop.press(asks)
    last = leave_card(shop, "4000002760003184")
    assert [card.id for card in saved(shop)] == [last]
    assert asks in at_stripe(shop)

    shop.answer_bank(pressed.location, "complete")
    assert shop.balance() == 100
    shop.browser().get("/prepaid/cards")

    assert at_stripe(shop) == [last]


def test_a_removed_card_does_not_come_back_as_its_twin(shop: Shop) -> None:
    shop.press(leave_card(shop, "4000002760003184"))
    last = leave_card(shop, "4000002760003184")

    shop.send_form(shop.browser(), "/prepaid/cards", to=f"/prepaid/cards/{last}/remove", sure="1")

    assert (saved(shop), at_stripe(shop)) == ([], [])


def test_two_customers_may_have_one_number(shop: Shop) -> None:
    leave_card(shop)
    leave_card(shop, owner="user:2")

    assert [len(saved(shop, owner)) for owner in ("user:1", "user:2")] == [1, 1]
