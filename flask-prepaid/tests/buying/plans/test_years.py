"""Whatever people do in three years, each paid invoice gives once, and every preview was right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings

from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from .shop import PlanShop
from .years import LIFE, Life, check, live_and_check


@seed(31)
@settings(max_examples=2, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(**LIFE)
def test_three_years_of_plans_end_with_one_allowance_for_each_paid_invoice(
    databases: Databases, **life: Any
) -> None:
    live_and_check(databases, years=3, **life)


@pytest.mark.parametrize(
    ("start", "plan"),
    [
        ("2024-01-29T00:00:05", "small"),
        ("2025-01-30T12:00:00", "yearly"),
        ("2025-01-31T23:59:50", "small"),
        ("2024-08-31T06:00:00", "yearly"),
    ],
)
def test_three_years_begun_at_a_months_end_go_down_and_up_and_through_failures(
    databases: Databases, start: str, plan: str
) -> None:
    shop = PlanShop(databases.fresh("sqlite"), start=start)
    until = shop.now() + timedelta(days=3 * 365)
    life = Life(shop, "7")
    life.begin(plan)
    life.go_on(5)
    life.break_("")
    life.to_the_renewal()
    assert shop.state() is State.PAST_DUE
    life.mend("")
    assert shop.state() is State.ACTIVE

    life.change("seats")
    life.to_the_renewal()
    assert shop.row().quantity == 7
    life.go_on(11)
    life.change("large")
    life.go_on(3)
    assert len(shop.given()) >= 4

    life.break_("")
    life.to_the_renewal()
    life.pay("")
    life.mend("")
    life.to_the_end(until)
    check(shop)
    shop.stripe.close()
