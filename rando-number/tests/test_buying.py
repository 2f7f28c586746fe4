"""The main job, by plain HTTP without JavaScript."""

from __future__ import annotations

import re

import pytest

from .reading import number_on_card
from .running_shop import PASSWORD, RunningShop


def test_a_newcomer_spends_three_free_credits_buys_ten_and_goes_on(any_shop: RunningShop) -> None:
    newcomer = any_shop.visitor()
    home = newcomer.get("/").text
    assert re.fullmatch(r"\d", number_on_card(home)), "a digit to begin with, on the house"
    assert "Get 3 free numbers" in home
    assert "Sign in to get your number" in home

    registered = newcomer.register("newcomer@rando.test")
    assert registered.status_code == 302
    assert registered.location == "/"
    for _ in range(3):
        assert re.fullmatch(r"\d", number_on_card(newcomer.draw().text))

    refused = newcomer.draw()
    assert refused.status_code == 402
    assert "Your credits are used up" in refused.text
    assert 'href="/buy-credits"' in refused.text

    session = newcomer.buy(credits="10")
    any_shop.stripe.pay(session, "4242424242424242")
    back = newcomer.come_back(session)
    assert back.status_code == 200
    assert "10 credits" in back.text

    profile = newcomer.get("/user-profile").text
    assert re.search(r"data-balance>10<", profile)
    assert "$10.00" in profile
    assert re.fullmatch(r"\d", number_on_card(newcomer.draw().text))
    assert newcomer.balance == 9


def test_a_pack_costs_what_the_home_page_says(shop: RunningShop) -> None:
    customer = shop.customer()

    session = customer.buy(pack="regular")
    shop.stripe.pay(session)
    customer.come_back(session)

    assert customer.balance == 63
    assert "$54.00" in customer.get("/").text
    assert "$54.00" in customer.get("/user-profile").text


def test_the_profile_shows_payments_and_refunds_with_receipt_and_invoice(shop: RunningShop) -> None:
    customer = shop.customer()
    session = customer.buy(pack="starter")
    shop.stripe.pay(session)
    words = ("refund", "1", "--amount", "250", "--reason", "half of it")
    assert shop.command("prepaid", *words).exit_code == 0

    profile = customer.get("/user-profile").text

    assert "Partly refunded: $2.50" in profile
    assert ">Receipt</a>" in profile
    assert 'href="/buy-credits/invoice/1">Invoice</a>' in profile
    assert customer.get("/buy-credits/invoice/1").status_code == 302


def test_five_webhooks_and_ten_visits_of_the_return_page_give_ten_credits_once(shop: RunningShop) -> None:
    customer = shop.customer()
    session = customer.buy(credits="10")
    shop.stripe.pay(session)

    shop.stripe.deliver("checkout.session.completed", times=5)
    pages = [customer.come_back(session) for _ in range(10)]

    assert {page.status_code for page in pages} == {200}
    assert customer.balance == 13


def test_a_reload_or_a_second_click_shows_the_number_that_was_paid_for(shop: RunningShop) -> None:
    customer = shop.customer()
    page = customer.get("/").text
    once = re.search(r'name="once" value="(\w+)"', page)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert once is not None
    assert token is not None

    answers = [
        customer.client.post("/number", data={"once": once[1], "csrf_token": token[1]}) for _ in range(3)
    ]

    assert len({number_on_card(answer.text) for answer in answers}) == 1
    assert customer.balance == 2


def test_a_form_without_the_double_click_token_still_draws(shop: RunningShop) -> None:
    customer = shop.customer()

    customer.send("/number", form_of="/", once="")

    assert customer.balance == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"pack": "no-such-pack"},
        {"credits": "0"},
        {"credits": "-1"},
        {"credits": "1e9"},
        {"credits": "1000000000"},
        {"credits": "1001"},
        {"credits": "abc"},
        {"credits": "9" * 10_000},
        {"pack": "starter", "credits": "10"},
        {},
    ],
    ids=str,
)
def test_an_unknown_choice_is_refused_in_words_and_changes_nothing(
    shop: RunningShop, fields: dict[str, str]
) -> None:
    customer = shop.customer()

    with shop.nothing_changes():
        refused = customer.send("/buy-credits", **fields)

    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert customer.balance == 3


def test_a_tampered_price_is_ignored(shop: RunningShop) -> None:
    customer = shop.customer()

    session = customer.buy(credits="10", amount="1", amount_minor="1", price="1", currency="jpy")
    shop.stripe.pay(session)
    customer.come_back(session)

    assert "$10.00" in customer.get("/user-profile").text
    assert customer.balance == 13


def test_a_declined_card_gives_nothing_and_another_one_can_pay(shop: RunningShop) -> None:
    customer = shop.customer()
    session = customer.buy(credits="10")

    refusal = shop.stripe.decline(session, "4000000000000002")
    customer.come_back(session)

    assert "declined" in str(refusal)
    assert customer.balance == 3
    shop.stripe.pay(session)
    assert customer.balance == 13


def test_somebody_elses_purchase_does_not_exist(shop: RunningShop) -> None:
    payer = shop.customer("payer@rando.test")
    thief = shop.customer("thief@rando.test")
    session = payer.buy(credits="10")
    shop.stripe.pay(session)

    stolen = thief.come_back(session)

    assert stolen.status_code == 404
    assert thief.balance == 3
    assert payer.balance == 13


def test_a_visitor_is_led_to_the_login_and_back(shop: RunningShop) -> None:
    shop.customer("pat@rando.test")
    visitor = shop.visitor()

    sent_to_login = visitor.get("/user-profile")
    assert sent_to_login.status_code == 302
    assert sent_to_login.location == "/login?next=/user-profile"
    page = visitor.client.get(sent_to_login.location)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    hidden = re.search(r'name="next"[^>]*value="([^"]+)"', page.text)
    assert token is not None
    assert hidden is not None
    let_in = visitor.client.post(
        "/login",
        data={"csrf_token": token[1], "next": hidden[1], "email": "pat@rando.test", "password": PASSWORD},
    )

    assert let_in.location == "/user-profile"


def test_every_page_says_that_no_money_is_real(shop: RunningShop) -> None:
    customer = shop.customer()

    for path in ("/", "/user-profile", "/buy-credits", "/api-keys", "/sessions", "/logout", "/no-such-page"):
        assert "Test mode, no real money" in customer.get(path).text, path


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("/billing", '<a href="/billing" aria-current="page">Billing</a>'),
        ("/subscription/cancel", '<a href="/billing" aria-current="true">Billing</a>'),
        ("/buy-credits/custom", '<a href="/billing" aria-current="true">Billing</a>'),
        ("/sessions", '<a href="/user-profile" aria-current="true">User Profile</a>'),
    ],
)
def test_the_menu_marks_the_part_of_the_shop_that_a_page_belongs_to(
    shop: RunningShop, path: str, marked: str
) -> None:
    menu, _, _ = shop.customer("pat@rando.test").get(path).text.partition("</header>")

    assert marked in menu
    assert menu.count("aria-current=") == 1
