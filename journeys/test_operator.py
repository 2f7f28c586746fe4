"""The months that a first start lives, and its operator: recounted, in every size, a refund by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from .conftest import Running, shop_in
from .looking import SHOPS_DESK, Walk
from .recount import report, the_last_month_closes, the_reports_are_a_recount

pytestmark = pytest.mark.browser

#: Beside the pages of the desk, what a history brings.
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


@pytest.fixture(scope="module")
def lived_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A first start, as anybody's: months have passed in the shop when it serves."""
    with shop_in(tmp_path_factory.mktemp("lived")) as running:
        running.start(history=True)
        yield running


def test_a_first_start_has_months_behind_it_and_the_next_one_leaves_them_alone(lived_shop: Running) -> None:
    first = {what: report(lived_shop, what, "--by", "month") for what in SHOWN}
    audit = lived_shop.command("prepaid", "audit")
    login = json.loads((lived_shop.data / "logins.json").read_text())["customer"]
    compared = lived_shop.command("prepaid", "reconcile")
    assert lived_shop.stop() == 0
    lived_shop.start(history=True)

    assert audit.exit_code == 0, audit.stderr
    assert compared.exit_code == 0, compared.stderr
    assert len(first["sales"]["rows"]) >= 3
    for what, names in SHOWN.items():
        (total,) = first[what]["totals"]
        assert [name for name in names if not total[name]] == [], what
    assert first["failures"]["totals"][0]["recovered"] >= 2, "a pack that was refused, and a renewal"
    assert report(lived_shop, "sales", "--by", "month") == first["sales"]
    assert not any("made-up customers" in line for line in lived_shop.said)
    assert login["email"] in "".join(lived_shop.said)


def signed_in(page: Page, running: Running) -> None:
    login = json.loads((running.data / "logins.json").read_text())["admin"]
    page.goto(f"{running.url}/login")
    page.get_by_label("Email").fill(login["email"])
    page.get_by_label("Password").fill(login["password"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{running.url}/")


def test_a_shop_with_a_history_shows_its_operator_pages_that_anybody_can_use(
    lived_shop: Running, browser: Browser
) -> None:
    the_reports_are_a_recount(lived_shop)
    walk = Walk.begin(browser)
    signed_in(walk.page, lived_shop)
    for path in (*SHOPS_DESK, *DETAILS):
        walk.go(f"{lived_shop.url}/admin{path}", path, keyboard=False)
    walk.assert_well()

    the_last_month_closes(lived_shop)
    refund_by_hand(walk.page, lived_shop)
    walk.page.context.close()


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

    assert f"$1.00 of payment {payment} goes back" in page.locator("main").inner_text()
    page.goto(f"{running.url}/admin/audit?deed=operated")
    assert "a friendly word" in page.locator("main").inner_text()
    for words in (["prepaid", "reconcile"], ["prepaid", "audit"]):
        done = running.command(*words)
        assert done.exit_code == 0, done.stderr
