"""A plan's life in a real browser: tried, made larger and smaller, canceled and resumed, a payment mended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Locator, Page, expect

from .accessibility import faults
from .conftest import Running, shop_in
from .test_newcomer import balance_after_reload, choose_another_card, pay_on_stripes_page, register

DAY = 24 * 3600
DECLINES_LATER = "4000 0000 0000 0341"
ASKS_ALWAYS = "4000 0027 6000 3184"


@pytest.fixture(scope="module")
def plan_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A shop of its own, for its time goes on: each story has its own customer, and adds some weeks.

    It begins with a month of others, lived by the command for that.
    """
    with shop_in(tmp_path_factory.mktemp("plans")) as running:
        running.start()
        seeded = running.command("rando", "seed", "--customers", "3", "--months", "1")
        assert seeded.exit_code == 0, seeded.stderr
        assert "prepaid audit: " in seeded.stderr
        yield running


@pytest.mark.browser
def test_a_trial_is_started_and_the_plan_made_larger_smaller_canceled_and_resumed(
    page: Page, plan_shop: Running
) -> None:
    register(page, plan_shop, "planner@journey.test")
    page.goto(f"{plan_shop.url}/subscription")
    plan_card(page, "Large").get_by_role("button", name="Start free trial").click()
    expect(page.get_by_text("14 days free")).to_be_visible()
    pay_on_stripes_page(page, "4242 4242 4242 4242")

    expect(page).to_have_url(re.compile(r"/subscription\?session_id=cs_test_"))
    expect(page.get_by_text("Your free trial runs until")).to_be_visible()
    assert balance_after_reload(page, plan_shop) == 3 + 10
    advance(plan_shop, 14 * DAY + 2 * 3600)
    plan_says(page, plan_shop, "Your plan runs")
    assert balance_after_reload(page, plan_shop) == 3 + 10 + 200

    page.goto(f"{plan_shop.url}/subscription")
    plan_card(page, "Large, by the year").get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="From Large to Large, by the year")).to_be_visible()
    pay = page.get_by_role("button", name=re.compile(r"Change and pay \$1,"))
    shown = pay.inner_text().removeprefix("Change and pay ")
    pay.click()
    expect(page.locator("#current")).to_contain_text("Large, by the year")
    expect(page.get_by_role("row").nth(1)).to_contain_text(shown)

    plan_card(page, "Small").get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Nothing is charged")).to_be_visible()
    page.get_by_role("button", name="Change to Small").click()
    expect(page.get_by_text("it changes to Small")).to_be_visible()
    page.get_by_role("button", name="Undo this change").click()
    expect(page.get_by_text("it changes to Small")).to_have_count(0)

    page.get_by_role("link", name="Cancel the plan", exact=True).click()
    page.get_by_role("button", name=re.compile("Cancel on")).click()
    expect(page.get_by_text("Nothing more is charged").first).to_be_visible()
    page.get_by_role("button", name="Resume my plan").click()
    expect(page.get_by_text("Your plan runs")).to_be_visible()
    assert plan_shop.command("prepaid", "audit").exit_code == 0


@pytest.mark.browser
def test_a_plan_is_begun_on_our_own_page_after_a_decline_and_the_banks_question(
    page: Page, own_form_shop: Running
) -> None:
    register(page, own_form_shop, "stayer@journey.test")
    page.goto(f"{own_form_shop.url}/subscription")
    plan_card(page, "Small").get_by_role("button", name="Subscribe").click()
    expect(page.locator("#prepaid-total")).to_have_text("$15.00")
    subscribe = page.get_by_role("button", name="Subscribe and pay $15.00")

    fill_card(page, "4000000000000002")
    subscribe.click()
    expect(page.get_by_role("alert")).to_contain_text("declined")
    fill_card(page, "4000002760003184")
    subscribe.click()
    page.frame_locator("dialog iframe").get_by_role("button", name=re.compile("complete", re.I)).click()

    expect(page.get_by_text("Your plan runs")).to_be_visible()
    assert balance_after_reload(page, own_form_shop) == 3 + 20
    assert own_form_shop.command("prepaid", "audit").exit_code == 0


@pytest.mark.browser
def test_a_failed_renewal_is_mended_with_one_button(page: Page, plan_shop: Running) -> None:
    register(page, plan_shop, "mender@journey.test")
    page.goto(f"{plan_shop.url}/subscription")
    plan_card(page, "Large").get_by_role("button", name="Start free trial").click()
    pay_on_stripes_page(page, DECLINES_LATER)
    expect(page.get_by_text("Your free trial runs until")).to_be_visible()

    advance(plan_shop, 14 * DAY + 2 * 3600)
    plan_says(page, plan_shop, "did not pay $120.00")
    page.goto(plan_shop.url)
    expect(page.get_by_role("link", name="Pay $120.00")).to_be_visible()
    assert faults(page) == []
    pay_what_is_owed(page, plan_shop, "did not pay $120.00", "Pay with another card")
    pay_on_stripes_invoice(page, "5555 5555 5555 4444")

    plan_says(page, plan_shop, "Your plan runs")
    assert balance_after_reload(page, plan_shop) == 3 + 10 + 200


@pytest.mark.browser
def test_a_bank_that_asks_at_a_renewal_is_answered_and_an_upgrade_that_waits_dropped(
    page: Page, plan_shop: Running
) -> None:
    register(page, plan_shop, "confirmer@journey.test")
    page.goto(f"{plan_shop.url}/subscription")
    plan_card(page, "Large").get_by_role("button", name="Start free trial").click()
    pay_on_stripes_page(page, ASKS_ALWAYS)
    answer_the_bank(page)
    expect(page.get_by_text("Your free trial runs until")).to_be_visible()

    advance(plan_shop, 14 * DAY + 2 * 3600)
    pay_what_is_owed(page, plan_shop, "asks you to confirm $120.00", "Confirm at your bank")
    send_card_to_stripes_invoice(page, ASKS_ALWAYS)
    answer_the_bank(page)
    expect(page.get_by_text(re.compile("paid", re.I)).first).to_be_visible()
    plan_says(page, plan_shop, "Your plan runs")
    assert balance_after_reload(page, plan_shop) == 3 + 10 + 200

    page.goto(f"{plan_shop.url}/subscription")
    plan_card(page, "Large, by the year").get_by_role("button", name="Preview").click()
    page.get_by_role("button", name=re.compile(r"Change and pay \$1,")).click()
    expect(page.get_by_text("Your change waits for its payment")).to_be_visible()
    page.get_by_role("button", name="Drop this change").click()
    expect(page.get_by_text("Your change waits for its payment")).to_have_count(0)
    expect(page.locator("#current")).to_have_text(re.compile(r"Large\s+Active"))
    assert plan_shop.command("prepaid", "audit").exit_code == 0


def plan_card(page: Page, title: str) -> Locator:
    """The card of a plan on sale."""
    return page.locator("form.card", has=page.get_by_role("heading", name=title, exact=True))


def fill_card(page: Page, number: str) -> None:
    """Type a card into Stripe's frame on our page."""
    card = page.frame_locator("#prepaid-card iframe")
    card.get_by_label("Card number").fill(number)
    card.get_by_label("Expir").fill("12/34")
    card.get_by_label("Security code").fill("123")


def plan_says(page: Page, shop: Running, text: str) -> None:
    """Wait until the plan's page says so: events arrive by themselves."""
    for _ in range(200):
        page.goto(f"{shop.url}/subscription")
        if page.get_by_text(text).count():
            break
        page.wait_for_timeout(250)
    expect(page.get_by_text(text).first).to_be_visible()


def pay_what_is_owed(page: Page, shop: Running, sentence: str, link: str) -> None:
    """Wait for a payment that failed, and go where it is paid: state and open invoice come in two events."""
    plan_says(page, shop, sentence)
    plan_says(page, shop, link)
    page.get_by_role("link", name=link).click()


def answer_the_bank(page: Page) -> None:
    page.get_by_role("button", name=re.compile("complete", re.I)).click()


def pay_on_stripes_invoice(page: Page, card: str) -> None:
    send_card_to_stripes_invoice(page, card)
    expect(page.get_by_text(re.compile("paid", re.I)).first).to_be_visible()


def send_card_to_stripes_invoice(page: Page, card: str) -> None:
    choose_another_card(page)
    form = page.locator("form", has=page.locator("[name=card_number]"))
    form.locator("[name=card_number]").fill(card)
    form.locator("[name=card_expiry]").fill("12/34")
    form.locator("[name=card_cvc]").fill("123")
    form.get_by_role("button").last.click()


def advance(shop: Running, seconds: int) -> None:
    """Move Stripe's clock."""
    body = json.dumps({"seconds": seconds}).encode()
    request = Request(
        f"{shop.emulator_url}/_emulator/advance", data=body, headers={"Content-Type": "application/json"}
    )
    with urlopen(request, timeout=60) as answer:
        assert answer.status == 200
