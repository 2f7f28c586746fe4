"""Failures, which the report reads from sums, counted anew without them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import URL, text

from ..shop import Shop
from ..subscriptions.plan_shop import DECLINES, PlanShop
from .reading import report


@pytest.fixture
def plan_shop(database: URL) -> Iterator[PlanShop]:
    """A shop with plans, in January."""
    shop = PlanShop(database, start="2026-01-10T12:00:00")
    yield shop
    shop.close()


def fail_in_all_ways(shop: PlanShop) -> None:
    """Of packs one comes back and two don't; of plans one is paid after all, a larger ends; then two anew."""
    for owner in ("user:1", "user:2", "user:7"):
        shop.press(shop.keep_card(owner, DECLINES), owner)
    for owner, plan in (("user:3", "small"), ("user:4", "large")):
        shop.subscribe(plan, owner)
        card = shop.save_card("pm_card_chargeCustomerFail", owner)
        shop.v1.subscriptions.update(shop.stripe_id(owner), {"default_payment_method": card})
    shop.pass_time(days=1)
    shop.pay(shop.buy("user:1"))
    shop.pass_time(days=31)
    shop.pay_invoice(owner="user:3")
    shop.pass_time(days=70)
    shop.subscribe("small", "user:5")
    card = shop.save_card("pm_card_chargeCustomerFail", "user:5")
    shop.v1.subscriptions.update(shop.stripe_id("user:5"), {"default_payment_method": card})
    shop.pass_time(days=32)
    shop.press(shop.keep_card("user:6", DECLINES), "user:6")


def recount(shop: PlanShop, zone: str) -> dict[tuple[str, str], Counter[str]]:
    """From the rows of payments and of plans' states as they lie there, and Stripe's invoices."""
    cells: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def add(at: datetime, currency: str, minor: int, *, recovered: bool, lost: bool) -> None:
        cell = cells[at.astimezone(ZoneInfo(zone)).date().isoformat(), currency]
        for name, holds in (("failed", True), ("recovered", recovered), ("lost", lost)):
            if holds:
                cell[name] += 1
                cell[f"{name}_minor"] += minor

    payments, changes = (rows(shop, name) for name in ("payment", "subscription_change"))
    for row in payments:
        if row["failure"] and row["state"] in ("failed", "expired"):
            until = row["created_at"] + timedelta(days=30)
            recovered = any(
                other["id"] > row["id"] and other["paid_at"] and other["paid_at"] <= until
                for other in payments
                if other["owner"] == row["owner"]
            )
            lost = not recovered and until < shop.now()
            add(row["created_at"], row["currency"], row["amount_minor"], recovered=recovered, lost=lost)
    for change in changes:
        theirs = [row for row in changes if row["subscription_id"] == change["subscription_id"]]
        before = [row["state"] for row in theirs if row["id"] < change["id"]]
        after = [row for row in theirs if row["id"] > change["id"] and row["state"] != "past_due"]
        if change["state"] == "past_due" and before[-1] != "past_due":
            ended = bool(after) and after[0]["move"] == "churn"
            minor = asked_for(shop, change["owner"], change["at"])
            add(change["at"], change["currency"], minor, recovered=bool(after) and not ended, lost=ended)
    return cells


def rows(shop: PlanShop, name: str) -> list[dict[str, Any]]:
    with shop.app.app_context():
        result = shop.prepaid.session.execute(text(f"SELECT * FROM prepaid_{name} ORDER BY id"))
        return [{key: whole(key, value) for key, value in row._mapping.items()} for row in result]


def whole(key: str, value: Any) -> Any:
    """A time, which SQLite keeps as text without a zone."""
    if value is None or not (key == "at" or key.endswith("_at")):
        return value
    at = datetime.fromisoformat(str(value))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def asked_for(shop: PlanShop, owner: str, at: datetime) -> int:
    """What the customer's last invoice up to a moment was about."""
    invoices = shop.v1.invoices.list({"subscription": shop.stripe_id(owner), "limit": 100}).data
    return next(row.total for row in invoices if row.created <= at.timestamp())


def test_failures_are_the_same_counted_or_one_by_one_and_in_another_time_zone_dated_anew(
    database: URL, plan_shop: PlanShop
) -> None:
    fail_in_all_ways(plan_shop)

    reported = report(plan_shop, "failures", "--by", "day")

    with plan_shop.app.app_context():
        kept = plan_shop.prepaid.session.scalar(text("SELECT sum(failed) FROM prepaid_failure_sum"))
    (total,) = reported["totals"]
    assert 0 < kept < total["failed"]
    assert min(total["recovered"], total["lost"], total["failed"] - total["recovered"] - total["lost"]) > 0
    assert without_rates(reported) == recount(plan_shop, "UTC")

    moved = Shop(database, emulator=plan_shop.stripe, webhooks=False, PREPAID_TIME_ZONE="Pacific/Auckland")

    assert moved.command("sync").exit_code == 0
    moved.tick()
    dated_anew = without_rates(report(moved, "failures", "--by", "day"))
    assert dated_anew == recount(plan_shop, "Pacific/Auckland") != recount(plan_shop, "UTC")
    with moved.app.app_context():
        moved.db.engine.dispose()


def without_rates(reported: dict[str, Any]) -> dict[tuple[str, str], dict[str, int]]:
    return {
        (row["day"], row["currency"]): {
            name: value for name, value in row.items() if isinstance(value, int) and value
        }
        for row in reported["rows"]
    }
