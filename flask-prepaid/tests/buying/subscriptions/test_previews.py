"""A preview of a change holds for some minutes, and is shown anew once what it shows is not so any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from .plan_shop import PlanShop


def test_a_preview_holds_while_time_goes_by(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pass_time(days=10, hours=3, minutes=7)
    _, fields = shop.preview("large")

    shop.stripe.advance(minutes=14)
    shop.send("/change", **fields)
    shop.stripe.deliver()

    assert shop.invoices()[-1].total_minor == int(fields["due_minor"])


def test_an_old_preview_is_shown_anew(shop: PlanShop) -> None:
    shop.subscribe("small")
    _, fields = shop.preview("large")
    shop.stripe.advance(minutes=16)

    answer = shop.send("/change", **fields)

    assert answer.status_code == 409
    assert "too old" in answer.text
    assert len(shop.invoices()) == 1


@pytest.mark.parametrize(
    ("plan", "other", "period"),
    [("large", "small", timedelta(days=28)), ("trial", "small", timedelta(days=14))],
)
def test_a_preview_of_a_period_that_is_over_is_shown_anew(
    shop: PlanShop, plan: str, other: str, period: timedelta
) -> None:
    """What it showed for the end of the period would come a period later, after a dearer one."""
    shop.subscribe(plan)
    shop.stripe.advance(minutes=period // timedelta(minutes=1) - 5)
    _, fields = shop.preview(other)
    shop.pass_time(minutes=10)

    answer = shop.send("/change", **fields)

    assert answer.status_code == 409
    assert "too old" in answer.text
    assert shop.row().next_price_id is None


@pytest.mark.parametrize("forged", [{"due_minor": "1"}, {"proration_date": "1772280000"}])
def test_a_sum_or_a_day_in_the_form_changes_nothing(shop: PlanShop, forged: dict[str, str]) -> None:
    shop.subscribe("small")
    _, fields = shop.preview("large")

    answer = shop.send("/change", **{**fields, **forged})

    assert answer.status_code == 409
    assert shop.balance() == 100
