"""Buying in a real browser: what people do with buttons, tabs and the way back."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Page, expect

from .conftest import Running
from .test_newcomer import balance_after_reload, pay_on_stripes_page, register
from .test_plans import fill_card

pytestmark = pytest.mark.browser

GOOD, ASKS_ALWAYS, DECLINED = "4242 4242 4242 4242", "4000 0027 6000 3184", "4000 0000 0000 0002"
RETURN = re.compile(r"/buy-credits/return")


def to_stripe(page: Page, shop: Running, *, keep_card: bool = False) -> None:
    page.goto(f"{shop.url}/buy-credits")
    if keep_card:
        page.get_by_label("Keep my card for next time").check()
    page.locator("[data-pay]").click()
    expect(page).to_have_url(re.compile(re.escape(shop.emulator_url)))


def to_our_page(page: Page, shop: Running) -> None:
    """Choose ten credits on our own page, and go on to Stripe's fields there."""
    page.goto(f"{shop.url}/buy-credits/custom")
    page.get_by_label("How many credits?").fill("10")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("button", name="Pay $10.00")).to_be_enabled()


def balance_once_it_rises(page: Page, shop: Running, before: int) -> int:
    """Look again until Stripe's event has come; no page tells when it does."""
    until = time.monotonic() + 60
    while (now := balance_after_reload(page, shop)) == before and time.monotonic() < until:
        continue
    return now


def test_a_tab_closed_after_paying_still_gets_its_credits(page: Page, shop: Running) -> None:
    register(page, shop, "closed@journey.test")
    before = balance_after_reload(page, shop)
    to_stripe(page, shop)
    page.route(RETURN, lambda route: route.abort())
    with page.expect_request(RETURN):
        pay_on_stripes_page(page, GOOD)

    later = page.context.new_page()
    page.close()

    assert balance_once_it_rises(later, shop, before) == before + 10


def test_a_saved_card_pays_in_one_press_and_a_double_click_pays_once(page: Page, shop: Running) -> None:
    register(page, shop, "saved@journey.test")
    to_stripe(page, shop, keep_card=True)
    pay_on_stripes_page(page, GOOD)
    expect(page).to_have_url(RETURN)
    before = balance_after_reload(page, shop)
    page.goto(f"{shop.url}/buy-credits")

    page.locator("[data-pay]").dblclick()

    expect(page.get_by_role("heading", name="10 credits added")).to_be_visible()
    assert balance_after_reload(page, shop) == before + 10


def test_the_way_back_after_paying_buys_nothing_twice(page: Page, shop: Running) -> None:
    register(page, shop, "back@journey.test")
    to_stripe(page, shop)
    pay_on_stripes_page(page, GOOD)
    expect(page).to_have_url(RETURN)
    paid = balance_after_reload(page, shop)

    for _ in range(3):
        page.go_back()

    assert balance_after_reload(page, shop) == paid


@pytest.mark.parametrize("answer", ["complete", "fail"])
def test_a_bank_that_wants_its_customer_is_asked(page: Page, shop: Running, answer: str) -> None:
    register(page, shop, f"bank-{answer}@journey.test")
    before = balance_after_reload(page, shop)
    to_stripe(page, shop)
    pay_on_stripes_page(page, ASKS_ALWAYS)

    page.get_by_role("button", name=re.compile(answer, re.I)).click()

    if answer == "fail":
        pay_on_stripes_page(page, GOOD)  # the same page takes another card
    expect(page).to_have_url(RETURN)
    assert balance_after_reload(page, shop) == before + 10


@pytest.mark.parametrize("answer", ["complete", "fail"])
def test_a_saved_card_whose_bank_asks_leads_there_and_back(
    page: Page, own_form_shop: Running, answer: str
) -> None:
    shop = own_form_shop
    register(page, shop, f"saved-bank-{answer}@journey.test")
    leave_card(page, shop, ASKS_ALWAYS)
    before = balance_after_reload(page, shop)
    page.goto(f"{shop.url}/buy-credits")

    page.locator("[data-pay]").click()
    page.get_by_role("button", name=re.compile(answer, re.I)).click()

    expect(page).to_have_url(RETURN)
    if answer == "complete":
        expect(page.get_by_role("heading", name="10 credits added")).to_be_visible()
        assert balance_after_reload(page, shop) == before + 10
    else:
        expect(page.get_by_role("alert")).to_contain_text("Nothing was charged.")
        page.get_by_role("link", name="Try again").click()
        page.get_by_label("Another card").check()
        page.locator("[data-pay]").click()
        fill_card(page, GOOD)
        page.get_by_role("button", name="Pay $10.00").click()
        expect(page).to_have_url(RETURN)
        assert balance_after_reload(page, shop) == before + 10


def test_a_bank_whose_page_was_closed_is_gone_on_with_later(page: Page, own_form_shop: Running) -> None:
    shop = own_form_shop
    register(page, shop, "saved-later@journey.test")
    leave_card(page, shop, ASKS_ALWAYS)
    before = balance_after_reload(page, shop)
    page.goto(f"{shop.url}/buy-credits")
    page.locator("[data-pay]").click()
    expect(page.get_by_role("button", name=re.compile("complete", re.I))).to_be_visible()

    page.go_back()
    page.goto(f"{shop.url}/user-profile")
    page.get_by_role("link", name="Confirm it").click()
    page.get_by_role("button", name="Continue to your bank").click()
    page.get_by_role("button", name=re.compile("complete", re.I)).click()

    expect(page.get_by_role("heading", name="10 credits added")).to_be_visible()
    assert balance_after_reload(page, shop) == before + 10


def test_on_our_own_page_a_decline_a_bank_that_is_told_no_and_a_card_that_pays(
    page: Page, shop: Running
) -> None:
    register(page, shop, "own-page@journey.test")
    to_our_page(page, shop)
    pay = page.get_by_role("button", name="Pay $10.00")

    fill_card(page, DECLINED)
    pay.click()
    expect(page.get_by_role("alert")).to_contain_text("declined")
    fill_card(page, ASKS_ALWAYS)
    pay.click()
    bank = page.frame_locator("dialog iframe")
    bank.get_by_role("button", name=re.compile("fail", re.I)).click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(pay).to_be_enabled()
    pay.click()
    bank.get_by_role("button", name=re.compile("complete", re.I)).click()

    expect(page.get_by_role("heading", name="10 credits added for $10.00")).to_be_visible()
    assert balance_after_reload(page, shop) == 13


def test_on_our_own_page_a_double_click_and_the_way_back_pay_once(page: Page, shop: Running) -> None:
    register(page, shop, "own-page-twice@journey.test")
    to_our_page(page, shop)
    fill_card(page, GOOD)
    page.get_by_role("button", name="Pay $10.00").dblclick()
    expect(page).to_have_url(RETURN)

    for _ in range(2):
        with suppress(Error):  # the page before was the answer to a form, which Chromium does not show again
            page.go_back()

    assert balance_after_reload(page.context.new_page(), shop) == 13


def test_on_our_own_page_a_closed_tab_still_gets_its_credits(page: Page, shop: Running) -> None:
    register(page, shop, "own-page-closed@journey.test")
    to_our_page(page, shop)
    fill_card(page, GOOD)
    page.route(RETURN, lambda route: route.abort())
    with page.expect_request(RETURN):
        page.get_by_role("button", name="Pay $10.00").click()

    later = page.context.new_page()
    page.close()

    assert balance_once_it_rises(later, shop, 3) == 13


def test_where_cards_are_given_on_our_own_page_nothing_leads_away(page: Page, own_form_shop: Running) -> None:
    register(page, own_form_shop, "stays@journey.test")
    leave_card(page, own_form_shop, GOOD)
    expect(page.get_by_text("Visa ending in 4242")).to_be_visible()
    before = balance_after_reload(page, own_form_shop)
    page.goto(f"{own_form_shop.url}/buy-credits")

    page.get_by_label("How many credits?").fill("20")
    page.get_by_role("button", name="Pay $20.00 with Visa 4242").click()

    expect(page.get_by_role("heading", name="20 credits added")).to_be_visible()
    assert balance_after_reload(page, own_form_shop) == before + 20
    page.goto(f"{own_form_shop.url}/buy-credits?pack=regular")
    page.get_by_label("Another card").check()
    page.get_by_role("button", name="Continue to pay $54.00").click()
    expect(page.get_by_role("button", name="Pay $54.00")).to_be_enabled()


def leave_card(page: Page, shop: Running, number: str) -> None:
    """Put a card on file on our own page, with what its bank wants to know."""
    page.goto(f"{shop.url}/cards")
    page.get_by_role("button", name="Add a card").click()
    fill_card(page, number)
    page.get_by_role("button", name="Save the card").click()
    if number == ASKS_ALWAYS:
        bank = page.frame_locator("dialog iframe")
        bank.get_by_role("button", name=re.compile("complete", re.I)).click()
    expect(page.get_by_text("pays by default", exact=True)).to_be_visible()
