"""What Stripe's documentation says of requests that can't be: status, code and parameter, in one table."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from stripe_emulator.api.request import Call
from stripe_emulator.core.wire import flat

from ..shop import Shop

INTENT: dict[str, Any] = {"amount": 1000, "currency": "usd"}
CONFIRMED = INTENT | {"confirm": "true", "return_url": "https://shop.example"}
CARD: dict[str, Any] = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2050, "cvc": "123"}
LINE: dict[str, Any] = {"price": "{once}", "quantity": 1}
SESSION: dict[str, Any] = {"mode": "payment", "success_url": "https://shop.example", "line_items": [LINE]}
METADATA = {f"k{number}": "v" for number in range(51)}

#: Verb and path, form, status, code, param. ``{once}`` and the like are what the shop has.
TABLE: list[tuple[str, dict[str, Any], int, str | None, str | None]] = [
    ("GET /v1/products", {"limit": 0}, 400, "parameter_invalid_integer", "limit"),
    ("GET /v1/products", {"limit": 101}, 400, "parameter_invalid_integer", "limit"),
    ("GET /v1/products", {"starting_after": "prod_x"}, 400, "resource_missing", "starting_after"),
    ("GET /v1/payment_intents", {"expand": ["customer"]}, 400, None, "expand"),
    ("GET /v1/payment_intents", {"expand": ["data.a.b.c.d.e"]}, 400, None, "expand"),
    ("GET /v1/customers/search", {"query": 'shoe:"x"'}, 400, None, None),
    ("GET /v1/customers/search", {"query": "email:"}, 400, None, None),
    (
        "GET /v1/payment_intents/search",
        {"query": 'amount>9 AND status:"x" OR currency:"usd"'},
        400,
        None,
        None,
    ),
    ("POST /v1/customers", {"shoe": 1}, 400, "parameter_unknown", "shoe"),
    ("POST /v1/customers", {"address": {"shoe": 1}}, 400, "parameter_unknown", "address[shoe]"),
    ("POST /v1/customers", {"email": "nope"}, 400, "email_invalid", "email"),
    ("POST /v1/customers", {"metadata": METADATA}, 400, None, None),
    ("POST /v1/customers", {"metadata": {"k" * 41: "v"}}, 400, None, None),
    ("POST /v1/customers", {"metadata": {"k": "v" * 501}}, 400, None, None),
    ("POST /v1/payment_intents", {"amount": 100}, 400, "parameter_missing", "currency"),
    ("POST /v1/payment_intents", INTENT | {"amount": -1}, 400, "parameter_invalid_integer", "amount"),
    ("POST /v1/payment_intents", INTENT | {"amount": 49}, 400, "amount_too_small", "amount"),
    ("POST /v1/payment_intents", INTENT | {"amount": 10**8}, 400, "amount_too_large", "amount"),
    ("POST /v1/payment_intents", INTENT | {"amount": "10.5"}, 400, "parameter_invalid_integer", "amount"),
    ("POST /v1/payment_intents", INTENT | {"currency": "xxx"}, 400, None, "currency"),
    ("POST /v1/payment_intents", {"amount": 49, "currency": "jpy"}, 400, "amount_too_small", "amount"),
    ("POST /v1/payment_intents", {"amount": 1005, "currency": "kwd"}, 400, "invalid_charge_amount", "amount"),
    ("POST /v1/payment_intents", INTENT | {"capture_method": "x"}, 400, None, "capture_method"),
    ("POST /v1/payment_intents", INTENT | {"customer": "cus_x"}, 400, "resource_missing", "customer"),
    (
        "POST /v1/payment_intents",
        CONFIRMED | {"payment_method": "pm_card_chargeDeclinedExpiredCard"},
        402,
        "expired_card",
        None,
    ),
    (
        "POST /v1/payment_intents",
        CONFIRMED | {"payment_method": "pm_card_authenticationRequired", "error_on_requires_action": "true"},
        402,
        "authentication_required",
        None,
    ),
    (
        "POST /v1/payment_methods",
        {"type": "card", "card": CARD | {"number": "4242424242424241"}},
        402,
        "incorrect_number",
        "number",
    ),
    (
        "POST /v1/payment_methods",
        {"type": "card", "card": CARD | {"exp_year": 2020}},
        402,
        "invalid_expiry_year",
        "exp_year",
    ),
    (
        "POST /v1/payment_methods",
        {"type": "card", "card": CARD | {"exp_month": 13}},
        402,
        "invalid_expiry_month",
        "exp_month",
    ),
    ("POST /v1/refunds", {"payment_intent": "{paid}", "amount": 1001}, 400, None, "amount"),
    ("POST /v1/refunds", {"payment_intent": "{paid}", "reason": "x"}, 400, None, "reason"),
    ("POST /v1/payment_intents/{paid}/confirm", {}, 400, "payment_intent_unexpected_state", None),
    ("POST /v1/payment_intents/{paid}/cancel", {}, 400, "payment_intent_unexpected_state", None),
    (
        "POST /v1/prices",
        {"product": "{product}", "currency": "usd", "unit_amount": -5},
        400,
        "parameter_invalid_integer",
        "unit_amount",
    ),
    ("POST /v1/prices", {"currency": "usd", "unit_amount": 5}, 400, None, None),
    ("POST /v1/prices/{plan}", {"unit_amount": 5}, 400, "parameter_unknown", "unit_amount"),
    ("DELETE /v1/products/{product}", {}, 400, None, None),
    ("POST /v1/coupons", {"percent_off": 101}, 400, None, None),
    ("POST /v1/coupons", {"amount_off": 5}, 400, None, None),
    ("POST /v1/coupons", {"percent_off": 5, "duration": "repeating"}, 400, None, "duration_in_months"),
    ("POST /v1/subscriptions", {"customer": "{customer}"}, 400, "parameter_missing", "items"),
    (
        "POST /v1/subscriptions",
        {"customer": "{customer}", "items": [{"price": "price_x"}]},
        400,
        "resource_missing",
        "items[0][price]",
    ),
    (
        "POST /v1/subscriptions",
        {"customer": "{customer}", "items": [{"price": "{once}"}]},
        400,
        None,
        "items[0][price]",
    ),
    (
        "POST /v1/invoiceitems",
        {"customer": "cus_x", "amount": 1, "currency": "usd"},
        400,
        "resource_missing",
        "customer",
    ),
    ("POST /v1/webhook_endpoints", {"url": "nope", "enabled_events": ["*"]}, 400, None, "url"),
    ("POST /v1/webhook_endpoints", {"url": "https://a.b"}, 400, "parameter_missing", "enabled_events"),
    (
        "POST /v1/webhook_endpoints",
        {"url": "https://a.b", "enabled_events": ["shoe"]},
        400,
        None,
        "enabled_events[0]",
    ),
    ("POST /v1/checkout/sessions", SESSION | {"success_url": "nope"}, 400, "url_invalid", "success_url"),
    (
        "POST /v1/checkout/sessions",
        {"mode": "payment", "line_items": [LINE]},
        400,
        "parameter_missing",
        "success_url",
    ),
    (
        "POST /v1/checkout/sessions",
        SESSION | {"line_items": [{"price": "{plan}", "quantity": 1}]},
        400,
        None,
        "line_items",
    ),
    ("POST /v1/checkout/sessions", SESSION | {"expires_at": 5}, 400, None, "expires_at"),
    ("GET /v1/nothing", {}, 404, None, None),
]


@pytest.fixture
def known(shop: Shop) -> dict[str, str]:
    """What the shop has, by the names that the table gives it."""
    plan = shop.price(900)
    return {
        "customer": shop.customer(),
        "once": shop.price(500, recurring=None),
        "paid": shop.charge(amount=1000).id,
        "plan": plan,
        "product": str(shop.v1.prices.retrieve(plan).product),
    }


def test_each_is_refused_as_documented(shop: Shop, known: dict[str, str]) -> None:
    wrong = []
    for route, form, status, code, param in TABLE:
        verb, path = route.split()
        sent = urlencode([(name, _filled(value, known)) for name, value in flat(form)])
        headers = {"authorization": "Bearer sk_test_shop"}
        query, body = (sent, b"") if verb == "GET" else ("", sent.encode())
        reply = shop.emulator.api.answer(Call(verb, _filled(path, known), query, headers, body))
        error = json.loads(reply.body).get("error", {})
        is_right = reply.status == status and code in (None, error.get("code"))
        if not is_right or param not in (None, error.get("param")):
            wrong.append((route, form, reply.status, error))

    assert wrong == []


def _filled(text: str, known: dict[str, str]) -> str:
    return text.format_map(known) if text.startswith(("{", "/")) else text
