"""Monthly revenue, churn and cohorts, counted anew from the changes of plans as they lie in the table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import URL, text

from ..beginnings import beginning, like_others
from ..subscriptions.plan_shop import DECLINES, PlanShop
from .reading import report

MOVES = ("new", "expansion", "contraction", "churn", "reactivation")


@pytest.fixture
def plan_shop(database: URL, request: pytest.FixtureRequest) -> Iterator[PlanShop]:
    shop = like_others(PlanShop(database, start="2026-01-10T12:00:00"), request)
    yield shop
    shop.close()


@beginning
def live_some_months(shop: PlanShop) -> None:
    """Three begin in two months; one grows, one ends and comes back, one ends in the month it began."""
    shop.subscribe("small")
    shop.subscribe("large", "user:2")
    shop.pass_time(days=25)
    shop.subscribe("small", "user:3")
    shop.change("large")
    shop.do("cancel", "user:3", when="now")
    shop.pass_time(days=28)
    shop.do("cancel", "user:2", when="now")
    shop.pass_time(days=35)
    shop.subscribe("small", "user:2")
    shop.pass_time(days=3)


def changes(shop: PlanShop) -> list[dict[str, Any]]:
    with shop.app.app_context():
        rows = shop.prepaid.session.execute(text("SELECT * FROM prepaid_subscription_change ORDER BY id"))
        return [dict(row._mapping) for row in rows]


def month_of(change: dict[str, Any]) -> str:
    return f"{datetime.fromisoformat(str(change['at'])):%Y-%m}-01"


def test_every_month_has_the_moves_of_its_changes_and_opens_where_the_last_closed(
    plan_shop: PlanShop,
) -> None:
    live_some_months(plan_shop)

    rows = report(plan_shop, "mrr")["rows"]

    moved: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for change in changes(plan_shop):
        if change["move"] != "other":
            moved[month_of(change)][change["move"]] += change["mrr_after_minor"] - change["mrr_before_minor"]
    standing = 0
    for row in rows:
        assert row["opening_minor"] == standing
        assert {move: row[f"{move}_minor"] for move in MOVES} == {
            move: moved[row["day"]][move] for move in MOVES
        }
        standing = row["closing_minor"]
    assert standing == 4_000 + 1_000
    assert sum(bool(row["churn_minor"]) for row in rows) == 2
    assert sum(row["lost"] for row in rows) == 2
    assert [row["customers"] for row in rows][-1] == 2


def test_a_cohort_is_who_began_in_a_month_and_pays_at_the_end_of_each(plan_shop: PlanShop) -> None:
    live_some_months(plan_shop)

    reported = report(plan_shop, "cohorts")["rows"]

    began: dict[str, str] = {}
    for change in changes(plan_shop):
        if change["mrr_after_minor"]:
            began.setdefault(change["owner"], month_of(change))
    for row in reported:
        end = month_after(row["began"], row["month_no"])
        paying = dict.fromkeys((owner for owner, month in began.items() if month == row["began"]), 0)
        assert row["newcomers"] == len(paying)
        for change in changes(plan_shop):
            if change["owner"] in paying and month_of(change) <= end:
                paying[change["owner"]] = change["mrr_after_minor"]
        assert row["paying"] == sum(minor > 0 for minor in paying.values()), row
    assert {row["began"] for row in reported} == set(began.values())


def month_after(first: str, months: int) -> str:
    begin = date.fromisoformat(first)
    year, month = divmod(begin.month - 1 + months, 12)
    return date(begin.year + year, month + 1, 1).isoformat()


def test_a_renewal_that_failed_is_recovered_when_it_is_paid_on_a_retry(plan_shop: PlanShop) -> None:
    plan_shop.subscribe("small")
    plan_shop.subscribe("small", "user:2")
    cards = {
        owner: plan_shop.save_card("pm_card_chargeCustomerFail", owner) for owner in ("user:1", "user:2")
    }
    for owner, card in cards.items():
        plan_shop.v1.subscriptions.update(plan_shop.stripe_id(owner), {"default_payment_method": card})
    plan_shop.pass_time(days=32)
    plan_shop.pay_invoice()
    plan_shop.pass_time(days=40)

    (total,) = report(plan_shop, "failures")["totals"]

    assert total["failed"] >= 2
    assert total["recovered"] >= 1
    assert total["recovered"] + total["lost"] <= total["failed"]
    assert DECLINES


def test_what_is_counted_twice_at_once_is_counted_once(plan_shop: PlanShop) -> None:
    live_some_months(plan_shop)
    before = report(plan_shop, "mrr")

    for _ in range(3):
        plan_shop.tick()

    assert report(plan_shop, "mrr") == before
