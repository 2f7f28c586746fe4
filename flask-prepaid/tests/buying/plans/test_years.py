"""Whatever people do in three years, each paid invoice gives once, and every preview was right."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, seed, settings

from flask_prepaid.testing import Databases

from .years import LIFE, live_and_check


@seed(31)
@settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(**LIFE)
def test_three_years_of_plans_end_with_one_allowance_for_each_paid_invoice(
    databases: Databases, **life: Any
) -> None:
    live_and_check(databases, years=3, **life)
