"""Test clocks, the emulator's own clock, and pauses."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from ..shop import Shop, day, moment, with_sdk_16


def on_clock(shop: Shop, start: str) -> tuple[str, str]:
    """A test clock, and a customer with a card who lives on it."""
    clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": moment(start), "name": "Years"})
    return clock.id, shop.customer(test_clock=clock.id)


def test_a_customer_on_a_test_clock_lives_by_it_alone(shop: Shop) -> None:
    clock, customer = on_clock(shop, "2030-01-31T00:00:00")
    subscription = shop.subscribe(customer, shop.price())
    shop.advance(days=60)
    still = shop.subscription(subscription.id)

    advancing = shop.v1.test_helpers.test_clocks.advance(clock, {"frozen_time": moment("2030-03-01")})

    ready = shop.v1.test_helpers.test_clocks.retrieve(clock)
    assert day(subscription.created) == "2030-01-31"
    assert day(still["items"].data[0].current_period_end) == "2030-02-28"
    assert (advancing.status, ready.status, day(ready.frozen_time)) == ("advancing", "ready", "2030-03-01")
    assert [day(invoice.created) for invoice in shop.invoices(customer)] == ["2030-01-31", "2030-02-28"]
    assert shop.latest(customer).status == "paid"
    assert shop.latest(customer).test_clock == clock


def test_advancing_sends_its_own_events_around_what_happens(shop: Shop) -> None:
    clock, customer = on_clock(shop, "2030-01-31T00:00:00")
    shop.subscribe(customer, shop.price())
    before = len(shop.events())

    shop.v1.test_helpers.test_clocks.advance(clock, {"frozen_time": moment("2030-03-01")})

    events = shop.events_since(before)
    assert events[0] == "test_helpers.test_clock.advancing"
    assert events[-1] == "test_helpers.test_clock.ready"
    assert events.index("invoice.upcoming") < events.index("invoice.created") < events.index("invoice.paid")


def test_a_test_clock_goes_forward_by_two_intervals_at_most(shop: Shop) -> None:
    clock, customer = on_clock(shop, "2030-01-31T00:00:00")
    shop.subscribe(customer, shop.price())

    for wrong in ("2030-01-01", "2030-06-01"):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.test_helpers.test_clocks.advance(clock, {"frozen_time": moment(wrong)})
        assert refused.value.param == "frozen_time"


def test_a_deleted_test_clock_takes_its_customers_along(shop: Shop) -> None:
    clock, customer = on_clock(shop, "2030-01-31T00:00:00")
    subscription = shop.subscribe(customer, shop.price())

    shop.v1.test_helpers.test_clocks.delete(clock)

    assert shop.v1.test_helpers.test_clocks.list().data == []
    assert getattr(shop.v1.customers.retrieve(customer), "deleted", False) is True
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        shop.subscription(subscription.id)


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("keep_as_draft", "draft"), ("void", "void"), ("mark_uncollectible", "uncollectible")],
)
def test_paused_collection_bills_but_takes_no_money(shop: Shop, behavior: str, status: str) -> None:
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.price())
    resumes = moment("2026-03-15")

    shop.update(subscription.id, pause_collection={"behavior": behavior, "resumes_at": resumes})
    shop.advance(days=29)
    paused = shop.subscription(subscription.id)
    skipped = shop.latest(customer)
    shop.advance(days=31)

    assert paused.pause_collection is not None
    assert (paused.status, paused.pause_collection.resumes_at) == ("active", resumes)
    assert skipped.status == status
    assert shop.subscription(subscription.id).pause_collection is None
    assert shop.latest(customer).status == "paid"


@with_sdk_16
def test_a_paused_subscription_renews_only_after_it_is_resumed(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.price())

    paused = shop.v1.subscriptions.pause(subscription.id, {"type": "subscription"})
    shop.advance(days=50)
    resumption: Any = {"subscription": subscription.id, "subscription_details": {"resume_at": "now"}}
    preview = shop.v1.invoices.create_preview(resumption)
    assert len(shop.invoices(customer)) == 1
    resumed = shop.v1.subscriptions.resume(subscription.id)

    item = resumed["items"].data[0]
    assert (paused.status, resumed.status) == ("paused", "active")
    assert (day(item.current_period_start), day(item.current_period_end)) == ("2026-03-22", "2026-04-22")
    assert [invoice.total for invoice in shop.invoices(customer)] == [1000, preview.total] == [1000, 1000]
    assert {"customer.subscription.paused", "customer.subscription.resumed"} <= set(shop.events())
    with pytest.raises(stripe.InvalidRequestError, match="only resume subscriptions that are paused"):
        shop.v1.subscriptions.resume(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="only resume subscriptions that are paused"):
        shop.v1.invoices.create_preview(resumption)

    shop.advance(days=32)
    assert len(shop.invoices(customer)) == 3


def test_a_trial_that_was_paused_for_want_of_a_card_goes_on_with_one(shop: Shop) -> None:
    customer = shop.customer(None)
    ends: dict[str, Any] = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = shop.subscribe(customer, shop.price(), trial_period_days=7, trial_settings=ends)
    shop.advance(days=10)
    assert shop.subscription(subscription.id).status == "paused"

    shop.give_card(customer)
    shop.v1.subscriptions.resume(subscription.id)

    assert shop.subscription(subscription.id).status == "active"
    assert [invoice.total for invoice in shop.invoices(customer)] == [0, 1000]


def test_a_deleted_customer_has_no_subscription_left(shop: Shop) -> None:
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.price())

    shop.v1.customers.delete(customer)
    shop.advance(days=60)

    assert shop.subscription(subscription.id).status == "canceled"
    assert len(shop.v1.invoices.list().data) == 1


def test_three_years_keep_the_31st_and_the_last_of_february(shop: Shop) -> None:
    customer = shop.customer()
    yearly = shop.price(9000, recurring={"interval": "year"})
    subscription = shop.subscribe(customer, shop.price())
    leap = shop.subscribe(shop.customer(), yearly, billing_cycle_anchor=moment("2026-02-28T12:00:00"))

    shop.advance(days=3 * 365)

    ends = [day(invoice.lines.data[-1].period.end) for invoice in shop.invoices(customer)]
    item = shop.subscription(leap.id)["items"].data[0]
    assert ends[:5] == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"]
    assert "2028-02-29" in ends
    assert len(ends) == 36
    assert day(item.current_period_end) == "2029-02-28"
    assert shop.subscription(subscription.id).status == "active"


def test_a_year_of_ten_subscriptions_takes_a_tenth_of_what_a_hundred_may(shop: Shop) -> None:
    price = shop.price()
    for _ in range(10):
        shop.subscribe(shop.customer(), price)

    started = time.process_time()
    shop.advance(days=365)

    assert time.process_time() - started < 2
    assert len(shop.v1.invoices.list({"status": "paid", "limit": 100}).data) == 100
    assert shop.emulator.now() >= moment("2027-01-31T12:00:00")
