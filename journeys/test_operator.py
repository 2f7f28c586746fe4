"""A seeded year as its operator sees it: recounted, in every size and scheme, with a refund by hand."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

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
    "/admin/payments",
    "/admin/customers/user:3",
    "/admin/plan?owner=user:3",
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
    seeded = new_shop.flask("rando", "seed", "--customers", "7", "--months", "12")
    assert seeded.returncode == 0, seeded.stderr
    the_reports_are_a_recount(new_shop)
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


def the_reports_are_a_recount(running: Running) -> None:
    """Each day in each currency, from Stripe's own list and the lines of the ledger, by no code of ours."""
    assert running.flask("prepaid", "sync").returncode == 0
    moved = list(listed(running, "balance_transactions"))

    assert lines(report(running, "sales"), "day", "currency") == recount_sales(moved)
    assert lines(report(running, "credits"), "day") == recount_credits(running.data / "rando.sqlite3")
    assert len({one["created"] // 86_400 for one in moved}) > 20
    held: Counter[str] = Counter()
    for part in [*(balance := asked(running, "balance"))["available"], *balance["pending"]]:
        held[part["currency"]] += part["amount"]
    for total in report(running, "sales")["totals"]:
        assert total["net_minor"] == held[total["currency"]]
    running_now = [
        one["items"]["data"][0]
        for one in listed(running, "subscriptions", status="all")
        if one["status"] in ("active", "past_due")
    ]
    monthly = sum(item["price"]["unit_amount"] * item["quantity"] for item in running_now)
    assert sum(total["closing_minor"] for total in report(running, "mrr")["totals"]) == monthly


def report(running: Running, what: str) -> dict[str, Any]:
    done = running.flask("prepaid", "report", what, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def asked(running: Running, path: str, **query: object) -> dict[str, Any]:
    url = f"{running.emulator_url}/v1/{path}?{urlencode(query)}"
    request = Request(url, headers={"Authorization": "Bearer sk_test_emulator"})
    with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
        return dict(json.load(answer))


def listed(running: Running, path: str, **query: object) -> Iterator[dict[str, Any]]:
    more: dict[str, object] = {}
    while True:
        page = asked(running, path, limit=100, **query, **more)
        yield from page["data"]
        if not page["has_more"]:
            return
        more = {"starting_after": page["data"][-1]["id"]}


def lines(told: dict[str, Any], *keys: str) -> dict[Any, dict[str, int]]:
    """The rows of a report by their keys, without what is zero or follows from the others."""
    return {
        tuple(row[key] for key in keys): {
            name: value for name, value in row.items() if name not in (*keys, "change") and value
        }
        for row in told["rows"]
    }


def recount_sales(moved: list[dict[str, Any]]) -> dict[Any, dict[str, int]]:
    found: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    for one in moved:
        cell = found[datetime.fromtimestamp(one["created"], UTC).date().isoformat(), one["currency"]]
        cell["fees_minor"] += one["fee"]
        cell["net_minor"] += one["net"]
        if one["type"] == "charge":
            cell["gross_minor"] += one["amount"]
        else:
            cell["refunds_minor" if "refund" in one["type"] else "disputes_minor"] -= one["amount"]
    return {key: {name: value for name, value in cell.items() if value} for key, cell in found.items()}


def recount_credits(file: Path) -> dict[Any, dict[str, int]]:
    columns = {"purchase": "sold", "allowance": "sold", "grant": "given", "adjustment": "adjusted"}
    columns |= {"spend": "spent", "reversal": "spent", "expiry": "expired", "clawback": "clawed_back"}
    found: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    with closing(sqlite3.connect(file)) as books:
        for at, kind, key, credits in books.execute('SELECT "at", kind, "key", credits FROM prepaid_entry'):
            column = "expired" if key.startswith("rollover:") else columns[kind]
            came_in = column in ("sold", "given", "adjusted")
            found[(at[:10],)][column] += credits if came_in else -credits
    return {key: {name: value for name, value in cell.items() if value} for key, cell in found.items()}


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

    assert f"$1.00 of payment {payment} go back" in page.locator("main").inner_text()
    page.goto(f"{running.url}/admin/audit?deed=operated")
    assert "a friendly word" in page.locator("main").inner_text()
    for words in (["prepaid", "reconcile"], ["prepaid", "audit"]):
        done = running.flask(*words)
        assert done.returncode == 0, done.stderr
