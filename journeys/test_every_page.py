"""Every page of the shop, of the extension on a bare host, and of the emulator: sizes, schemes, states.

With ``SHOTS=folder`` each is kept as a picture, to be looked at by somebody.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaigns.pages import MAX_BYTES, walk
from playwright.sync_api import Browser, Page, expect

from rando_number import create_app

from .accessibility import Walk, operator_pages
from .bare_host import serve
from .conftest import Running
from .test_newcomer import pay_on_stripes_page, register

pytestmark = pytest.mark.browser

DECLINES_WHEN_CHARGED = "4000 0000 0000 0341"

#: Addresses that answer a browser, and where it sees no page of their own there.
NOT_WALKED = {
    "own_data.export": "a file",
    "downloads.as_csv": "a file",
    "downloads.as_json": "a file",
    "crawlers.favicon": "a picture",
    "crawlers.robots": "for crawlers",
    "crawlers.touch_icon": "a picture",
    "files.styles": "a file",
    "prepaid.operator_codes_csv": "a file",
    "prepaid.operator_credits_csv": "a file",
    "prepaid.operator_customers_csv": "a file",
    "prepaid.operator_payments_csv": "a file",
    "prepaid.operator_plans_csv": "a file",
    "prepaid.operator_sales_csv": "a file",
    "prepaid.invoice": "leads to Stripe",
    "prepaid.custom_plan": "looks as the other page with Stripe's elements; test_plans pays there",
    "prepaid.operator_mail": "test_mails_in_a_browser is there",
    "prepaid.operator_payment": "test_operator is there",
    "prepaid.operator_plan": "test_operator is there",
    "prepaid.operator_refund": "test_operator is there",
    "security.change_email_confirm": "leads to the profile",
    "security.reset_password": "the form of a new password, as on /change; rando-number's tests fill it in",
    "security.tf_select": "one way only is on, so there is nothing to choose",
    "security.two_factor_rescue": "for one who has signed in by half",
    "security.two_factor_token_validation": "for one who has signed in by half",
    "security.mf_recovery": "for one who has signed in by half",
    "security.wan_delete": "takes forms only",
    "security.wan_verify": "leads to the passkey's own dialog of the browser",
}


def test_the_shops_pages_can_be_used_by_anybody(shop: Running, browser: Browser, tmp_path: Path) -> None:
    walk = Walk.begin(browser)
    strangers(walk, shop)
    newcomers(walk, shop)
    customers(walk, shop)
    operators(walk, shop)
    walk.assert_well()
    walk.page.context.close()
    assert pages_of_the_shop(tmp_path) - walked(walk, tmp_path) == set(NOT_WALKED)


def pages_of_the_shop(folder: Path) -> set[str]:
    """Every endpoint that a browser can open, but for files, the API and what machines ask."""
    rules = create_app({"RANDO_DATA": str(folder)}).url_map.iter_rules()
    machines = re.compile(r"(.*\.)?static|api[.-]|health\.")
    return {
        rule.endpoint
        for rule in rules
        if rule.methods and "GET" in rule.methods and not machines.match(rule.endpoint)
    }


def walked(walk: Walk, folder: Path) -> set[str]:
    known = create_app({"RANDO_DATA": str(folder)}).url_map.bind("localhost")
    paths = [path for path in walk.paths if not path.startswith(("/pay/", "/receipts/", "/nowhere"))]
    return {known.match(path, method="GET")[0] for path in paths if known.test(path, method="GET")}


def strangers(walk: Walk, shop: Running) -> None:
    page = walk.page
    walk.go(f"{shop.url}/", "home, signed out")
    walk.go(f"{shop.url}/docs/api", "API")
    for path in ("contact", "terms", "privacy", "refunds"):
        walk.go(f"{shop.url}/{path}", path)
    walk.go(f"{shop.url}/nowhere", "not found", status=404)
    walk.go(f"{shop.url}/register", "register")
    page.get_by_label("Email").fill("nonsense")
    page.locator("[name=password]").fill("short")
    page.locator("main form").evaluate("form => { form.noValidate = true; form.submit(); }")
    expect(page.locator(".is-invalid").first).to_be_visible()
    walk.see("register, filled in badly")
    walk.go(f"{shop.url}/login", "login")
    page.get_by_label("Email").fill("nobody@journey.test")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The email or the password is wrong.").first).to_be_visible()
    walk.see("login, refused")
    walk.go(f"{shop.url}/reset", "forgotten password")
    walk.go(f"{shop.url}/login/passkey", "login by passkey")


def newcomers(walk: Walk, shop: Running) -> None:
    """Signed in, and nothing has happened yet."""
    register(walk.page, shop, "everypage@journey.test")
    walk.see("home, signed in")
    for path, name in (
        ("/user-profile", "profile, new"),
        ("/usage", "usage, new"),
        ("/billing", "billing, nothing yet"),
        ("/buy-credits", "buy, no card"),
        ("/buy-credits/custom", "buy any number"),
        ("/cards", "cards, none"),
        ("/subscription", "plans"),
        ("/redeem", "redeem a code"),
        ("/alerts", "alerts, none"),
        ("/webhooks", "webhooks, none"),
        ("/api-keys", "keys, none"),
        ("/api-keys/limits", "limits, none"),
        ("/change", "change the password"),
        ("/change-email", "change the address"),
        ("/sessions", "sessions"),
        ("/passkeys", "passkeys"),
        ("/verify", "the password again"),
        ("/mf-recovery-codes", "recovery codes"),
        ("/tf-setup", "second factor"),
        ("/close-account", "close the account"),
        ("/logout", "logout"),
        ("/mails", "mails"),
    ):
        walk.go(shop.url + path, name)
    walk.page.goto(f"{shop.url}/tf-setup")
    walk.page.locator("main form button").first.click()
    expect(walk.page.locator(".qr")).to_be_visible()
    walk.see("second factor, its code")


def customers(walk: Walk, shop: Running) -> None:
    """Numbers drawn until none are left, a card that does not pay and one that does, a plan."""
    page = walk.page
    for _ in range(3):
        page.goto(shop.url)
        page.get_by_role("button", name="Get Your Number").click()
        expect(page.locator("#number")).to_have_text(re.compile(r"\d"))
    walk.see("home, a number")
    page.goto(shop.url)
    page.get_by_role("button", name="Get Your Number").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    walk.see("home, used up")

    page.goto(f"{shop.url}/buy-credits")
    page.locator("[data-pay]").click()
    page.wait_for_url(re.compile(re.escape(shop.emulator_url)))
    walk.see("Stripe's page", axe=False)
    pay_on_stripes_page(page, "4000 0000 0000 0002")
    expect(page.get_by_role("alert")).to_be_visible()
    walk.see("Stripe's page, declined", axe=False)
    session = page.url.rpartition("/")[2]
    walk.go(f"{shop.url}/buy-credits/return?session_id={session}", "not paid yet")
    page.goto(f"{shop.emulator_url}/pay/{session}")
    pay_on_stripes_page(page, "4242 4242 4242 4242")
    page.wait_for_url(re.compile("/buy-credits/return"))
    walk.see("paid")
    page.get_by_role("link", name="Receipt").click()
    page.wait_for_url(re.compile("/receipts/"))
    walk.see("Stripe's receipt", axe=False)

    keep_card(page, shop, "4242 4242 4242 4242")
    walk.see("cards, one")
    page.get_by_role("link", name="Edit the card").click()
    walk.see("a card")
    walk.go(f"{shop.url}/buy-credits", "buy, with a card")
    page.goto(f"{shop.url}/buy-credits/custom")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#prepaid-pay button")).to_be_enabled()
    walk.see("our own card form")
    plan(walk, shop)
    failed(walk, shop)
    told(walk, shop)

    page.goto(f"{shop.url}/api-keys")
    page.get_by_label("Name").fill("billing job")
    page.get_by_role("button", name="Create key").click()
    expect(page.locator("#new-key")).to_be_visible()
    walk.see("keys, a new one")
    for path, name in (
        ("/user-profile", "profile, full"),
        ("/usage", "usage, full"),
        ("/billing", "billing, full"),
    ):
        walk.go(shop.url + path, name)


def told(walk: Walk, shop: Running) -> None:
    """Alerts, one of them refused, and a webhook that a test does not reach."""
    page = walk.page
    page.goto(f"{shop.url}/alerts")
    for number, name in (("100", "alerts, one"), ("none", "alerts, refused")):
        page.get_by_label("Fewer credits than").fill(number)
        page.get_by_role("button", name="Set an alert of the balance").click()
        expect(page.get_by_text("Fewer than 100 credits are left").first).to_be_visible()
        walk.see(name)
    page.goto(f"{shop.url}/webhooks")
    page.get_by_label("Address").fill("https://127.0.0.1/hook")
    page.get_by_role("button", name="Add endpoint").click()
    expect(page.get_by_role("alert")).to_contain_text("not public")
    walk.see("webhooks, refused")
    page.get_by_label("Address").fill(
        "https://[2606:4700:4700::1111]:9999/hooks/from/the/shop"
    )  # nobody is there
    page.get_by_role("button", name="Add endpoint").click()
    expect(page.locator("#endpoint-secret")).to_be_visible()
    walk.see("webhook, new")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The test did not arrive").first).to_be_visible()
    walk.see("webhook, tested")
    endpoint = page.url.partition("#")[0]
    walk.go(f"{shop.url}/webhooks", "webhooks, one")
    walk.go(endpoint, "webhook")


def plan(walk: Walk, shop: Running) -> None:
    page = walk.page
    walk.go(f"{shop.url}/subscription", "plans, with a card")
    page.get_by_role("link", name="Another card").click()
    walk.see("plans, with another card")
    page.locator("button[name=plan]").first.click()
    page.wait_for_url(re.compile(re.escape(shop.emulator_url)))
    pay_on_stripes_page(page, "4242 4242 4242 4242")
    page.wait_for_url(re.compile("/subscription"))
    expect(page.get_by_role("heading", name="Your plan", exact=True)).to_be_visible()
    walk.go(f"{shop.url}/subscription", "plan, running")
    page.get_by_role("button", name="Preview").first.click()
    walk.see("plan, another one")
    walk.go(f"{shop.url}/subscription/cancel", "plan, the end")


def failed(walk: Walk, shop: Running) -> None:
    """A saved card that does not pay."""
    keep_card(walk.page, shop, DECLINES_WHEN_CHARGED)
    walk.see("cards, two")
    walk.page.goto(f"{shop.url}/buy-credits")
    walk.page.get_by_label("Visa ending in 0341").check()
    walk.page.locator("[data-pay]").click()
    expect(walk.page.get_by_role("alert").first).to_be_visible()
    walk.see("the card did not pay")


def keep_card(page: Page, shop: Running, card: str) -> None:
    page.goto(f"{shop.url}/cards")
    page.get_by_role("button", name="Add a card").click()
    page.wait_for_url(re.compile(re.escape(shop.emulator_url)))
    pay_on_stripes_page(page, card)
    page.wait_for_url(re.compile(f"{re.escape(shop.url)}/cards"))
    expect(page.get_by_text(f"ending in {card[-4:]}").first).to_be_visible()


def operators(walk: Walk, shop: Running) -> None:
    """Their pages with a history behind them are in test_operator."""
    page = walk.page
    page.context.clear_cookies()
    login = json.loads((shop.data / "logins.json").read_text())["admin"]
    page.goto(f"{shop.url}/login")
    page.get_by_label("Email").fill(login["email"])
    page.get_by_label("Password").fill(login["password"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{shop.url}/")
    for path in operator_pages(page, f"{shop.url}/admin"):
        walk.go(f"{shop.url}/admin{path}", f"admin{path.replace('/', ' ')}")
    page.goto(f"{shop.url}/admin/customers?q=everypage@journey.test")
    page.wait_for_url(re.compile("/admin/customers/user:"))  # the only one found is shown at once
    walk.see("admin a customer")
    walk.go(f"{shop.url}/admin/mails", "admin mails")


def test_the_emulators_pages_can_be_used_by_keyboard_and_on_a_small_screen(
    shop: Running, browser: Browser
) -> None:
    """axe is held to each of them in the emulator's own tests."""
    walk = Walk.begin(browser)
    register(walk.page, shop, "emulator@journey.test")
    keep_card(walk.page, shop, "4242 4242 4242 4242")
    for path in (
        "",
        "logs",
        "objects",
        "objects/customer",
        "events",
        "deliveries",
        "states",
        "account",
        "find",
        "webhooks",
        "clock",
        "chaos",
        "start",
    ):
        walk.page.goto(f"{shop.emulator_url}/{path}")
        if live := walk.page.get_by_role("button", name="Live").all():
            live[0].click()  # it stays paused on the next pages: nothing moves under the hands
        walk.see(f"dashboard {path.replace('/', ' ')}", axe=False)
    walk.assert_well()
    walk.page.context.close()


def test_pages_hold_long_names_large_numbers_and_a_stripe_that_is_away(
    shop: Running, browser: Browser
) -> None:
    """A seeded sample of ``./dev campaign pages``; the home page is in it always, with what it weighs."""
    look = walk(shop, browser, ["much", "away"], random.Random(1), count=2)
    look.page.context.clear_cookies()
    look.at("a stranger", "/")

    assert look.wrong == [], "\n".join(look.wrong)
    assert look.weigh("/") < MAX_BYTES
    look.page.context.close()


@pytest.fixture
def bare_host(shop: Running, tmp_path: Path) -> Iterator[str]:
    with serve(shop.emulator_url, tmp_path) as url:
        yield url


def test_the_extensions_own_frame_can_be_used_by_anybody(
    bare_host: str, shop: Running, browser: Browser
) -> None:
    walk = Walk.begin(browser)
    page = walk.page
    for path, name in (
        ("buy", "buy"),
        ("buy/custom", "any number"),
        ("billing", "billing"),
        ("cards", "cards"),
        ("plan", "plans"),
        ("alerts", "alerts"),
        ("endpoints", "webhooks"),
    ):
        walk.go(f"{bare_host}/prepaid/{path}", f"bare {name}")
    page.set_content(f'<form method="post" action="{bare_host}/report"><button>Go</button></form>')
    page.get_by_role("button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    walk.see("bare too few credits")
    page.goto(f"{bare_host}/prepaid/buy")
    page.locator("[name=keep_card]").first.check()
    page.locator("[data-pay]").click()
    pay_on_stripes_page(page, "4242 4242 4242 4242")
    page.wait_for_url(re.compile("/prepaid/return"))
    walk.see("bare paid")
    for path, name in (("buy", "buy, with a card"), ("cards", "cards, one"), ("plan", "plans, with a card")):
        walk.go(f"{bare_host}/prepaid/{path}", f"bare {name}")
    page.get_by_role("button", name=re.compile("with Visa 4242")).first.click()
    expect(page.get_by_role("heading", name="Your plan", exact=True)).to_be_visible()
    walk.go(f"{bare_host}/prepaid/plan", "bare plan")
    walk.go(f"{bare_host}/prepaid/plan/cancel", "bare plan, the end")
    pages = operator_pages(page, f"{bare_host}/prepaid/admin")
    for path in (*pages, "/customers/user:1", "/payments/1"):
        walk.go(f"{bare_host}/prepaid/admin{path}", f"bare admin{path.replace('/', ' ')}")
    walk.assert_well()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.querySelector('.masthead').offsetHeight") < 64, "an operator has tabs"
    page.get_by_text("Shop", exact=True).click()
    expect(page.locator(".masthead").get_by_role("link", name="Saved cards")).to_be_visible()
    page.context.close()
