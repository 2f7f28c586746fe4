"""2025-07-30.basil: prices of several intervals on one subscription, in the flexible mode; before, in none.

https://docs.stripe.com/changelog/basil/2025-07-30/support-mixed-intervals
"""

from __future__ import annotations

from collections.abc import Iterator

from stripe_emulator.core.database import store
from stripe_emulator.core.errors import several_intervals
from stripe_emulator.versions.change import VersionChange
from stripe_emulator.versions.form_part import Part

change = VersionChange("2025-07-30.basil")


@change.default("POST /v1/subscriptions")
def one_interval(form: Part) -> None:
    """:raises InvalidRequest: The items are billed at several intervals."""
    _check(form, "items")


@change.default("POST /v1/quotes", "POST /v1/checkout/sessions")
def one_interval_of_lines(form: Part) -> None:
    """:raises InvalidRequest: The lines are billed at several intervals."""
    _check(form, "line_items")


@change.default("POST /v1/subscription_schedules", "POST /v1/subscription_schedules/{schedule}")
def one_interval_of_a_phase(form: Part) -> None:
    """:raises InvalidRequest: The items of a phase are billed at several intervals."""
    for phase in form.rows("phases"):
        _check(phase, "items")


def _check(form: Part, name: str) -> None:
    if len(set(_intervals(form, name))) > 1:
        raise several_intervals(name)


def _intervals(form: Part, name: str) -> Iterator[tuple[str, str]]:
    """Interval and count of each row whose price recurs, as far as the price is there."""
    for row in form.rows(name):
        data = row.part("price_data")
        price = store.find("price", str(row.get("price") or row.get("plan") or ""))
        recurring = data.get("recurring") if data else price and price["recurring"]
        if isinstance(recurring, dict):
            yield str(recurring.get("interval")), str(recurring.get("interval_count") or 1)
