"""Documented behaviour that probes found otherwise, one by one: what Stripe refuses, and what it shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from stripe_emulator.api.request import Call
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.payments.cards.cards import GENERIC

from ..shop import CARDS_ONLY, Shop, envelope, narrowed_to


@pytest.mark.parametrize(
    ("verb", "path", "form", "param"),
    [
        ("get", "/v1/events", {"type": "charge.*", "types": ["charge.failed"]}, "types"),
        ("post", "/v1/subscriptions/{plan}", {"cancel_at_period_end": True, "cancel_at": 1}, "cancel_at"),
        (
            "post",
            "/v1/subscriptions/{plan}",
            {"pause_collection": {"behavior": "void", "resumes_at": 5}},
            "pause_collection[resumes_at]",
        ),
        ("post", "/v1/subscription_items", {"subscription": "{plan}", "price": "price_x"}, "price"),
        (
            "post",
            "/v1/prices",
            {"currency": "usd", "unit_amount_decimal": "0.1234567890123", "product_data": {"name": "Gold"}},
            "unit_amount_decimal",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(shop: Shop, verb: Any, path: str, form: Any, param: str) -> None:
    plan = shop.subscribe(shop.customer(), shop.price()).id

    sent = {name: plan if value == "{plan}" else value for name, value in form.items()}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.raw_request(verb, path.format(plan=plan), **sent)

    assert envelope(refused.value)["param"] == param


def test_a_plan_that_is_over_is_not_found_when_it_is_canceled_again(shop: Shop) -> None:
    plan = shop.subscribe(shop.customer(), shop.price()).id
    shop.v1.subscriptions.cancel(plan)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.subscriptions.cancel(plan)

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


@pytest.mark.parametrize(
    ("number", "refusal"),
    [
        ("4242424242424242", None),
        ("4242424242424241", ("incorrect_number", None)),
        ("4000000000000002", GENERIC),
        ("4000000000009995", ("card_declined", "insufficient_funds")),
        ("4000000000009987", ("card_declined", "lost_card")),
        ("4000000000000069", ("expired_card", "expired_card")),
        ("4000000000000127", ("incorrect_cvc", "incorrect_cvc")),
        ("4000000000000119", ("processing_error", "processing_error")),
        ("4000000000006975", ("card_declined", "card_velocity_exceeded")),
        ("4100000000000019", ("card_declined", "fraudulent")),
    ],
)
def test_a_card_comes_with_the_payment(shop: Shop, number: str, refusal: Any) -> None:
    """``payment_method_data[card]``, which Stripe takes and does not list."""
    card = {"number": number, "exp_month": 12, "exp_year": 2050, "cvc": "123"}
    form: Any = {
        "amount": 500,
        "currency": "usd",
        "confirm": True,
        "automatic_payment_methods": CARDS_ONLY,
        "payment_method_data": {"type": "card", "card": card},
    }
    heard = None
    try:
        assert shop.v1.payment_intents.create(form).status == "succeeded"
    except stripe.CardError as error:
        heard = (error.code, envelope(error).get("decline_code"))

    assert heard == refusal


def test_a_customer_shows_the_plans_that_run(shop: Shop) -> None:
    customer, price = shop.customer(), shop.price()
    over, runs = (shop.subscribe(customer, price).id for _ in range(2))
    shop.v1.subscriptions.cancel(over)

    shown: Any = shop.v1.customers.retrieve(customer, {"expand": ["subscriptions"]})

    assert [plan.id for plan in shown.subscriptions.data] == [runs]


def test_a_refund_for_fraud_is_the_shops_report_of_it(shop: Shop) -> None:
    paid = shop.charge()
    shop.v1.refunds.create({"payment_intent": paid.id, "reason": "fraudulent"})

    charge: Any = shop.v1.charges.retrieve(str(paid.latest_charge))
    assert charge.fraud_details.user_report == "fraudulent"


def test_lines_show_their_own_taxes_and_discounts_when_asked(shop: Shop) -> None:
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 20}).id
    coupon = shop.v1.coupons.create({"percent_off": 10}).id
    price = shop.price(recurring=None)
    session = shop.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://shop.example",
            "discounts": [{"coupon": coupon}],
            "line_items": [
                {"price": price, "quantity": 2, "tax_rates": [rate]},
                {"price": price, "quantity": 1},
            ],
        }
    )

    expand = ["data.taxes", "data.discounts"]
    lines: Any = shop.v1.checkout.sessions.line_items.list(session.id, {"expand": expand}).data

    assert [[tax.amount for tax in line.taxes] for line in lines] == [[360], []]
    assert [[off.amount for off in line.discounts] for line in lines] == [[200], [100]]
    assert lines[0].taxes[0].rate.id == rate
    assert "taxes" not in shop.v1.checkout.sessions.line_items.list(session.id).data[0]


def test_a_quote_shows_what_is_due_at_once_line_by_line(shop: Shop) -> None:
    quote = shop.v1.quotes.create(
        {"customer": shop.customer(), "line_items": [{"price": shop.price(), "quantity": 2}]}
    )

    whole: Any = shop.v1.quotes.retrieve(quote.id, {"expand": ["computed.upfront.line_items"]})

    assert [line.amount_total for line in whole.computed.upfront.line_items.data] == [2000]
    assert "line_items" not in quote.computed.upfront


def test_a_page_in_dollars_takes_no_sepa_debit(shop: Shop) -> None:
    in_dollars, cards_only = shop.checkout(), shop.checkout(**narrowed_to("card"))

    for session in (in_dollars, cards_only):
        with pytest.raises(InvalidRequest) as refused:
            shop.emulator.pay(session, iban="DE89370400440532013000")
        assert refused.value.param == "payment_method_types"
    assert shop.v1.checkout.sessions.retrieve(in_dollars.id).status == "open"


def metered(shop: Shop, amount: int, **more: Any) -> str:
    meter = shop.v1.billing.meters.create(
        {"display_name": "Calls", "event_name": f"calls{amount}", "default_aggregation": {"formula": "sum"}}
    ).id
    recurring = {"interval": "month", "usage_type": "metered", "meter": meter}
    return shop.price(amount, recurring=recurring, **more)


def use(shop: Shop, customer: str, calls: int, amount: int = 10) -> None:
    shop.v1.billing.meter_events.create(
        {
            "event_name": f"calls{amount}",
            "payload": {"value": str(calls), "stripe_customer_id": customer},
        }
    )
    shop.advance(hours=1)


def test_what_was_used_of_a_price_that_is_left_is_billed_once(shop: Shop) -> None:
    customer, seats = shop.customer(), shop.price(1000)
    plan = shop.subscribe(customer, metered(shop, 10))
    item = plan["items"].data[0].id
    meter: Any = plan["items"].data[0].price.recurring.meter
    use(shop, customer, 7)
    dearer = shop.price(50, recurring={"interval": "month", "usage_type": "metered", "meter": meter})
    shop.update(plan.id, items=[{"id": item, "price": dearer}])
    use(shop, customer, 2)
    shop.update(plan.id, items=[{"id": item, "deleted": True}, {"price": seats}], proration_behavior="none")
    use(shop, customer, 100)
    shop.advance(months=1)

    lines = shop.latest(customer).lines.data
    assert sorted(line.amount for line in lines) == [70, 100, 1000]


MONTHLY: Any = {"currency": "usd", "recurring": {"interval": "month"}, "product_data": {"name": "Calls"}}
TIERED: Any = {**MONTHLY, "billing_scheme": "tiered", "tiers_mode": "graduated"}
PAGE: Any = {"success_url": "https://shop.example"}


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"mode": "payment", "subscription_data": {"description": "Gold"}}, "subscription_data"),
        ({"mode": "subscription", "payment_intent_data": {"description": "Gold"}}, "payment_intent_data"),
        ({"mode": "subscription", "customer_creation": "always"}, "customer_creation"),
        ({"mode": "payment", "setup_intent_data": {"description": "Gold"}}, "setup_intent_data"),
        (
            {"mode": "subscription", "subscription_data": {"trial_period_days": 0}},
            "subscription_data[trial_period_days]",
        ),
        ({"mode": "subscription", "subscription_data": {"trial_end": 1}}, "subscription_data[trial_end]"),
    ],
)
def test_a_page_takes_what_its_mode_has(shop: Shop, form: Any, param: str) -> None:
    price = shop.price(recurring=None if form["mode"] == "payment" else {"interval": "month"})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.checkout.sessions.create(PAGE | form | {"line_items": [{"price": price, "quantity": 1}]})

    assert refused.value.param == param


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({**TIERED, "tiers": [{"up_to": 5, "unit_amount": 10}]}, "tiers"),
        (
            {**TIERED, "tiers": [{"up_to": to, "unit_amount": 10} for to in (5, 3, "inf")]},
            "tiers",
        ),
        (
            {**MONTHLY, "billing_scheme": "tiered", "tiers": [{"up_to": "inf", "unit_amount": 1}]},
            "tiers_mode",
        ),
    ],
)
def test_tiers_rise_without_end(shop: Shop, form: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.prices.create(form)

    assert refused.value.param == param


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"collection_method": "send_invoice", "due_date": 4_000_000_000, "days_until_due": 5}, "due_date"),
        ({"days_until_due": 5}, "days_until_due"),
        ({"due_date": 4_000_000_000}, "due_date"),
    ],
)
def test_an_invoice_is_due_on_one_day_if_it_is_sent(shop: Shop, form: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.invoices.create(form | {"customer": shop.customer()})

    assert refused.value.param == param


def test_a_coupon_of_another_currency_and_a_portal_that_is_off_are_refused(shop: Shop) -> None:
    customer = shop.customer()
    euros = shop.v1.coupons.create({"amount_off": 300, "currency": "eur"}).id
    portal = shop.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}}
    )
    shop.v1.billing_portal.configurations.update(portal.id, {"active": False})

    with pytest.raises(stripe.InvalidRequestError) as coupon:
        shop.subscribe(customer, shop.price(), discounts=[{"coupon": euros}])
    with pytest.raises(stripe.InvalidRequestError) as configuration:
        shop.v1.billing_portal.sessions.create({"customer": customer, "configuration": portal.id})

    assert (coupon.value.param, configuration.value.param) == ("discounts[0]", "configuration")


@pytest.mark.parametrize(
    ("verb", "path", "param"),
    [
        ("GET", "/v1/customers/cus_x", "id"),
        ("GET", "/v1/charges/ch_x", "id"),
        ("GET", "/v1/subscriptions/sub_x", "id"),
        ("GET", "/v1/payment_intents/pi_x", "intent"),
        ("GET", "/v1/prices/price_x", "price"),
        ("GET", "/v1/refunds/re_x", "refund"),
        ("GET", "/v1/invoices/in_x", "invoice"),
        ("DELETE", "/v1/invoices/in_x", "invoice"),
        ("POST", "/v1/invoices/in_x/send", "invoice"),
        ("POST", "/v1/invoices/in_x/pay", "id"),
        ("POST", "/v1/invoices/in_x", "id"),
    ],
)
def test_a_missing_object_is_called_as_its_route_calls_it(
    shop: Shop, verb: str, path: str, param: str
) -> None:
    call = Call(verb, path, "", {"authorization": "Bearer sk_test_shop"}, b"")

    reply = shop.emulator.api.answer(call)

    error = json.loads(reply.body)["error"]
    assert (reply.status, error["code"], error["param"]) == (404, "resource_missing", param)
