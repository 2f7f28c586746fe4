"""The shop without JavaScript, and on paper."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import Running
from .test_newcomer import PASSWORD, pay_on_stripes_page, register

pytestmark = pytest.mark.browser

CARD = "4242 4242 4242 4242"


def test_every_form_works_without_javascript(shop: Running, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    register(page, shop, "noscript@journey.test")
    page.get_by_role("button", name="Get Your Number").click()
    expect(page.locator("#number")).to_have_text(re.compile(r"^\s*\d\s*$"))
    expect(page.get_by_text("1 credit taken, 2 left.")).to_be_visible()

    page.goto(f"{shop.url}/buy-credits")
    page.get_by_label("Starter").check()
    page.get_by_role("button", name="Buy Now").click()
    pay_on_stripes_page(page, CARD)
    expect(page.get_by_role("heading", name="10 credits added for $10.00")).to_be_visible()
    our_own_card_form(page, shop)
    cards(page, shop)
    plans(page, shop)
    account(page, shop)
    context.close()


def test_without_javascript_a_wrong_number_is_seen_on_a_phone_and_a_pack_can_be_bought(
    shop: Running, browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    register(page, shop, "noscript-phone@journey.test")
    page.goto(f"{shop.url}/buy-credits")
    number = page.get_by_role("spinbutton", name="How many credits?")

    page.get_by_label("Any number of credits").check()
    number.fill("0")
    page.get_by_label("Starter").check()
    page.get_by_role("button", name="Buy Now").click()
    expect(number).to_be_visible()  # the browser says there what is wrong
    number.fill("")
    page.get_by_role("button", name="Buy Now").click()

    pay_on_stripes_page(page, CARD)
    expect(page.get_by_role("heading", name="10 credits added for $10.00")).to_be_visible()
    context.close()


def our_own_card_form(page: Page, shop: Running) -> None:
    """It can't do without; it says what to do instead."""
    page.goto(f"{shop.url}/buy-credits/custom")
    page.get_by_label("How many credits?").fill("20")
    page.get_by_role("button", name="Continue").click()
    instead = page.get_by_role("link", name="Pay on Stripe's page instead")
    expect(instead).to_be_visible()
    instead.click()
    expect(page).to_have_url(f"{shop.url}/buy-credits")
    page.get_by_label("Any number of credits").check()
    page.get_by_label("How many credits?").fill("20")
    page.get_by_role("button", name="Buy Now").click()
    pay_on_stripes_page(page, CARD)
    expect(page.get_by_role("heading", name="20 credits added for $20.00")).to_be_visible()


def cards(page: Page, shop: Running) -> None:
    page.goto(f"{shop.url}/cards")
    for card in (CARD, "5555 5555 5555 4444"):
        page.get_by_role("button", name="Add a card").click()
        pay_on_stripes_page(page, card)
        expect(page.get_by_text(f"ending in {card[-4:]}").first).to_be_visible()
    page.get_by_role("button", name="Make default").first.click()
    page.get_by_role("link", name="Edit the card").first.click()
    page.get_by_label("Name on the card").fill("Nora Noscript")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", name="Auto top-up is on")).to_be_visible()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("heading", name="Auto top-up is off")).to_be_visible()


def plans(page: Page, shop: Running) -> None:
    page.goto(f"{shop.url}/subscription")
    page.get_by_role("link", name="Another card").click()
    page.locator("button[name=plan]").first.click()
    pay_on_stripes_page(page, CARD)
    page.goto(f"{shop.url}/subscription")
    expect(page.get_by_role("heading", name="Your plan", exact=True)).to_be_visible()
    page.get_by_role("button", name="Preview").first.click()
    page.get_by_role("button", name=re.compile("Change and pay")).click()
    expect(page.get_by_role("heading", name="Medium").first).to_be_visible()
    page.goto(f"{shop.url}/subscription/cancel")
    page.get_by_role("button", name=re.compile("Cancel on")).click()
    page.get_by_role("button", name="Resume my plan").click()
    expect(page.get_by_text("Your plan runs")).to_be_visible()


def account(page: Page, shop: Running) -> None:
    page.goto(f"{shop.url}/api-keys")
    page.get_by_label("Name").fill("a job")
    page.get_by_role("button", name="Create key").click()
    expect(page.locator("#new-key")).to_have_text(re.compile("^rn_"))
    page.locator("summary", has_text="Revoke").click()
    page.get_by_role("button", name="Revoke it: a job").click()
    expect(page.get_by_text("No keys yet.")).to_be_visible()
    page.goto(f"{shop.url}/usage")
    page.get_by_label("Credits a month").fill("100")
    page.get_by_role("button", name="Save the limit").click()
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("What").select_option("spend")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("cell", name="Number drawn")).to_have_count(1)
    page.get_by_role("button", name="Logout").click()
    # A late answer would take back the cookie of the form that is opened next.
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    page.goto(f"{shop.url}/login")
    page.get_by_label("Email").fill("noscript@journey.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("button", name="Get Your Number")).to_be_visible()


def test_what_is_kept_on_paper_prints_without_what_can_only_be_pressed(page: Page, shop: Running) -> None:
    register(page, shop, "paper@journey.test")
    page.goto(f"{shop.url}/buy-credits")
    page.locator("[data-pay]").click()
    pay_on_stripes_page(page, CARD)
    page.wait_for_url(re.compile("/buy-credits/return"))

    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 between its margins
    for path, text in (("/user-profile", "Purchase History"), ("/usage", "Welcome to Rando Number")):
        page.goto(shop.url + path)
        expect(page.get_by_text(text)).to_be_visible()
        on_paper(page)
    page.emulate_media(media="screen")
    page.goto(f"{shop.url}/user-profile")
    page.get_by_role("link", name="Receipt", exact=True).click()
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_text("$10.00").first).to_be_visible()
    on_paper(page)


def on_paper(page: Page) -> None:
    for pressed in ("button", ".btn", "nav", ".skip", "form"):
        for button in page.locator(pressed).all():
            expect(button).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    ink, paper = page.evaluate(
        "(({ color, backgroundColor }) => [color, backgroundColor])(getComputedStyle(document.body))"
    )
    assert (ink, paper) in (("rgb(0, 0, 0)", "rgb(255, 255, 255)"), ("rgb(0, 0, 0)", "rgba(0, 0, 0, 0)"))
