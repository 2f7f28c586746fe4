"""One contract, two sellers of it: the emulator, and Stripe itself where ``STRIPE_TEST_KEY`` is set.

    STRIPE_TEST_KEY=sk_test_... pytest stripe-emulator/tests/conformance/test_as_at_stripe.py

It leaves test objects behind in that account. Each test makes what it needs and looks at nothing else.
"""

from __future__ import annotations

import os
import time
from typing import Any
from uuid import uuid4

import pytest
import stripe
from stripe import StripeClient

from stripe_emulator import Emulator

PAGES = {"success_url": "https://shop.example/done", "cancel_url": "https://shop.example/cart"}


@pytest.fixture(params=["emulator", pytest.param("stripe", marks=pytest.mark.stripe)])
def client(request: pytest.FixtureRequest, stripe_emulator: Emulator) -> StripeClient:
    if request.param == "emulator":
        return StripeClient("sk_test_contract", http_client=stripe_emulator.http_client())
    key = os.environ["STRIPE_TEST_KEY"]
    assert key.startswith(("sk_test_", "rk_test_")), "STRIPE_TEST_KEY must be a key of test mode"
    return StripeClient(key, max_network_retries=2)


def pay(client: StripeClient, method: str = "pm_card_visa", **more: Any) -> stripe.PaymentIntent:
    cards_only = {"enabled": True, "allow_redirects": "never"}
    form: Any = {
        "amount": 2000,
        "currency": "usd",
        "payment_method": method,
        "confirm": True,
        "automatic_payment_methods": cards_only,
        **more,
    }
    return client.v1.payment_intents.create(form)


def customer_with_card(client: StripeClient, **more: Any) -> str:
    form: Any = {
        "payment_method": "pm_card_visa",
        "invoice_settings": {"default_payment_method": "pm_card_visa"},
        **more,
    }
    return client.v1.customers.create(form).id


def monthly(client: StripeClient, amount: int = 1000) -> str:
    return client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": amount,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Plan"},
        }
    ).id


def checkout(client: StripeClient, **more: Any) -> stripe.checkout.Session:
    data = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Ten credits"}}
    form: Any = {"mode": "payment", "line_items": [{"price_data": data, "quantity": 2}], **PAGES, **more}
    return client.v1.checkout.sessions.create(form)


def refused(error: stripe.StripeError) -> dict[str, Any]:
    body: Any = error.json_body
    opened: dict[str, Any] = body["error"]
    return opened


def _charged(client: StripeClient, intent: str) -> Any:
    return client.v1.payment_intents.retrieve(intent, {"expand": ["latest_charge.balance_transaction"]})


def test_a_good_card_pays_on_the_shops_page(client: StripeClient) -> None:
    paid = pay(client)
    while (intent := _charged(client, paid.id)).latest_charge.balance_transaction is None:
        time.sleep(1)  # Stripe books a payment after its answer

    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.latest_charge.paid, intent.latest_charge.captured) == (True, True)
    assert isinstance(intent.latest_charge.balance_transaction, stripe.BalanceTransaction)


def test_a_declined_card_is_a_card_error_with_its_payment_inside(client: StripeClient) -> None:
    with pytest.raises(stripe.CardError) as declined:
        pay(client, "pm_card_visa_chargeDeclinedInsufficientFunds")

    answer = refused(declined.value)
    assert (declined.value.http_status, answer["code"]) == (402, "card_declined")
    assert answer["decline_code"] == "insufficient_funds"
    assert answer["payment_intent"]["status"] == "requires_payment_method"


def test_a_zero_decimal_currency_is_charged_in_whole_units(client: StripeClient) -> None:
    assert pay(client, currency="jpy", amount=500).amount_received == 500


def test_too_small_an_amount_is_refused(client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as small:
        pay(client, amount=10)

    assert small.value.code == "amount_too_small"


def test_an_authorization_is_captured_in_part(client: StripeClient) -> None:
    held = pay(client, capture_method="manual")
    captured = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 1500})

    assert (held.status, held.amount_capturable) == ("requires_capture", 2000)
    assert (captured.status, captured.amount_received) == ("succeeded", 1500)


def test_a_canceled_payment_cannot_be_confirmed(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 2000, "currency": "usd"})
    client.v1.payment_intents.cancel(intent.id)

    with pytest.raises(stripe.InvalidRequestError) as late:
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert late.value.code == "payment_intent_unexpected_state"


def test_a_charge_gives_back_no_more_than_it_took(client: StripeClient) -> None:
    intent = pay(client)
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 500})

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 1501})
    client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as nothing_left:
        client.v1.refunds.create({"payment_intent": intent.id})

    assert nothing_left.value.code == "charge_already_refunded"
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    assert (charge.refunded, charge.amount_refunded) == (True, 2000)


def test_a_saved_card_pays_while_its_owner_is_away(client: StripeClient) -> None:
    customer = client.v1.customers.create().id
    client.v1.setup_intents.create(
        {
            "customer": customer,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    (card,) = client.v1.customers.payment_methods.list(customer).data

    assert pay(client, card.id, customer=customer, off_session=True).status == "succeeded"


def test_a_bank_that_asks_refuses_while_its_customer_is_away(client: StripeClient) -> None:
    customer = client.v1.customers.create().id
    card = client.v1.payment_methods.attach("pm_card_authenticationRequired", {"customer": customer})

    with pytest.raises(stripe.CardError) as refusal:
        pay(client, card.id, customer=customer, off_session=True)
    assert refusal.value.code == "authentication_required"


def test_a_detached_card_is_worth_nothing(client: StripeClient) -> None:
    customer = client.v1.customers.create().id
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    client.v1.payment_methods.detach(card.id)

    with pytest.raises(stripe.InvalidRequestError):
        pay(client, card.id)


def test_metadata_is_merged_and_an_empty_value_takes_its_key_out(client: StripeClient) -> None:
    made = client.v1.customers.create({"metadata": {"plan": "gold", "seat": "4"}})
    changed = client.v1.customers.update(made.id, {"metadata": {"seat": "", "row": "7"}})

    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"plan": "gold", "row": "7"}


def test_a_deleted_customer_leaves_a_stub(client: StripeClient) -> None:
    customer = client.v1.customers.create().id
    client.v1.customers.delete(customer)

    assert client.v1.customers.retrieve(customer).deleted is True


def test_lists_are_newest_first_and_go_on_after_a_cursor(client: StripeClient) -> None:
    email = f"{uuid4().hex}@example.com"
    made = [client.v1.customers.create({"email": email}).id for _ in range(3)]

    page = client.v1.customers.list({"email": email, "limit": 2})
    rest = client.v1.customers.list({"email": email, "starting_after": page.data[-1].id})

    assert [customer.id for customer in page.data] + [customer.id for customer in rest.data] == made[::-1]
    assert (page.has_more, rest.has_more) == (True, False)


def test_an_unknown_object_is_a_404_that_names_it(client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.customers.retrieve("cus_nobody")

    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    assert refused(missing.value)["message"] == "No such customer: 'cus_nobody'"


def test_an_unknown_parameter_and_a_missing_one_are_named(client: StripeClient) -> None:
    too_much: Any = {"shoe_size": 44}
    too_little: Any = {"amount": 2000}
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        client.v1.customers.create(too_much)
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.payment_intents.create(too_little)

    assert (unknown.value.code, unknown.value.param) == ("parameter_unknown", "shoe_size")
    assert (missing.value.code, missing.value.param) == ("parameter_missing", "currency")


def test_a_key_repeats_its_answer_and_refuses_another_request(client: StripeClient) -> None:
    key: Any = {"idempotency_key": uuid4().hex}
    first = client.v1.customers.create({"name": "Jo"}, key)

    assert client.v1.customers.create({"name": "Jo"}, key).id == first.id
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"name": "Bo"}, key)


def test_a_wrong_key_opens_nothing(client: StripeClient) -> None:
    with pytest.raises(stripe.AuthenticationError) as stranger:
        client.v1.customers.list(options={"api_key": "sk_live_of_nobody"})
    assert stranger.value.http_status == 401


def test_a_price_is_found_by_its_lookup_key(client: StripeClient) -> None:
    name = uuid4().hex
    data: Any = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Pen"}, "lookup_key": name}
    price = client.v1.prices.create(data)

    assert [price.id for price in client.v1.prices.list({"lookup_keys": [name]}).data] == [price.id]


def test_a_checkout_is_open_until_it_is_expired_once(client: StripeClient) -> None:
    session = checkout(client)
    expired = client.v1.checkout.sessions.expire(session.id)

    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 1000)
    assert session.url is not None
    assert expired.status == "expired"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(session.id)


def test_a_checkout_names_the_price_that_is_missing(client: StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as missing:
        checkout(client, line_items=[{"price": "price_none", "quantity": 1}])

    assert (missing.value.http_status, missing.value.code) == (400, "resource_missing")
    assert missing.value.param == "line_items[0][price]"


def test_payment_method_types_are_no_longer_chosen_by_the_shop(client: StripeClient) -> None:
    form: Any = {"mode": "setup", "currency": "usd", "payment_method_types": ["card"], **PAGES}

    with pytest.raises(stripe.InvalidRequestError) as retired:
        client.v1.checkout.sessions.create(form, {"stripe_version": "2026-10-28.endive"})

    assert retired.value.code == "payment_method_types_no_longer_supported"


def test_a_coupon_takes_its_share_off_a_checkout(client: StripeClient) -> None:
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "once"})
    session = checkout(client, discounts=[{"coupon": coupon.id}])

    assert (session.amount_subtotal, session.amount_total) == (1000, 750)


def test_a_subscription_is_paid_and_active_at_once(client: StripeClient) -> None:
    customer = customer_with_card(client)
    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": monthly(client)}], "expand": ["latest_invoice"]}
    )

    item = subscription["items"].data[0]
    assert subscription.status == "active"
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert (subscription.latest_invoice.status, subscription.latest_invoice.amount_paid) == ("paid", 1000)
    assert 28 <= (item.current_period_end - item.current_period_start) / 86400 <= 31


def test_an_upgrade_costs_what_its_preview_said(client: StripeClient) -> None:
    customer = customer_with_card(client)
    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": monthly(client)}]}
    )
    at = int(time.time())
    change: Any = {
        "items": [{"id": subscription["items"].data[0].id, "price": monthly(client, 3000)}],
        "proration_behavior": "always_invoice",
        "proration_date": at,
    }
    preview = client.v1.invoices.create_preview(
        {"customer": customer, "subscription": subscription.id, "subscription_details": change}
    )
    change["expand"] = ["latest_invoice"]
    upgraded = client.v1.subscriptions.update(subscription.id, change)

    assert isinstance(upgraded.latest_invoice, stripe.Invoice)
    assert upgraded.latest_invoice.total == preview.total > 0


def test_a_month_on_a_test_clock_brings_the_second_invoice(client: StripeClient) -> None:
    start = int(time.time())
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": start})
    customer = customer_with_card(client, test_clock=clock.id)
    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": monthly(client)}]}
    )
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": start + 32 * 86400})
    while client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "advancing":
        time.sleep(1)  # Stripe takes its time and tells only those whom it can reach

    invoices = client.v1.invoices.list({"subscription": subscription.id}).data
    assert [invoice.status for invoice in invoices] == ["paid", "paid"]
    client.v1.test_helpers.test_clocks.delete(clock.id)
