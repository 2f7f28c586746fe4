"""What Stripe refuses is refused here, too: a program that passes here would fail there."""

from __future__ import annotations

from typing import Any, cast

import pytest
import stripe

from ..shop import CARDS_ONLY, DAY, SDK, Shop, envelope

PAYMENT: dict[str, Any] = {"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa"}


def refusal(call: Any, *args: Any, **form: Any) -> dict[str, Any]:
    with pytest.raises(stripe.StripeError) as refused:
        call(*args, cast(Any, form))
    assert refused.value.http_status in (400, 402, 404)
    return envelope(refused.value)


# A payment that could lead its customer away.


def test_a_server_that_confirms_says_where_a_redirect_leads_back_to(shop: Shop) -> None:
    refused = refusal(shop.v1.payment_intents.create, **PAYMENT, confirm=True)
    saved = refusal(
        shop.v1.setup_intents.create,
        payment_method="pm_card_visa",
        confirm=True,
        automatic_payment_methods={"enabled": True},
    )
    intent = shop.v1.payment_intents.create(cast(Any, PAYMENT))
    later = refusal(shop.v1.payment_intents.confirm, intent.id)

    assert "you must provide a `return_url`" in refused["message"]
    assert refused["message"] == later["message"]
    assert saved["message"].startswith("A return_url must be specified because this Setup Intent")


@pytest.mark.parametrize(
    "form",
    [
        {"return_url": "https://shop.example"},
        {"automatic_payment_methods": CARDS_ONLY},
        {"off_session": True},
        {"use_stripe_sdk": True},
    ],
)
def test_a_payment_that_leads_nowhere_or_back_is_confirmed(shop: Shop, form: dict[str, Any]) -> None:
    intent = shop.v1.payment_intents.create(cast(Any, {**PAYMENT, "confirm": True, **form}))

    assert intent.status == "succeeded"


# Cards.


def test_a_card_that_paid_without_a_customer_is_used_up(shop: Shop) -> None:
    method = shop.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    shop.charge(method.id)

    again = refusal(shop.v1.payment_intents.create, **{**PAYMENT, "payment_method": method.id})
    attached = refusal(shop.v1.payment_methods.attach, method.id, customer=shop.customer(card=None))

    assert "It may not be used again" in again["message"]
    assert "may not be used again" in attached["message"]


def test_a_card_that_stays_with_its_customer_pays_again(shop: Shop) -> None:
    customer = shop.customer(card=None)
    first = shop.charge(customer=customer, setup_future_usage="off_session")

    again = shop.charge(str(first.payment_method), customer=customer)

    assert again.status == "succeeded"


@pytest.mark.parametrize(
    ("details", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"number": "4242424242424242", "cvc": "99"}, "invalid_cvc", "cvc"),
        ({"number": "4242424242424242", "exp_month": 13}, "invalid_expiry_month", "exp_month"),
        ({"number": "4242424242424242", "exp_year": 1999}, "invalid_expiry_year", "exp_year"),
    ],
)
def test_a_card_that_cant_be_is_a_card_error(
    shop: Shop, details: dict[str, Any], code: str, param: str
) -> None:
    card = {"exp_month": 12, "exp_year": 2034, "cvc": "123", **details}

    with pytest.raises(stripe.CardError) as refused:
        shop.v1.payment_methods.create(cast(Any, {"type": "card", "card": card}))
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (402, code, param)


@pytest.mark.parametrize(
    ("card", "param"),
    [
        ("pm_card_chargeDeclined", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "cvc"),
        ("pm_card_chargeDeclinedExpiredCard", "exp_month"),
        ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", None),
        ("pm_card_riskLevelHighest", None),
    ],
)
def test_a_refusal_names_the_field_that_it_is_about(shop: Shop, card: str, param: str | None) -> None:
    refused, answer = shop.declined(card)

    assert refused.param == param
    assert answer["payment_intent"]["last_payment_error"].get("param") == param


def test_a_card_whose_code_does_not_fit_says_so(shop: Shop) -> None:
    checks = {
        name: shop.v1.payment_methods.attach(f"pm_card_{name}", {"customer": shop.customer(card=None)})
        for name in ("cvcCheckFail", "visa")
    }

    assert [cast(Any, card.card).checks.cvc_check for card in checks.values()] == ["fail", "pass"]


def test_a_card_known_to_its_bank_asks_only_while_its_owner_is_there(shop: Shop) -> None:
    name, customer = "pm_card_authenticationRequiredSetupForOffSession", shop.customer(card=None)
    card = shop.v1.payment_methods.attach(name, {"customer": customer})

    there = shop.charge(card.id, customer=customer)
    away = shop.charge(card.id, customer=customer, off_session=True)

    assert (there.status, away.status) == ("requires_action", "succeeded")


# Customers and subscriptions.


def test_an_address_of_a_mail_has_a_domain(shop: Shop) -> None:
    customer = refusal(shop.v1.customers.create, email="pat@localhost")
    payment = refusal(shop.v1.payment_intents.create, **PAYMENT, receipt_email="pat@localhost")
    session: Any = {
        "mode": "setup",
        "currency": "usd",
        "success_url": "https://shop.example",
        "customer_email": "pat@localhost",
    }
    page = refusal(shop.v1.checkout.sessions.create, **session)

    assert [answer["code"] for answer in (customer, payment, page)] == ["email_invalid"] * 3
    assert [answer["param"] for answer in (customer, payment, page)] == [
        "email",
        "receipt_email",
        "customer_email",
    ]


def test_a_customer_is_billed_in_one_currency(shop: Shop) -> None:
    customer = shop.customer()
    first = shop.subscribe(customer, shop.price())
    euros = shop.price(currency="eur")

    refused = refusal(shop.v1.subscriptions.create, customer=customer, items=[{"price": euros}])
    item = refusal(shop.v1.invoice_items.create, customer=customer, amount=500, currency="eur")
    shop.v1.subscriptions.cancel(first.id)
    moved = shop.subscribe(customer, euros)

    assert "cannot combine currencies" in refused["message"]
    assert "with currency usd" in item["message"]
    assert moved.currency == "eur"


def test_classic_billing_has_one_interval(shop: Shop) -> None:
    yearly = shop.price(recurring={"interval": "year"})
    form: Any = {"customer": shop.customer(), "items": [{"price": shop.price()}, {"price": yearly}]}

    refused = refusal(shop.v1.subscriptions.create, **form, billing_mode={"type": "classic"})
    mixed = shop.v1.subscriptions.create(form)

    assert "must have the same `recurring.interval`" in refused["message"]
    assert len(mixed["items"].data) == 2


def test_a_codes_minimum_counts_for_subscriptions_too(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    restrictions = {"minimum_amount": 5000, "minimum_amount_currency": "usd"}
    code = shop.v1.promotion_codes.create(
        cast(
            Any,
            {
                "promotion": {"type": "coupon", "coupon": coupon.id},
                "code": "BIG",
                "restrictions": restrictions,
            },
        )
    )
    form: Any = {"customer": shop.customer(), "discounts": [{"promotion_code": code.id}]}

    refused = refusal(shop.v1.subscriptions.create, **form, items=[{"price": shop.price(1000)}])
    large = shop.v1.subscriptions.create(cast(Any, {**form, "items": [{"price": shop.price(6000)}]}))

    assert refused["code"] == "promotion_code_minimum_amount"
    assert large.discounts


def test_a_new_anchor_is_prorated_now(shop: Shop) -> None:
    subscription = shop.subscribe(shop.customer(), shop.price())
    anchor = {"type": "now"} if SDK >= 16 else "now"

    refused = refusal(
        shop.v1.subscriptions.update,
        subscription.id,
        billing_cycle_anchor=anchor,
        proration_date=shop.emulator.now(),
    )

    assert refused["param"] == "proration_date"


# Money and limits.


def test_a_payout_needs_the_money(shop: Shop) -> None:
    shop.charge("pm_card_bypassPending", amount=2000)

    refused = refusal(shop.v1.payouts.create, amount=5000, currency="usd")
    paid = shop.v1.payouts.create({"amount": 1000, "currency": "usd"})

    assert refused["code"] == "balance_insufficient"
    assert paid.status == "pending"


def test_an_account_has_sixteen_endpoints(shop: Shop) -> None:
    form: Any = {"url": "https://shop.example/webhook", "enabled_events": ["*"]}
    for _ in range(16):
        shop.v1.webhook_endpoints.create(form)

    assert "maximum of 16" in refusal(shop.v1.webhook_endpoints.create, **form)["message"]


def test_a_test_clock_has_three_customers_and_moves_two_years_at_once(shop: Shop) -> None:
    start = shop.emulator.now()
    test_clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": start})
    for _ in range(3):
        shop.customer(card=None, test_clock=test_clock.id)

    fourth = refusal(shop.v1.customers.create, test_clock=test_clock.id)
    far = refusal(shop.v1.test_helpers.test_clocks.advance, test_clock.id, frozen_time=start + 3 * 365 * DAY)

    assert (fourth["param"], far["param"]) == ("test_clock", "frozen_time")


def test_lists_leave_out_what_lives_on_a_test_clock(shop: Shop) -> None:
    test_clock = shop.v1.test_helpers.test_clocks.create({"frozen_time": shop.emulator.now()})
    there = shop.customer(test_clock=test_clock.id)
    here = shop.customer()
    shop.subscribe(there, shop.price())

    everyone = [customer.id for customer in shop.v1.customers.list().data]
    of_clock = [customer.id for customer in shop.v1.customers.list({"test_clock": test_clock.id}).data]

    assert (everyone, of_clock) == ([here], [there])
    assert shop.v1.subscriptions.list().data == []
    assert shop.v1.invoices.list().data == []
    assert len(shop.v1.invoices.list({"customer": there}).data) == 1


def test_the_default_price_of_a_product_is_not_archived(shop: Shop) -> None:
    data: Any = {"name": "Pen", "default_price_data": {"currency": "usd", "unit_amount": 500}}
    product = shop.v1.products.create(data)

    refused = refusal(shop.v1.prices.update, str(product.default_price), active=False)

    assert "default price" in refused["message"]


def test_a_statement_shows_the_prefix_and_the_suffix_of_a_card_payment(shop: Shop) -> None:
    def shown(**more: Any) -> str | None:
        back = {"confirm": True, "return_url": "https://shop.example", "expand": ["latest_charge"]}
        form: Any = PAYMENT | back | more
        charge = shop.v1.payment_intents.create(form).latest_charge
        assert isinstance(charge, stripe.Charge)
        return charge.calculated_statement_descriptor

    assert shown() == "STRIPE EMULATOR"
    assert shown(statement_descriptor_suffix="Order 12") == "EMULATOR* Order 12"


@pytest.mark.parametrize("text", ["x" * 23, "12345", "<shop>", "a*b"])
def test_a_statement_descriptor_is_one_that_banks_show(shop: Shop, text: str) -> None:
    refused = refusal(shop.v1.payment_intents.create, **PAYMENT, statement_descriptor_suffix=text)

    assert refused["param"] == "statement_descriptor_suffix"


def test_events_are_told_for_thirty_days_and_found_by_a_pattern(shop: Shop) -> None:
    customer = shop.customer()
    old = shop.v1.events.list({"type": "customer.*"}).data
    shop.advance(days=31)
    shop.v1.customers.update(customer, {"name": "Jo"})

    assert {event.type for event in old} == {"customer.created", "customer.updated"}
    assert [event.type for event in shop.v1.events.list({"type": "customer.*"}).data] == ["customer.updated"]
    refusal(shop.v1.events.retrieve, old[0].id)
