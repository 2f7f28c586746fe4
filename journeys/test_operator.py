"""A seeded shop as its operator sees it: every page in every size and scheme, and a refund by hand."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, Page

from .conftest import Running
from .looking import faults

pytestmark = pytest.mark.browser

PAGES = (
    "/admin",
    "/admin/sales?part=country",
    "/admin/sales?part=customer",
    "/admin/credits",
    "/admin/plans",
    "/admin/customers",
    "/admin/customers?q=nobody",
    "/admin/payments/1",
    "/admin/payments/1/refund",
    "/admin/inbox?show=all",
    "/admin/compare",
    "/admin/audit",
)


def signed_in(page: Page, running: Running) -> None:
    login = json.loads((running.data / "logins.json").read_text())["admin"]
    page.goto(f"{running.url}/login")
    page.get_by_label("Email").fill(login["email"])
    page.get_by_label("Password").fill(login["password"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{running.url}/")


def test_a_seeded_shop_shows_its_operator_pages_that_anybody_can_use(
    new_shop: Running, browser: Browser
) -> None:
    new_shop.start()
    seeded = new_shop.flask("rando", "seed", "--customers", "10", "--months", "1")
    assert seeded.returncode == 0, seeded.stderr
    context = browser.new_context()
    page = context.new_page()
    signed_in(page, new_shop)
    wrong = {}
    for scheme in ("light", "dark"):
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            for path in PAGES:
                answer = page.goto(new_shop.url + path)
                assert answer is not None
                assert answer.status == 200, path
                if found := faults(page):
                    wrong[path, width, scheme] = found
    assert wrong == {}

    refund_by_hand(page, new_shop)
    context.close()


def refund_by_hand(page: Page, running: Running) -> None:
    amount = page.get_by_label("Amount")
    for payment in range(1, 20):  # some came to nothing, some have gone back already
        page.goto(f"{running.url}/admin/payments/{payment}/refund")
        if amount.count():
            break
    amount.fill("1.00")
    page.get_by_label("Why?").fill("a friendly word")
    page.get_by_role("button", name="Send the money back").click()

    assert f"$1.00 of payment {payment} go back" in page.locator("main").inner_text()
    page.goto(f"{running.url}/admin/audit?deed=operated")
    assert "a friendly word" in page.locator("main").inner_text()
    for words in (["prepaid", "reconcile"], ["prepaid", "audit"]):
        done = running.flask(*words)
        assert done.returncode == 0, done.stderr
