"""Our own page in a real browser: live total, a card in Stripe's frame, a decline, the bank's page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from flask_prepaid.testing import Databases
from stripe_emulator import Emulator

from ..gateway.wire import free_port, served
from ..shop import Shop

pytestmark = pytest.mark.browser

VISA, DECLINED = "4242424242424242", "4000000000000002"


@pytest.fixture
def open_shop(databases: Databases) -> Iterator[tuple[Shop, str]]:
    """A shop and its Stripe, both on ports of this machine."""
    port = free_port()
    emulator = Emulator(base_url=f"http://127.0.0.1:{port}")
    shop = Shop(
        databases.fresh("sqlite"),
        emulator=emulator,
        PREPAID_PROMOTION_CODES=True,
        PREPAID_STRIPE_JS_URL=f"http://127.0.0.1:{port}/js/stripe.js",
    )
    with served(emulator.app, port), served(shop.app, free_port()) as address:
        yield shop, address
    shop.close()


def fill(page: Page, number: str) -> None:
    """A card, and the address that Stripe wants of a customer without one."""
    page.get_by_label("Your email").fill("pat@shop.test")
    card = page.frame_locator("#prepaid-card iframe")
    card.get_by_label("Card number").fill(number)
    card.get_by_label("Expir").fill("12/34")
    card.get_by_label("Security code").fill("123")


def to_the_card(page: Page, address: str, credits: str) -> None:
    page.context.add_cookies([{"name": "owner", "value": "user:1", "url": address}])
    page.goto(f"{address}/prepaid/buy/custom")
    page.get_by_label("How many credits?").fill(credits)


def test_the_total_follows_the_quantity_and_the_card_pays_it(open_shop: tuple[Shop, str], page: Page) -> None:
    shop, address = open_shop
    to_the_card(page, address, "0")
    expect(page.locator("[data-pay]")).to_have_text("Continue")  # what is sold stands at the field
    to_the_card(page, address, "20")
    expect(page.locator("[data-pay]")).to_have_text("Continue to pay $20.00")
    page.get_by_role("button", name="Continue").click()
    fill(page, VISA)

    page.get_by_role("button", name="Pay $20.00").click()

    expect(page.get_by_role("heading", name="20 credits added for $20.00")).to_be_visible()
    assert shop.balance() == 20


def test_a_decline_is_said_and_another_card_pays(open_shop: tuple[Shop, str], page: Page) -> None:
    shop, address = open_shop
    to_the_card(page, address, "10")
    page.get_by_role("button", name="Continue").click()
    fill(page, DECLINED)
    page.get_by_role("button", name="Pay $10.00").click()
    expect(page.get_by_role("alert")).to_contain_text("declined")

    fill(page, VISA)
    page.get_by_role("button", name="Pay $10.00").click()

    expect(page.get_by_role("heading", name="10 credits added")).to_be_visible()
    assert shop.balance() == 10


def test_a_code_makes_it_cheaper_before_it_is_paid(open_shop: tuple[Shop, str], page: Page) -> None:
    shop, address = open_shop
    coupons = shop.dashboard().v1
    coupon = coupons.coupons.create({"percent_off": 20, "duration": "once"})
    coupons.promotion_codes.create({"code": "LESS", "promotion": {"type": "coupon", "coupon": coupon.id}})
    to_the_card(page, address, "10")
    page.get_by_label("Keep my card for next time").check()
    page.get_by_role("button", name="Continue").click()
    fill(page, VISA)
    page.get_by_label("Promotion code").fill("NONE")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_be_visible()

    page.get_by_label("Promotion code").fill("LESS")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Pay $8.00").click()

    expect(page.get_by_role("heading", name="10 credits added for $8.00")).to_be_visible()
    shop.stripe.deliver()
    assert len(shop.read(lambda: shop.prepaid.cards("user:1"))) == 1
