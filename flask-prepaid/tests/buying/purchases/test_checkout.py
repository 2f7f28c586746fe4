"""A customer buys credits on Stripe's page."""

from __future__ import annotations

import re

import pytest

from flask_prepaid.payments.models import PaymentState

from ..shop import Shop


def test_a_pack_paid_on_stripes_page_is_in_the_wallet_when_the_browser_is_back(deaf_shop: Shop) -> None:
    session = deaf_shop.buy(pack="starter")
    on_stripes_page = deaf_shop.stripe.browser().get(f"/pay/{session}").text
    assert "100 credits" in on_stripes_page
    deaf_shop.pay(session)

    page = deaf_shop.come_back(session)

    assert page.status_code == 200
    assert "100 credits added for $5.00" in page.text
    assert deaf_shop.balance() == 100


def test_a_tab_closed_after_paying_still_gets_its_credits_by_webhook(shop: Shop) -> None:
    shop.pay(shop.buy())

    assert shop.balance() == 100


def test_the_return_page_twenty_times_gives_credits_once(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)

    pages = [deaf_shop.come_back(session) for _ in range(20)]

    assert {page.status_code for page in pages} == {200}
    assert deaf_shop.balance() == 100


@pytest.mark.each_database
def test_the_same_webhook_five_times_gives_credits_once(shop: Shop) -> None:
    session = shop.buy()
    shop.pay(session)

    shop.stripe.deliver("checkout.session.completed", times=5)
    shop.come_back(session)

    assert shop.balance() == 100


def test_without_any_webhook_the_tick_finds_the_paid_session(deaf_shop: Shop) -> None:
    deaf_shop.pay(deaf_shop.buy())

    deaf_shop.tick()

    assert deaf_shop.balance() == 100


def test_coming_back_unpaid_says_so_and_asks_again_by_itself(shop: Shop) -> None:
    page = shop.come_back(shop.buy())

    assert page.status_code == 200
    assert "Not paid yet" in page.text
    assert page.headers["Refresh"] == "3"
    assert shop.balance() == 0


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        ({"pack": "bonus"}, r'name="pack" value="bonus"[^>]* checked'),
        ({"credits": "60"}, r'name="credits"[^>]*\s+value="60"'),
    ],
)
def test_back_from_stripes_page_the_choice_stands_as_it_was(
    shop: Shop, choice: dict[str, str], chosen: str
) -> None:
    shop.keep_card()
    session = shop.buy(**choice, saved_card="")
    back = shop.dashboard().v1.checkout.sessions.retrieve(session).cancel_url
    assert back is not None

    page = shop.browser().get(back).text

    assert "Nothing was paid." in page
    assert re.search(chosen, page), page
    assert re.search(r'name="saved_card" value="" data-card="" checked', page), page
    shop.pay(session)
    assert "Nothing was paid." not in shop.browser().get(back).text, "it was paid in another tab"


def test_a_declined_card_gives_nothing_and_the_same_page_takes_another_card(shop: Shop) -> None:
    session = shop.buy()
    shop.stripe.decline(session)
    assert shop.balance() == 0

    shop.pay(session)

    assert shop.balance() == 100
    assert [payment.state for payment in shop.payments()] == [PaymentState.PAID]


@pytest.mark.parametrize("owner", ["user:2", None])
def test_someone_elses_purchase_does_not_exist(deaf_shop: Shop, owner: str | None) -> None:
    session = deaf_shop.buy(owner="user:1")
    deaf_shop.pay(session)

    page = deaf_shop.come_back(session, owner=owner)

    assert page.status_code == 404
    assert deaf_shop.balance("user:1") == 0
    assert deaf_shop.balance("user:2") == 0


@pytest.mark.parametrize("session_id", ["", "cs_test_none", "../v1/customers", "cs_test_\x00", "x" * 5000])
def test_a_session_that_never_was_is_not_found(shop: Shop, session_id: str) -> None:
    assert shop.come_back(session_id).status_code == 404


def test_two_tabs_with_two_baskets_are_two_purchases(shop: Shop) -> None:
    first, second = shop.buy(pack="starter"), shop.buy(credits="10")
    shop.pay(second)
    shop.pay(first)

    shop.come_back(first)
    shop.come_back(second)

    assert shop.balance() == 110


@pytest.mark.each_database
def test_a_double_click_leads_to_one_page_and_one_payment(shop: Shop) -> None:
    browser = shop.browser()
    form = {"pack": "starter", "attempt": "one-wish-0001"}
    pages = [shop.send_form(browser, "/prepaid/buy", **form).location for _ in range(3)]

    assert len(set(pages)) == 1
    assert len(shop.payments()) == 1


def test_the_same_form_with_another_choice_is_refused(shop: Shop) -> None:
    browser = shop.browser()
    shop.send_form(browser, "/prepaid/buy", pack="starter", attempt="one-wish-0001")

    again = shop.send_form(browser, "/prepaid/buy", pack="bonus", attempt="one-wish-0001")

    assert again.status_code == 409
    assert "Go back and choose again" in again.text
    assert [payment.pack for payment in shop.payments()] == ["starter"]


def test_the_back_button_after_paying_leads_to_the_paid_purchase(shop: Shop) -> None:
    browser = shop.browser()
    form = {"pack": "starter", "attempt": "one-wish-0001"}
    shop.send_form(browser, "/prepaid/buy", **form)
    session = shop.payments()[0].session_id
    assert session is not None
    shop.pay(session)

    again = shop.send_form(browser, "/prepaid/buy", **form)

    assert again.location == f"/prepaid/return?session_id={session}"
    assert "100 credits added" in browser.get(again.location).text


@pytest.mark.parametrize(
    "choice",
    [
        {"credits": "0"},
        {"credits": "-1"},
        {"credits": "1e9"},
        {"credits": "abc"},
        {"credits": ""},
        {"credits": "1001"},
        {"credits": "9" * 400},
        {"credits": "٣"},
        {"credits": "1.5"},
        {"pack": "unknown"},
        {"pack": ""},
        {"pack": "starter", "credits": "10"},
        {},
    ],
)
def test_what_is_not_sold_is_refused_at_its_field(shop: Shop, choice: dict[str, str]) -> None:
    page = shop.send_form(shop.browser(), "/prepaid/buy", **choice)

    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert shop.payments() == []


def test_a_price_in_the_form_changes_nothing(shop: Shop) -> None:
    forged = {"amount": "1", "amount_minor": "1", "price": "1", "currency": "jpy", "owner": "user:9"}
    shop.send_form(shop.browser("user:1"), "/prepaid/buy", pack="starter", **forged)

    payment = shop.payments("user:1")[0]
    session = shop.at_stripe(str(payment.session_id))

    assert (session.amount_total_minor, session.currency) == (500, "usd")
    assert (payment.amount_minor, payment.credits) == (500, 100)
    assert shop.payments("user:9") == []


def test_a_price_changed_during_a_checkout_changes_nothing_agreed(shop: Shop) -> None:
    session = shop.buy(pack="starter")
    shop.prepaid.catalog.packs.clear()
    shop.pay(session)

    shop.come_back(session)

    assert shop.balance() == 100


def test_a_volume_price_is_made_by_the_server(shop: Shop) -> None:
    session = shop.buy(credits="200")

    assert shop.at_stripe(session).amount_total_minor == 18_000


@pytest.mark.parametrize(
    ("pack", "amount", "shown"), [("tokyo", 700, "¥700"), ("kuwait", 1_250, "1.250 KWD")]
)
def test_currencies_without_cents_or_with_three_digits_are_charged_as_shown(
    shop: Shop, pack: str, amount: int, shown: str
) -> None:
    assert f'data-price="{shown}"' in shop.browser().get("/prepaid/buy").text
    session = shop.buy(pack=pack)
    shop.pay(session)

    assert shop.at_stripe(session).amount_total_minor == amount
    assert f"50 credits added for {shown}" in shop.come_back(session).text


def test_bonus_credits_come_with_the_pack_and_expire_with_it(shop: Shop) -> None:
    shop.pay(shop.buy(pack="bonus"))
    assert shop.balance() == 120

    shop.stripe.advance(days=31)
    shop.tick()

    assert shop.balance() == 0


def test_a_page_that_nobody_paid_expires_and_can_be_bought_again(shop: Shop) -> None:
    session = shop.buy()
    shop.stripe.advance(hours=25)

    assert "Nobody paid in time" in shop.come_back(session).text
    assert shop.payments()[0].state is PaymentState.EXPIRED
