"""The main job, end to end, as a newcomer does it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest
from playwright.sync_api import Page, expect

from .conftest import Running, credits

PASSWORD = "correct horse battery staple"

#: Stripe's page asks for it where a purchase comes with an invoice and the customer's is not known yet.
ADDRESS = {"line1": "1 Main Street", "postal_code": "10001", "city": "New York", "country": "US"}


@pytest.mark.browser
def test_a_newcomer_gets_three_numbers_buys_ten_credits_and_goes_on(page: Page, shop: Running) -> None:
    register(page, shop, "newcomer@journey.test")
    for _ in range(3):
        draw(page, shop)

    page.goto(shop.url)
    page.get_by_role("button", name="Get Your Number").click()
    expect(page.get_by_text(re.compile("credits are used up", re.I)).first).to_be_visible()

    page.goto(f"{shop.url}/buy-credits")
    page.get_by_label("How many credits?").fill("10")
    page.get_by_role("button", name="Continue to pay $10.00").click()
    expect(page).to_have_url(re.compile(re.escape(shop.emulator_url)))
    pay_on_stripes_page(page, "4242 4242 4242 4242")

    expect(page).to_have_url(re.compile(r"/buy-credits/return\?session_id=cs_test_"))
    expect(page.get_by_text(re.compile("10 credits", re.I)).first).to_be_visible()
    page.goto(f"{shop.url}/user-profile")
    assert balance(page) == 10
    expect(page.get_by_text("$10.00").first).to_be_visible()
    draw(page, shop)
    assert balance_after_reload(page, shop) == 9


@pytest.mark.browser
def test_a_customer_from_registering_to_a_refund(page: Page, shop: Running) -> None:
    from_registering_to_a_refund(page, shop, "refund@journey.test", keep=lambda name: None)


def from_registering_to_a_refund(
    page: Page, shop: Running, email: str, keep: Callable[[str], object]
) -> None:
    """:param keep: Called where there is something to see, with a name for it."""
    register(page, shop, email)
    draw(page, shop)
    keep("number")
    page.goto(f"{shop.url}/buy-credits")
    keep("buy")
    page.locator("[data-pay]").click()
    page.locator("[name=card_number]").fill("4242 4242 4242 4242")
    keep("checkout")
    pay_on_stripes_page(page, "4242 4242 4242 4242")
    expect(page.get_by_role("heading", name="10 credits added for $10.00")).to_be_visible()
    assert balance_after_reload(page, shop) == 12

    with closing(sqlite3.connect(shop.data / "rando.sqlite3")) as books:
        (latest,) = books.execute("SELECT max(id) FROM prepaid_payment").fetchone()
    refund = shop.command("prepaid", "refund", str(latest), "--amount", "500", "--reason", "half of it")
    assert refund.exit_code == 0, refund.output
    assert balance_after_reload(page, shop) == 7
    expect(page.get_by_role("cell", name="Partly refunded: $5.00")).to_be_visible()
    expect(page.get_by_role("cell", name="Taken back")).to_be_visible()
    keep("profile")


@pytest.mark.browser
def test_a_declined_card_is_told_so_and_another_one_pays(page: Page, shop: Running) -> None:
    register(page, shop, "declined@journey.test")
    page.goto(f"{shop.url}/buy-credits")
    page.locator("[data-pay]").click()

    pay_on_stripes_page(page, "4000 0000 0000 0002")
    expect(page.get_by_text(re.compile("declined", re.I)).first).to_be_visible()
    assert balance_after_reload(page.context.new_page(), shop) == 3

    pay_on_stripes_page(page, "4242 4242 4242 4242")
    expect(page).to_have_url(re.compile(r"/buy-credits/return\?session_id=cs_test_"))
    assert balance_after_reload(page, shop) > 3


def test_without_javascript_and_after_a_kill_all_is_still_there(new_shop: Running) -> None:
    new_shop.start()
    visitor = Visitor(new_shop.url)
    visitor.post(
        "/register",
        email="plain@journey.test",
        password=PASSWORD,
        csrf_of="/register",
    )
    page = visitor.post("/buy-credits", credits="10", csrf_of="/buy-credits")
    assert page.url.startswith(new_shop.emulator_url)
    paid = visitor.submit(
        page,
        email="plain@journey.test",
        card_number="4242424242424242",
        card_expiry="12/34",
        card_cvc="123",
        name="Pat",
        **ADDRESS,
    )
    assert "/buy-credits/return" in paid.url
    assert profile_balance(visitor) == 13

    new_shop.kill()
    new_shop.start()

    assert profile_balance(visitor) == 13
    assert "$10.00" in visitor.get("/user-profile").text
    state = json.loads(Visitor(new_shop.emulator_url).get("/_emulator/state").text)
    assert state["objects"]["checkout.session"] == 1
    audit = new_shop.flask("prepaid", "audit", "--json")
    assert (audit.stdout.strip(), audit.returncode) == ('{"ok": true, "problems": []}', 0)
    assert new_shop.stop() == 0


def register(page: Page, shop: Running, email: str, *, url: str | None = None) -> None:
    page.goto(f"{url or shop.url}/register")
    page.get_by_label("Email").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form[action$='/register']").get_by_role("button", name="Register").click()
    expect(page.get_by_role("button", name="Get Your Number")).to_be_visible()


def draw(page: Page, shop: Running) -> None:
    page.goto(shop.url)
    expect(page.locator("#number")).to_have_text("?")
    page.get_by_role("button", name="Get Your Number").click()
    expect(page.locator("#number")).to_have_text(re.compile(r"^\s*\d\s*$"))


def pay_on_stripes_page(page: Page, card: str) -> None:
    page.locator("[name=email]").fill("newcomer@journey.test")
    choose_another_card(page)
    page.locator("[name=card_number]").fill(card)
    page.locator("[name=card_expiry]").fill("12/34")
    page.locator("[name=card_cvc]").fill("123")
    page.locator("[name=name]").fill("Nora Newcomer")
    if page.locator("[name=country]").count():
        page.get_by_label("Country").select_option("US")
        page.locator("[name=postal_code]").fill(ADDRESS["postal_code"])
    page.locator("form", has=page.locator("[name=card_number]")).get_by_role("button").first.click()


def choose_another_card(page: Page) -> None:
    """Where Stripe's page offers saved cards, the one that is typed has to be chosen."""
    another = page.get_by_label("Another card")
    if another.count():
        another.check()


def balance(page: Page) -> int:
    return credits(page.locator("[data-balance]").first.inner_text())


def balance_after_reload(page: Page, shop: Running) -> int:
    page.goto(f"{shop.url}/user-profile")
    return balance(page)


class Answer:
    def __init__(self, reply: Any) -> None:
        with reply:
            self.url: str = reply.geturl()
            self.status: int = reply.status
            self.text: str = reply.read().decode()


class Visitor:
    """A browser without JavaScript: cookies, forms and redirects, nothing else."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> Answer:
        return self.send(Request(self.url + path))

    def post(self, path: str, *, csrf_of: str, **fields: str) -> Answer:
        """Fill in the form that stands on ``csrf_of`` and send it."""
        return self.send(self.form(self.url + path, {**fields, **hidden(self.get(csrf_of).text)}))

    def submit(self, page: Answer, **fields: str) -> Answer:
        """Send the only form of a page that is open."""
        return self.send(self.form(page.url, {**hidden(page.text), **fields}))

    def form(self, url: str, fields: dict[str, str]) -> Request:
        return Request(
            url, data=urlencode(fields).encode(), headers={"Origin": self.url, "Referer": self.url}
        )

    def send(self, request: Request) -> Answer:
        try:
            return Answer(self.opener.open(request, timeout=60))
        except HTTPError as refused:
            return Answer(refused)


def hidden(html: str) -> dict[str, str]:
    matches = re.findall(r'<input[^>]*name="(csrf_token)"[^>]*value="([^"]+)"', html)
    return dict(matches[:1])


def profile_balance(visitor: Visitor) -> int:
    matches = re.search(r"data-balance>([\d,]+)<", visitor.get("/user-profile").text)
    assert matches is not None
    return credits(matches[1])
