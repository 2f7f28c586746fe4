"""Buying in a real browser: what people do with buttons, tabs and the way back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .conftest import Running
from .test_newcomer import balance_after_reload, pay_on_stripes_page, register

pytestmark = pytest.mark.browser

GOOD, ASKS_ALWAYS = "4242 4242 4242 4242", "4000 0027 6000 3184"
RETURN = re.compile(r"/buy-credits/return")


def to_stripe(page: Page, shop: Running, *, keep_card: bool = False) -> None:
    page.goto(f"{shop.url}/buy-credits")
    form = page.locator("form", has=page.locator("[name=pack]")).first
    if keep_card:
        form.locator("[name=keep_card]").check()
    form.locator("button[name=pack]").click()
    expect(page).to_have_url(re.compile(re.escape(shop.emulator_url)))


def test_a_tab_closed_after_paying_still_gets_its_credits(page: Page, shop: Running) -> None:
    register(page, shop, "closed@journey.test")
    before = balance_after_reload(page, shop)
    to_stripe(page, shop)
    page.route(RETURN, lambda route: route.abort())
    with page.expect_request(RETURN):
        pay_on_stripes_page(page, GOOD)

    later = page.context.new_page()
    page.close()

    later.goto(f"{shop.url}/user-profile")
    expect(later.locator("[data-balance]").first).not_to_have_text(str(before))
    assert balance_after_reload(later, shop) > before


def test_a_saved_card_pays_in_one_press_and_a_double_click_pays_once(page: Page, shop: Running) -> None:
    register(page, shop, "saved@journey.test")
    to_stripe(page, shop, keep_card=True)
    pay_on_stripes_page(page, GOOD)
    expect(page).to_have_url(RETURN)
    before = balance_after_reload(page, shop)
    page.goto(f"{shop.url}/buy-credits")

    page.locator("button[name=pack]").first.dblclick()

    expect(page.get_by_role("status")).to_contain_text("10 credits were added")
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
