"""The months that a first start lives, and its operator: recounted, in every size, a refund by hand."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

from .accessibility import Walk, operator_pages
from .conftest import Running
from .recount import report, the_last_month_closes, the_reports_are_a_recount

pytestmark = pytest.mark.browser

#: Beside the pages that the operator's tabs lead to, what a history brings.
DETAILS = (
    "/sales?part=country",
    "/sales?part=customer",
    "/customers/user:3",
    "/plan?owner=user:3",
    "/customers?q=nobody",
    "/payments/1",
    "/payments/1/refund",
    "/inbox?show=all",
)

#: Of each report, what no page of a new shop should show as nothing.
SHOWN = {
    "sales": ["gross_minor", "refunds_minor", "disputes_minor", "fees_minor", "discounts_minor"],
    "credits": ["sold", "given", "spent", "clawed_back"],
    "mrr": ["closing_minor"],
    "failures": ["failed", "recovered", "lost"],
}


#: Payments of plans that no receipt followed within a minute.
LATE_RECEIPTS = """SELECT payment.id FROM prepaid_payment AS payment WHERE via = 'plan' AND NOT EXISTS (
    SELECT 1 FROM prepaid_mail AS mail WHERE mail.owner = payment.owner AND mail.name = 'receipt'
    AND abs(julianday(mail.at) - julianday(payment.paid_at)) * 24 * 60 < 1)"""

#: What is pressed in lists and forms, and is lower than a thumb is wide. Words of a sentence are no button.
SMALL = """() => [...document.querySelectorAll("main :is(a, button, summary, select, input)")]
  .filter((element) => element.checkVisibility() && !element.closest("p, li"))
  .filter((element) => element.getBoundingClientRect().height < 43.9)
  .map((element) => element.outerHTML.slice(0, 100))"""

#: How high a part of the page is.
HEIGHT = "(part) => document.querySelector(part).offsetHeight"


def test_a_first_start_has_months_behind_it_that_its_operator_can_use_and_the_next_one_leaves_alone(
    new_shop: Running, browser: Browser
) -> None:
    new_shop.start(history=True)
    months_have_passed(new_shop)
    the_next_start_leaves_them_alone(new_shop)

    the_reports_are_a_recount(new_shop)
    walk = Walk.begin(browser)
    signed_in(walk.page, new_shop)
    pages = operator_pages(walk.page, f"{new_shop.url}/admin")
    for path in (*pages, *DETAILS):
        walk.go(f"{new_shop.url}/admin{path}", path, keyboard=False)
    walk.assert_well()
    a_thumb_finds_its_way(walk.page, new_shop)
    the_last_month_closes(new_shop)
    refund_by_hand(walk.page, new_shop)
    walk.page.context.close()


def months_have_passed(running: Running) -> None:
    for words in (["prepaid", "audit"], ["prepaid", "reconcile"]):
        done = running.command(*words)
        assert done.exit_code == 0, done.stderr
    reports = {what: report(running, what, "--by", "month") for what in SHOWN}
    assert len(reports["sales"]["rows"]) >= 3
    assert len({row["day"] for row in report(running, "sales")["rows"]}) > 20
    for what, names in SHOWN.items():
        (total,) = reports[what]["totals"]
        assert [name for name in names if not total[name]] == [], what
    assert reports["failures"]["totals"][0]["recovered"] >= 2, "a pack that was refused, and a renewal"
    with closing(sqlite3.connect(running.data / "rando.sqlite3")) as books:
        assert books.execute(LATE_RECEIPTS).fetchall() == []


def the_next_start_leaves_them_alone(running: Running) -> None:
    before = report(running, "sales")
    login = json.loads((running.data / "logins.json").read_text())["customer"]
    assert running.stop() == 0
    running.start(history=True)

    assert report(running, "sales") == before
    assert not any("made-up customers" in line for line in running.output)
    assert login["email"] in "".join(running.output)


def signed_in(page: Page, running: Running) -> None:
    login = json.loads((running.data / "logins.json").read_text())["admin"]
    page.goto(f"{running.url}/login")
    page.get_by_label("Email").fill(login["email"])
    page.get_by_label("Password").fill(login["password"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{running.url}/")


def a_thumb_finds_its_way(page: Page, running: Running) -> None:
    """On a phone: one line for the banner and one for the tabs, which begin at the page that is open."""
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/inbox?show=all", "/customers/user:9"):
        page.goto(f"{running.url}/admin{path}")
        assert page.evaluate(SMALL) == [], path
        assert page.evaluate(HEIGHT, ".test-mode") < 48
        assert page.evaluate(HEIGHT, ".operator-tabs") < 48
        here = page.locator(".operator-tabs [aria-current]").bounding_box()
        assert here is not None
        assert 0 < here["x"] < 390 - here["width"], path
        assert page.evaluate(HEIGHT, ".masthead") < 64, "the shop's own links are behind one word"
    page.get_by_text("Shop", exact=True).click()
    assert page.locator(".masthead").get_by_role("link", name="Billing").is_visible()
    page.get_by_text("Give credits").click()
    assert page.get_by_label("How many?").first.is_visible()
    page.get_by_text("Correct balance", exact=True).click()
    assert page.get_by_label("Which way?").is_visible()
    assert page.get_by_label("How many?").first.is_hidden(), "one form at a time"
    page.set_viewport_size({"width": 1280, "height": 800})


def refund_by_hand(page: Page, running: Running) -> None:
    amount = page.get_by_label("Amount")
    for payment in range(1, 60):  # some came to nothing, some went back, some were taken back by the bank
        page.goto(f"{running.url}/admin/payments/{payment}")
        disputed = page.get_by_role("heading", name="Disputes").count()
        page.goto(f"{running.url}/admin/payments/{payment}/refund")
        if amount.count() and not disputed:
            break
    amount.fill("1.00")
    page.get_by_label("Why?").fill("a friendly word")
    page.get_by_role("button", name="Send the money back").click()

    expect(page.locator("main")).to_contain_text(f"Refund of $1.00 for payment {payment}")
    page.goto(f"{running.url}/admin/audit?action=operated")
    assert "a friendly word" in page.locator("main").inner_text()
    for words in (["prepaid", "reconcile"], ["prepaid", "audit"]):
        done = running.command(*words)
        assert done.exit_code == 0, done.stderr
