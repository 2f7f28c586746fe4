"""Cards on file: left once at Stripe, then one press buys."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from flask_prepaid.payments.customers.models import SavedCard
from flask_prepaid.payments.models import PaymentState
from flask_prepaid.purchases.saved_cards import cards_on_file

from ..beginnings import beginning
from ..operations.test_webhooks import event, send
from ..shop import Shop, ShopWith

ASKS_ALWAYS = "4000002760003184"
ASKS_ONCE = "4000002500003155"
DECLINES_LATER = "4000000000000341"


def saved(shop: Shop, owner: str = "user:1") -> list[SavedCard]:
    return list(shop.read(lambda: cards_on_file.saved(shop.prepaid.session, owner)))


@beginning
def leave_card(shop: Shop, number: str = "4242424242424242", owner: str = "user:1") -> str:
    """Leave a card on Stripe's page; its id."""
    before = {card.id for card in saved(shop, owner)}
    opened = shop.send_form(shop.browser(owner), "/prepaid/cards", to="/prepaid/cards/add")
    shop.stripe.pay(shop.session_of(opened), card=number)
    (card,) = {card.id for card in saved(shop, owner)} - before
    return str(card)


def press(shop: Shop, card: str, owner: str = "user:1", **fields: str) -> TestResponse:
    """Buy a pack with a saved card, in one press."""
    return shop.send_form(
        shop.browser(owner), "/prepaid/buy", **{"pack": "starter", "saved_card": card, **fields}
    )


def follow(shop: Shop, answer: TestResponse, owner: str = "user:1") -> TestResponse:
    assert answer.status_code == 303, answer.text
    return shop.browser(owner).get(answer.location.removeprefix("http://localhost"))


def charges(shop: Shop) -> list[Any]:
    return [charge for charge in shop.dashboard().v1.charges.list().data if charge.status == "succeeded"]


def test_a_card_left_on_stripes_page_is_listed_and_pays_by_default(shop: Shop) -> None:
    leave_card(shop)

    page = shop.browser().get("/prepaid/cards").text

    assert "Visa ending in 4242" in page
    assert "pays by default" in page


def test_a_card_kept_while_paying_is_on_file(shop: Shop) -> None:
    shop.pay(shop.buy(pack="starter", keep_card="1"))

    assert [card.last4 for card in saved(shop)] == ["4242"]


def test_a_card_of_a_payment_is_not_kept_unasked(shop: Shop) -> None:
    shop.pay(shop.buy(pack="starter"))

    assert saved(shop) == []


def test_one_press_buys_with_a_saved_card(shop: Shop) -> None:
    card = leave_card(shop)

    page = follow(shop, press(shop, card))

    assert page.status_code == 200
    assert "100 credits added for $5.00" in page.text
    assert shop.balance() == 100


@pytest.mark.each_database
def test_a_double_click_on_a_saved_card_charges_once(shop: Shop) -> None:
    card = leave_card(shop)

    answers = [press(shop, card, attempt="one-wish-0001") for _ in range(3)]

    assert len({answer.location for answer in answers}) == 1
    assert len(charges(shop)) == 1
    assert shop.balance() == 100


def test_a_declined_card_says_so_and_gives_nothing(shop: Shop) -> None:
    card = leave_card(shop, DECLINES_LATER)

    page = follow(shop, press(shop, card))

    assert "The payment did not go through" in page.text
    assert shop.balance() == 0
    listed = shop.browser().get("/prepaid/billing").text
    assert "Your bank declined the card and gave no reason." in listed
    again = re.search(r'href="([^"]+)">Pay with another card<', listed)
    assert again is not None
    assert page.text.count(f'href="{again[1]}">Pay with another card<') == 1
    shelf = shop.browser().get(unescape(again[1])).text
    assert re.search(r'name="saved_card" value="" data-card="" checked', shelf)
    assert [payment.state for payment in shop.payments()] == [PaymentState.FAILED]


def test_a_bank_that_wants_its_customer_is_asked_and_the_same_payment_goes_on(shop: Shop) -> None:
    card = leave_card(shop, ASKS_ALWAYS)
    pressed = press(shop, card)
    assert pressed.status_code == 303
    assert "/challenge" in pressed.location or "localhost" not in pressed.location
    assert shop.balance() == 0

    shop.answer_bank(pressed.location, "complete")

    assert shop.balance() == 100
    assert len(charges(shop)) == 1


def test_a_challenge_that_was_left_can_be_taken_up_again(shop: Shop) -> None:
    card = leave_card(shop, ASKS_ALWAYS)
    press(shop, card)
    page = shop.browser().get("/prepaid/return?payment=1")
    assert "Confirm at your bank" in page.text
    assert "<dt>Card</dt><dd>Visa ending in 3184</dd>" in page.text
    assert "<td>Visa 3184</td>" in shop.browser().get("/prepaid/billing").text

    again = shop.send_form(shop.browser(), "/prepaid/return?payment=1", to="/prepaid/confirm", payment="1")
    shop.answer_bank(again.location, "complete")

    assert shop.balance() == 100
    assert len(charges(shop)) == 1


def test_a_challenge_that_fails_charges_nothing(shop: Shop) -> None:
    card = leave_card(shop, ASKS_ALWAYS)
    pressed = press(shop, card)

    shop.answer_bank(pressed.location, "fail")
    back = shop.browser().get("/prepaid/return?payment=1")

    assert back.status_code == 200
    assert "Nothing was charged." in back.text
    assert [payment.state for payment in shop.payments()] == [PaymentState.FAILED]
    assert shop.balance() == 0
    assert charges(shop) == []


def test_a_challenge_that_nobody_answers_is_closed_after_a_day(shop: Shop) -> None:
    card = leave_card(shop, ASKS_ALWAYS)
    press(shop, card)
    shop.stripe.advance(hours=25)

    shop.tick()

    assert [payment.state for payment in shop.payments()] == [PaymentState.FAILED]


@pytest.mark.parametrize("fault", ["api_500", "lost_reply"])
def test_a_charge_without_an_answer_is_not_known_yet_and_the_tick_finds_out(shop: Shop, fault: str) -> None:
    card = leave_card(shop)
    shop.stripe.chaos(**{fault: 1.0})
    page = follow(shop, press(shop, card, attempt="one-wish-0001"))
    assert "Do not pay again" in page.text
    assert [payment.state for payment in shop.payments()] == [PaymentState.UNKNOWN]
    shop.stripe.chaos()

    shop.stripe.advance(minutes=10)
    shop.tick()

    paid = shop.payments()[0].state is PaymentState.PAID
    assert shop.balance() == (100 if paid else 0)
    assert len(charges(shop)) == (1 if paid else 0)
    assert paid is (fault == "lost_reply")


def test_a_card_of_somebody_else_does_not_pay(shop: Shop) -> None:
    card = leave_card(shop, owner="user:2")

    page = press(shop, card, owner="user:1")

    assert page.status_code == 422
    assert "not on file any more" in page.text
    assert charges(shop) == []


@pytest.mark.parametrize("action", ["", "/default", "/remove"])
def test_a_card_of_somebody_else_does_not_exist(shop: Shop, action: str) -> None:
    card = leave_card(shop, owner="user:2")
    leave_card(shop, owner="user:1")

    page = shop.send_form(shop.browser("user:1"), "/prepaid/cards", to=f"/prepaid/cards/{card}{action}")

    assert page.status_code == 404
    assert len(saved(shop, "user:2")) == 1


@pytest.mark.parametrize("card_id", ["\x00", "x" * 5_000, "é", "pm_%"])
def test_what_is_no_id_of_a_card_is_not_found(shop: Shop, card_id: str) -> None:
    browser, path = shop.browser(), f"/prepaid/cards/{quote(card_id, safe='')}"
    answers = {
        shop.send_form(browser, "/prepaid/cards", to=f"{path}{end}") for end in ("", "/default", "/remove")
    }
    paid = shop.send_form(browser, "/prepaid/buy", pack="starter", saved_card=card_id)

    assert {answer.status_code for answer in answers} == {404}
    assert paid.status_code == 422


def test_a_pack_for_nothing_charges_no_card(shop: Shop) -> None:
    sent = press(shop, leave_card(shop), pack="gift")
    shop.pay(shop.session_of(sent))

    assert (shop.balance(), charges(shop)) == (5, [])


def test_another_card_can_be_the_default(shop: Shop) -> None:
    leave_card(shop)
    second = leave_card(shop, "5555555555554444")
    assert [card.last4 for card in saved(shop)] == ["4242", "4444"]

    shop.send_form(shop.browser(), "/prepaid/cards", to=f"/prepaid/cards/{second}/default")

    assert [card.last4 for card in saved(shop)] == ["4444", "4242"]


def test_a_removed_card_is_gone_here_and_at_stripe(shop: Shop) -> None:
    card = leave_card(shop)

    shop.send_form(shop.browser(), "/prepaid/cards", to=f"/prepaid/cards/{card}/remove")

    assert saved(shop) == []
    assert press(shop, card).status_code == 422


def test_a_card_that_auto_top_up_needs_is_removed_after_what_comes_of_it_is_said(shop: Shop) -> None:
    first, second = leave_card(shop), leave_card(shop, "5555555555554444")
    default = shop.saved_card()
    other = second if default == first else first
    form = {"pack": "starter", "threshold": "20", "times": "1"}
    shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/top-up", **form)

    question = shop.send_form(shop.browser(), "/prepaid/cards", to=f"/prepaid/cards/{default}/remove")
    assert question.status_code == 200
    assert "Auto top-up pays with this card. It goes on with" in question.text
    assert len(saved(shop)) == 2

    shop.send_form(shop.browser(), "/prepaid/cards", to=f"/prepaid/cards/{default}/remove", sure="1")
    assert [card.id for card in saved(shop)] == [other]
    assert shop.saved_card() == other

    question = shop.send_form(shop.browser(), "/prepaid/cards", to=f"/prepaid/cards/{other}/remove")
    assert "Without a card it stops" in question.text


def test_the_card_named_as_the_next_one_is_the_one_that_pays_then(shop: Shop) -> None:
    for number in ("4242424242424242", "5555555555554444", "378282246310005"):
        leave_card(shop, number)
    form = {"pack": "starter", "threshold": "20", "times": "1"}
    shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/top-up", **form)
    default = shop.saved_card()
    path = f"/prepaid/cards/{default}/remove"
    question = shop.send_form(shop.browser(), "/prepaid/cards", to=path)
    replacement = next(
        card
        for card in saved(shop)
        if f"goes on with {card.brand.capitalize()} ending in {card.last4}" in question.text
    )

    shop.send_form(shop.browser(), "/prepaid/cards", to=path, sure="1")

    assert shop.saved_card() == replacement.id


def test_by_a_setting_a_card_is_left_on_our_own_page_by_elements(shop_with: ShopWith) -> None:
    shop = shop_with(PREPAID_OWN_CARD_FORM=True)
    page = shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/add")

    assert page.status_code == 200
    secret = re.search(r'data-secret="(cs_test_[^"]+)"', page.text)
    assert secret
    session = shop.dashboard().v1.checkout.sessions.retrieve(secret[1].partition("_secret_")[0])
    assert (session.mode, session.ui_mode) == ("setup", "elements")


def test_expiry_name_and_address_can_be_corrected(shop: Shop) -> None:
    path = f"/prepaid/cards/{leave_card(shop)}"

    corrected = shop.send_form(
        shop.browser(), path, exp_month="3", exp_year="2040", name="Ada", line1="1 Long St", country="GB"
    )

    assert corrected.status_code == 303
    assert [(card.exp_month, card.exp_year, card.name) for card in saved(shop)] == [(3, 2040, "Ada")]
    assert 'value="1 Long St"' in shop.browser().get(path).text


@pytest.mark.parametrize(
    "expiry",
    [("13", "2040"), ("0", "2040"), ("x", "2040"), ("3", "99999"), ("3", ""), ("٣", "2040"), ("12", "2001")],
)
def test_an_expiry_that_is_no_month_or_has_passed_is_refused_at_its_field(
    shop: Shop, expiry: tuple[str, str]
) -> None:
    path = f"/prepaid/cards/{leave_card(shop)}"

    page = shop.send_form(shop.browser(), path, exp_month=expiry[0], exp_year=expiry[1], name="Ada")

    assert page.status_code == 422
    assert 'id="card-error" role="alert"' in page.text
    assert ("This date has passed." in page.text) is (expiry[1] == "2001")
    assert 'value="Ada"' in page.text, "what was written stands there still"


def test_a_card_removed_in_stripes_dashboard_disappears_and_does_not_pay(shop: Shop) -> None:
    card = leave_card(shop)
    client = shop.dashboard()
    client.v1.payment_methods.detach(card)

    page = follow(shop, press(shop, card))  # before any event of it has come

    assert "The payment did not go through" in page.text
    shop.stripe.deliver()
    assert saved(shop) == []


def test_a_customer_deleted_in_stripes_dashboard_gets_a_new_one(shop: Shop) -> None:
    shop.pay(shop.buy())
    client = shop.dashboard()
    client.v1.customers.delete(client.v1.customers.list().data[0].id)

    shop.pay(shop.buy())

    assert shop.balance() == 200


def test_who_was_deleted_in_the_dashboard_is_offered_no_card_that_is_gone(shop: Shop) -> None:
    card = leave_card(shop)
    form = {"pack": "starter", "threshold": "20", "times": "1"}
    shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/top-up", **form)
    shop.dashboard().v1.customers.delete(str(shop.read(lambda: shop.prepaid.customer_id("user:1"))))

    assert "Nothing was charged." in follow(shop, press(shop, card)).text
    assert "ending in 4242" not in shop.browser().get("/prepaid/buy").text
    shop.tick()

    assert "It has stopped: no card is on file" in shop.browser().get("/prepaid/cards").text
    shop.pay(shop.buy())
    assert shop.balance() == 100


def test_a_card_that_its_network_has_renewed_is_shown_with_its_new_date(deaf_shop: Shop) -> None:
    card = deaf_shop.keep_card()
    deaf_shop.dashboard().v1.payment_methods.update(card, {"card": {"exp_month": 7, "exp_year": 2044}})
    assert [saved_card.exp_year for saved_card in saved(deaf_shop)] != [2044]

    renewal = event(card, type="payment_method.automatically_updated")

    assert send(deaf_shop, renewal).status_code == 200
    assert [(kept.exp_month, kept.exp_year) for kept in saved(deaf_shop)] == [(7, 2044)]


def test_one_owner_has_one_customer_at_stripe(shop: Shop) -> None:
    for _ in range(3):
        shop.buy()

    client = shop.dashboard()
    assert len(client.v1.customers.list().data) == 1


@pytest.mark.each_database
def test_who_leaves_has_no_customer_and_no_card_left_anywhere_and_keeps_the_books(shop: Shop) -> None:
    card = leave_card(shop)
    press(shop, card)
    customer = shop.read(lambda: shop.prepaid.customer_id("user:1"))
    client = shop.dashboard()

    for _ in range(2):
        shop.read(lambda: shop.prepaid.remove_customer("user:1"))

    assert client.v1.customers.retrieve(customer).deleted
    assert saved(shop) == []
    assert shop.read(lambda: shop.prepaid.customer_id("user:1")) is None
    assert shop.balance() == 100
    assert leave_card(shop) != card


def test_a_customer_who_was_deleted_in_stripes_dashboard_can_leave_too(shop: Shop) -> None:
    leave_card(shop)
    customer = shop.read(lambda: shop.prepaid.customer_id("user:1"))
    shop.dashboard().v1.customers.delete(customer)

    shop.read(lambda: shop.prepaid.remove_customer("user:1"))

    assert shop.read(lambda: shop.prepaid.customer_id("user:1")) is None
    assert saved(shop) == []


@pytest.mark.parametrize(("action", "status"), [("default", 404), ("remove", 303), ("", 404)])
def test_a_card_that_is_gone_in_stripes_dashboard_is_gone_here_too(
    deaf_shop: Shop, action: str, status: int
) -> None:
    card = deaf_shop.keep_card()
    fields = {"exp_month": "11", "exp_year": "2045", "sure": "1"}
    browser = deaf_shop.browser()
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/prepaid/cards").text)
    assert token is not None
    deaf_shop.dashboard().v1.payment_methods.detach(card)

    path = f"/prepaid/cards/{card}/{action}".rstrip("/")
    answer = browser.post(path, data={"csrf_token": token[1], **fields})

    assert answer.status_code == status, "who removes it has what they want"
    assert saved(deaf_shop) == []
