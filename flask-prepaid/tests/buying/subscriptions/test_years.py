"""Whatever people do in years, each paid invoice gives once, and every preview was right.

A sample of ``./dev campaign plans``, which lives three years each time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, seed, settings
from sqlalchemy import URL

from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from .plan_shop import PlanShop
from .years import LIFE, STARTS, Life, check, live_and_check

#: Hypothesis begins with the plainest life; the one after it, by this seed, has much of what can be drawn.
SEED = 39


@seed(SEED)
@settings(
    max_examples=2,
    phases=[
        Phase.explicit,
        Phase.generate,
    ],  # a life that goes wrong is told as it was drawn; the campaign makes it short
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(**LIFE)
@example(
    start=STARTS[1],
    plan="seats",
    quantity="7",
    steps=[
        (("trial_end", "20"), 2),
        (("change", "trial"), 25),
        (("coupon", "half once"), 3),
        (("change", "yearly"), 10),
    ],
)
def test_a_life_at_random_ends_with_one_allowance_for_each_paid_invoice(
    databases: Databases, **life: Any
) -> None:
    live_and_check(databases, years=0.6, **life)


@pytest.mark.parametrize(
    ("start", "plan", "years"),
    [
        ("2024-01-29T00:00:05", "small", 1.2),  # a February of 29 days and one of 28
        ("2024-08-31T06:00:00", "yearly", 2),
    ],
)
def test_years_begun_at_a_months_end_go_down_and_up_and_through_failures(
    database: URL, start: str, plan: str, years: float
) -> None:
    """``./dev campaign plans`` lives such years at random."""
    shop = PlanShop(database, start=start)
    until = shop.now() + timedelta(days=years * 365)
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
