"""Subscription schedules: a change that waits for the period's end."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from ..shop import Shop, day, envelope, moment


@pytest.fixture
def shop() -> Shop:
    return Shop.at("2026-07-01T00:00:00")


def change_at_period_end(shop: Shop, subscription: str, now: str, then: str, **then_more: Any) -> str:
    """What a downgrade does: the running phase as it is, and another after it."""
    schedule = shop.v1.subscription_schedules.create({"from_subscription": subscription})
    running = schedule.phases[0]
    first = {
        "items": [{"price": now, "quantity": 1}],
        "start_date": running.start_date,
        "end_date": running.end_date,
    }
    second = {"items": [{"price": then, "quantity": 1}], **then_more}
    shop.v1.subscription_schedules.update(schedule.id, cast(Any, {"phases": [first, second]}))
    return schedule.id


def test_a_downgrade_waits_for_the_period_s_end_and_costs_nothing_extra(shop: Shop) -> None:
    platinum, gold, customer = shop.price(3000, "Platinum"), shop.price(1000, "Gold"), shop.customer()
    subscription = shop.subscribe(customer, platinum)

    schedule = change_at_period_end(shop, subscription.id, platinum, gold)
    preview = shop.v1.invoices.create_preview({"subscription": subscription.id})
    shop.advance(days=30)
    before = shop.subscription(subscription.id)
    shop.advance(days=2)

    after = shop.subscription(subscription.id)
    assert before["items"].data[0].price.id == platinum
    assert before.schedule == schedule
    assert after["items"].data[0].price.id == gold
    assert shop.latest(customer).lines.data[0].description == "1 × Gold (at $10.00 / month)"
    assert (preview.total, shop.latest(customer).total) == (1000, 1000)

    shop.advance(days=31)
    assert shop.v1.subscription_schedules.retrieve(schedule).status == "completed"
    assert shop.subscription(subscription.id).schedule is None
    assert [invoice.total for invoice in shop.invoices(customer)] == [3000, 1000, 1000]


@pytest.mark.parametrize("by", ["coupon", "promotion code"])
def test_a_later_phase_begins_without_a_coupon_that_was_deleted_meanwhile(shop: Shop, by: str) -> None:
    gold, silver, customer = shop.price(3000, "Gold"), shop.price(1000, "Silver"), shop.customer()
    subscription = shop.subscribe(customer, gold)
    coupon = shop.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    code = shop.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}}).id
    named = {"coupon": coupon} if by == "coupon" else {"promotion_code": code}
    change_at_period_end(shop, subscription.id, gold, silver, discounts=[named])

    shop.v1.coupons.delete(coupon)
    shop.advance(days=32)

    after = shop.subscription(subscription.id)
    assert (after["items"].data[0].price.id, after.discounts) == (silver, [])
    assert shop.latest(customer).total == 1000


def test_a_switch_of_interval_at_the_period_s_end_starts_the_new_one_there(shop: Shop) -> None:
    monthly, customer = shop.price(), shop.customer()
    yearly = shop.price(10000, recurring={"interval": "year"})
    subscription = shop.subscribe(customer, monthly)

    change_at_period_end(shop, subscription.id, monthly, yearly)
    shop.advance(days=32)

    item = shop.subscription(subscription.id)["items"].data[0]
    assert (day(item.current_period_start), day(item.current_period_end)) == ("2026-08-01", "2027-08-01")
    assert shop.latest(customer).total == 10000


def test_a_preview_is_of_a_phase_that_begins_before_the_renewal(shop: Shop) -> None:
    """A trial has moved the renewal, and not the phase."""
    yearly, monthly = shop.price(10000, recurring={"interval": "year"}), shop.price()
    customer = shop.customer()
    subscription = shop.subscribe(customer, yearly)
    change_at_period_end(shop, subscription.id, yearly, monthly, proration_behavior="none")
    shop.update(subscription.id, trial_end=moment("2026-08-01T00:00:00"), proration_behavior="none")
    shop.advance(days=40)

    preview = shop.v1.invoices.create_preview({"subscription": subscription.id})
    assert (preview.total, day(preview.period_end)) == (1000, "2027-07-01")
    shop.advance(to=moment("2027-07-02T00:00:00"))

    assert [invoice.total for invoice in shop.invoices(customer)] == [10000, 10000, 1000]


def test_a_phase_without_a_discount_takes_the_subscriptions_away(shop: Shop) -> None:
    platinum, gold, customer = shop.price(3000, "Platinum"), shop.price(1000, "Gold"), shop.customer()
    half = shop.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    subscription = shop.subscribe(customer, platinum, discounts=[{"coupon": half.id}])

    change_at_period_end(shop, subscription.id, platinum, gold)
    shop.advance(days=32)

    assert [invoice.total for invoice in shop.invoices(customer)] == [1500, 1000]


def test_a_released_schedule_changes_nothing(shop: Shop) -> None:
    platinum, gold, customer = shop.price(3000, "Platinum"), shop.price(1000, "Gold"), shop.customer()
    subscription = shop.subscribe(customer, platinum)
    schedule = change_at_period_end(shop, subscription.id, platinum, gold)

    released = shop.v1.subscription_schedules.release(schedule)
    shop.advance(days=32)

    assert (released.status, released.released_subscription) == ("released", subscription.id)
    assert shop.subscription(subscription.id).schedule is None
    assert shop.latest(customer).total == 3000


def test_while_a_schedule_rules_the_subscription_does_not_cancel_itself(shop: Shop) -> None:
    gold = shop.price()
    subscription = shop.subscribe(shop.customer(), gold)
    schedule = change_at_period_end(shop, subscription.id, gold, gold)

    with pytest.raises(
        stripe.InvalidRequestError, match=f"managed by the subscription schedule `{schedule}`"
    ):
        shop.update(subscription.id, cancel_at_period_end=True)


def test_a_subscription_that_is_canceled_takes_its_schedule_along(shop: Shop) -> None:
    gold = shop.price()
    subscription = shop.subscribe(shop.customer(), gold)
    schedule = change_at_period_end(shop, subscription.id, gold, gold)

    shop.v1.subscriptions.cancel(subscription.id)

    assert shop.v1.subscription_schedules.retrieve(schedule).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="currently in the `canceled` status"):
        shop.v1.subscription_schedules.release(schedule)


def test_a_schedule_can_begin_later_and_end_with_its_last_phase(shop: Shop) -> None:
    customer, gold = shop.customer(), shop.price()
    schedule = shop.v1.subscription_schedules.create(
        {
            "customer": customer,
            "start_date": moment("2026-08-10"),
            "end_behavior": "cancel",
            "phases": [
                {
                    "items": [{"price": gold, "quantity": 2}],
                    "duration": {"interval": "month", "interval_count": 2},
                }
            ],
        }
    )

    assert schedule.status == "not_started"
    shop.advance(days=42)
    begun = shop.v1.subscription_schedules.retrieve(schedule.id)
    assert begun.status == "active"
    subscription = shop.subscription(str(begun.subscription))
    assert subscription.cancel_at == moment("2026-10-10")
    shop.advance(days=61)

    assert shop.v1.subscription_schedules.retrieve(schedule.id).status == "completed"
    assert shop.subscription(subscription.id).status == "canceled"
    assert [invoice.total for invoice in shop.invoices(customer)] == [2000, 2000]


def test_canceling_a_schedule_ends_its_subscription_with_money_back(shop: Shop) -> None:
    gold, customer = shop.price(), shop.customer()
    subscription = shop.subscribe(customer, gold)
    schedule = change_at_period_end(shop, subscription.id, gold, gold)
    shop.advance(days=15, hours=12)

    shop.v1.subscription_schedules.cancel(schedule)

    assert shop.subscription(subscription.id).status == "canceled"
    assert shop.v1.customers.retrieve(customer).balance == -500
    assert "subscription_schedule.canceled" in shop.events()


def test_a_schedule_bills_in_another_currency_of_its_prices(shop: Shop) -> None:
    euros: Any = {"eur": {"unit_amount": 900}}
    gold, silver = shop.price(1000, currency_options=euros), shop.price(500, currency_options=euros)
    dollars_alone = shop.price(700)
    customer = shop.customer()

    def schedule(*phases: Any) -> stripe.SubscriptionSchedule:
        return shop.v1.subscription_schedules.create(
            {"customer": customer, "start_date": "now", "phases": list(phases)}
        )

    first: Any = {"items": [{"price": gold}], "currency": "eur", "duration": {"interval": "month"}}
    made = schedule(first, {"items": [{"price": silver}], "duration": {"interval": "month"}})
    shop.advance(days=32)

    assert [phase.currency for phase in made.phases] == ["eur", "eur"]
    assert [(invoice.total, invoice.currency) for invoice in shop.invoices(customer)] == [(900, "eur")] * 2
    for other in ({"items": [{"price": dollars_alone}]}, {"items": [{"price": silver}], "currency": "usd"}):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            schedule(first, other)
        assert envelope(refused.value)["param"] == "phases[1][currency]"
