"""Usage that a meter counts, and prices that bill it afterwards."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import DAY, Shop


def a_meter(shop: Shop, formula: Any = "sum", name: str = "api_calls") -> stripe.billing.Meter:
    return shop.v1.billing.meters.create(
        {"display_name": "Calls", "event_name": name, "default_aggregation": {"formula": formula}}
    )


def metered(shop: Shop, meter: stripe.billing.Meter, **more: Any) -> str:
    recurring = {"interval": "month", "usage_type": "metered", "meter": meter.id}
    return shop.price(5, "Calls", recurring=recurring, **more)


def use(shop: Shop, customer: str, value: object = "10", **more: Any) -> stripe.billing.MeterEvent:
    payload = {"stripe_customer_id": customer, "value": str(value)}
    form: Any = {"event_name": "api_calls", "payload": payload, **more}
    return shop.v1.billing.meter_events.create(form)


def used(shop: Shop, meter: stripe.billing.Meter, customer: str, **more: Any) -> list[float]:
    """What was used in the last two days and today, by window."""
    now = shop.emulator.now()
    form: Any = {
        "customer": customer,
        "start_time": now // DAY * DAY - 2 * DAY,
        "end_time": now // DAY * DAY + DAY,
    }
    rows = shop.v1.billing.meters.event_summaries.list(meter.id, form | more).data
    return [row.aggregated_value for row in rows]


def lines_of(invoice: stripe.Invoice) -> list[tuple[str | None, int | None, int]]:
    return [(line.description, line.quantity, line.amount) for line in invoice.lines.data]


@pytest.mark.parametrize(("formula", "total"), [("sum", 12.0), ("last", 2.0), ("count", 2.0)])
def test_a_meter_sums_counts_or_keeps_the_last(shop: Shop, formula: str, total: float) -> None:
    meter, customer = a_meter(shop, formula), shop.customer()
    use(shop, customer, 10, timestamp=shop.emulator.now() - 60)
    use(shop, customer, 2)

    assert used(shop, meter, customer) == [total]
    assert used(shop, meter, shop.customer()) == [0.0]


def test_usage_is_summed_by_the_day(shop: Shop) -> None:
    meter, customer = a_meter(shop), shop.customer()
    use(shop, customer, 3, timestamp=shop.emulator.now() - DAY)
    use(shop, customer, 4)

    assert used(shop, meter, customer, value_grouping_window="day") == [4.0, 3.0, 0.0]


def test_what_was_used_is_billed_when_the_period_is_over(shop: Shop) -> None:
    meter, customer = a_meter(shop), shop.customer()
    subscription = shop.subscribe(customer, metered(shop, meter))
    use(shop, customer, 30)
    shop.advance(months=1, hours=2)
    use(shop, customer, 4)
    shop.advance(days=32)

    first, second, third = shop.invoices(customer)
    assert subscription.status == "active"
    assert "quantity" not in subscription.to_dict()["items"]["data"][0]
    assert lines_of(first) == [("0 × Calls (at $0.05 / month)", 0, 0)]
    assert lines_of(second) == [("30 × Calls (at $0.05 / month)", 30, 150)]
    assert lines_of(third) == [("4 × Calls (at $0.05 / month)", 4, 20)]
    assert second.lines.data[0].period.start == subscription.start_date
    assert (second.status, second.amount_paid) == ("paid", 150)


def test_a_preview_shows_what_was_used_until_now(shop: Shop) -> None:
    meter, customer = a_meter(shop), shop.customer()
    subscription = shop.subscribe(customer, metered(shop, meter))
    use(shop, customer, 100)

    assert shop.v1.invoices.create_preview({"subscription": subscription.id}).amount_due == 500


def test_the_last_invoice_bills_what_was_used_until_the_end(shop: Shop) -> None:
    meter, customer = a_meter(shop), shop.customer()
    at_end = shop.subscribe(customer, metered(shop, meter), cancel_at_period_end=True)
    use(shop, customer, 100)
    shop.advance(months=1, hours=3)

    last = shop.latest(customer)
    assert shop.subscription(at_end.id).status == "canceled"
    assert (last.amount_due, last.status, at_end.latest_invoice != last.id) == (500, "paid", True)


def test_who_cancels_at_once_pays_what_was_used_if_it_is_invoiced_now(shop: Shop) -> None:
    meter, customer = a_meter(shop), shop.customer()
    subscription = shop.subscribe(customer, metered(shop, meter))
    use(shop, customer, 100)
    shop.advance(hours=1)
    shop.v1.subscriptions.cancel(subscription.id, {"invoice_now": True})

    assert shop.latest(customer).amount_paid == 500


def test_tiers_and_packages_count_what_was_used(shop: Shop) -> None:
    meter, customer = a_meter(shop), shop.customer()
    recurring: Any = {"interval": "month", "usage_type": "metered", "meter": meter.id}
    tiers: Any = [{"up_to": 100, "unit_amount": 0}, {"up_to": "inf", "unit_amount": 2}]
    tiered = shop.v1.prices.create(
        {
            "currency": "usd",
            "product_data": {"name": "Tiered"},
            "recurring": recurring,
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": tiers,
        }
    )
    package = metered(shop, meter, transform_quantity={"divide_by": 100, "round": "up"})
    shop.v1.subscriptions.create({"customer": customer, "items": [{"price": tiered.id}, {"price": package}]})
    use(shop, customer, 150)
    shop.advance(months=1, hours=2)

    assert [line.amount for line in shop.latest(customer).lines.data] == [100, 10]


def test_an_event_is_counted_once_and_can_be_taken_back(shop: Shop) -> None:
    meter, customer = a_meter(shop), shop.customer()
    event = use(shop, customer, 10, identifier="req_1")
    with pytest.raises(stripe.InvalidRequestError, match="already exists with identifier req_1") as refused:
        use(shop, customer, 10, identifier="req_1")
    adjusted = shop.v1.billing.meter_event_adjustments.create(
        {"event_name": "api_calls", "type": "cancel", "cancel": {"identifier": "req_1"}}
    )

    assert (event.identifier, event.payload["value"]) == ("req_1", "10")
    assert refused.value.param == "identifier"
    assert adjusted.status == "complete"
    assert used(shop, meter, customer) == [0.0]
    late = use(shop, customer, 1)
    shop.advance(days=2)
    with pytest.raises(stripe.InvalidRequestError, match="within 24 hours"):
        shop.v1.billing.meter_event_adjustments.create(
            {"event_name": "api_calls", "type": "cancel", "cancel": {"identifier": late.identifier}}
        )


def test_an_event_that_cannot_be_counted_says_why(shop: Shop) -> None:
    a_meter(shop)
    customer, now = shop.customer(), shop.emulator.now()
    for form, code in (
        ({"event_name": "nothing", "payload": {"stripe_customer_id": customer, "value": "1"}}, "no_meter"),
        ({"event_name": "api_calls", "payload": {"value": "1"}}, "meter_event_no_customer_defined"),
        (
            {"event_name": "api_calls", "payload": {"stripe_customer_id": "cus_0", "value": "1"}},
            "meter_event_customer_not_found",
        ),
        (
            {"event_name": "api_calls", "payload": {"stripe_customer_id": customer}},
            "meter_event_value_not_found",
        ),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            shop.v1.billing.meter_events.create(form)  # type: ignore[arg-type]
        assert refused.value.code == code
    for value, moment, code in (
        ("many", now, "meter_event_invalid_value"),
        ("1", now + DAY, "timestamp_in_future"),
        ("1", now - 40 * DAY, "timestamp_too_far_in_past"),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            use(shop, customer, value, timestamp=moment)
        assert refused.value.code == code


def test_a_meter_is_put_away_and_taken_up_again(shop: Shop) -> None:
    meter = a_meter(shop)
    shop.v1.billing.meters.update(meter.id, {"display_name": "All calls"})
    ended = shop.v1.billing.meters.deactivate(meter.id)

    assert (ended.status, ended.display_name) == ("inactive", "All calls")
    assert shop.v1.billing.meters.list({"status": "active"}).data == []
    with pytest.raises(stripe.InvalidRequestError):
        use(shop, shop.customer())
    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        metered(shop, meter)
    other = a_meter(shop)
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        shop.v1.billing.meters.reactivate(meter.id)
    shop.v1.billing.meters.deactivate(other.id)
    assert shop.v1.billing.meters.reactivate(meter.id).status == "active"
    heard = [each for each in shop.events() if each.startswith("billing.meter.")]
    assert heard == [
        f"billing.meter.{what}"
        for what in ("created", "updated", "deactivated", "created", "deactivated", "reactivated")
    ]


def test_a_metered_price_has_a_meter_and_no_quantity(shop: Shop) -> None:
    price = metered(shop, a_meter(shop))
    with pytest.raises(stripe.InvalidRequestError, match="backed by a meter"):
        shop.price(5, recurring={"interval": "month", "usage_type": "metered"})
    with pytest.raises(stripe.InvalidRequestError, match="Quantity should not be specified"):
        shop.v1.subscriptions.create(
            {"customer": shop.customer(), "items": [{"price": price, "quantity": 2}]}
        )
    with pytest.raises(stripe.InvalidRequestError, match="Quantity should not be specified"):
        shop.checkout(mode="subscription", line_items=[{"price": price, "quantity": 1}])


def test_checkout_begins_a_metered_plan(shop: Shop) -> None:
    price = metered(shop, a_meter(shop))
    session = shop.checkout(mode="subscription", line_items=[{"price": price}])
    shop.emulator.pay(session)
    done = shop.v1.checkout.sessions.retrieve(session.id)
    customer = str(done.customer)
    use(shop, customer, 40)
    shop.advance(months=1, hours=2)

    assert done.amount_total == 0
    assert shop.latest(customer).amount_paid == 200


def test_a_plan_with_a_flat_part_bills_both(shop: Shop) -> None:
    meter, customer = a_meter(shop), shop.customer()
    flat = shop.price(1000, "Base")
    subscription = shop.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": flat}, {"price": metered(shop, meter)}]}
    )
    use(shop, customer, 10)
    shop.advance(days=10)
    item = next(each for each in subscription["items"].data if each.price.id == flat)
    shop.update(subscription.id, items=[{"id": item.id, "quantity": 2}], proration_behavior="none")
    shop.advance(months=1)

    assert [invoice.amount_paid for invoice in shop.invoices(customer)] == [1000, 2050]


@pytest.mark.parametrize("mode", ["graduated", "volume"])
def test_the_first_tier_s_flat_amount_is_owed_for_no_use_too(shop: Shop, mode: Any) -> None:
    meter, customer = a_meter(shop), shop.customer()
    price = shop.v1.prices.create(
        {
            "currency": "usd",
            "product_data": {"name": "Calls"},
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
            "billing_scheme": "tiered",
            "tiers_mode": mode,
            "tiers": [
                {"up_to": 100, "flat_amount": 700, "unit_amount": 0},
                {"up_to": "inf", "unit_amount": 5},
            ],
        }
    )
    shop.subscribe(customer, price.id)
    shop.advance(months=1, hours=2)

    first, second = shop.invoices(customer)
    assert (first.total, second.total) == (0, 700)
