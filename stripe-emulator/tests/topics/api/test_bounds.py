"""What a number, a text or a pair of parameters may not be, as Stripe's documents say it in words."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from stripe_emulator import Emulator
from stripe_emulator.api.request import Call, Reply
from stripe_emulator.core.wire import flat

from ..shop import Shop


def post(emulator: Emulator, path: str, form: Any) -> Reply:
    body = urlencode(list(flat(form))).encode()
    return emulator.api.answer(Call("POST", f"/v1/{path}", "", {"authorization": "Bearer sk_test_x"}, body))


def refused(path: str, param: str, **form: Any) -> Any:
    return pytest.param(path, param, form, id=f"{path}-{param}")


@pytest.mark.parametrize(
    ("path", "param", "form"),
    [
        refused("coupons", "max_redemptions", percent_off=10, max_redemptions=0),
        refused("customers", "invoice_prefix", invoice_prefix="ab"),
        refused("customers", "next_invoice_sequence", next_invoice_sequence=0),
        refused(
            "customers",
            "invoice_settings[custom_fields]",
            invoice_settings={"custom_fields": [{"name": "a", "value": "b"}] * 5},
        ),
        refused("products", "images", name="x", images=["https://x.example"] * 9),
        refused("products", "statement_descriptor", name="x", statement_descriptor="a<b"),
        refused(
            "payment_intents",
            "automatic_payment_methods",
            amount=500,
            currency="usd",
            payment_method_types=["card"],
            automatic_payment_methods={"enabled": True},
        ),
        refused(
            "payment_intents",
            "return_url",
            amount=500,
            currency="usd",
            payment_method="pm_card_visa",
            confirm=True,
            return_url="nowhere",
        ),
        refused(
            "setup_intents", "return_url", payment_method="pm_card_visa", confirm=True, return_url="nowhere"
        ),
        refused(
            "prices",
            "transform_quantity[divide_by]",
            currency="usd",
            unit_amount=5,
            product_data={"name": "x"},
            transform_quantity={"divide_by": 0, "round": "up"},
        ),
        refused(
            "prices",
            "custom_unit_amount",
            currency="usd",
            product_data={"name": "x"},
            recurring={"interval": "month"},
            custom_unit_amount={"enabled": True},
        ),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_its_name(
    stripe_emulator: Emulator, path: str, param: str, form: Any
) -> None:
    reply = post(stripe_emulator, path, form)

    assert (reply.status, f'"param":"{param}"' in reply.body) == (400, True), reply.body


def test_bounds_of_what_belongs_to_something(shop: Shop) -> None:
    customer, price, once = shop.customer(), shop.price(), shop.price(recurring=None)
    v1 = shop.v1
    v1.coupons.create({"id": "A", "percent_off": 10})
    now = shop.emulator.now()
    paid: Any = {
        "amount": 500,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": True,
        "return_url": "app://back",
    }
    intent = v1.payment_intents.create(paid)
    plan = {"customer": customer, "items": [{"price": price}]}
    code = {"promotion": {"type": "coupon", "coupon": "A"}}
    bill = {"customer": customer}
    sent = {**bill, "collection_method": "send_invoice"}
    item = {**bill, "amount": 5, "currency": "usd"}
    anchor = "billing_cycle_anchor_config"
    wrong: list[tuple[str, str, Any]] = [
        *(
            ("subscriptions", f"{anchor}[{name}]", plan | {anchor: {"day_of_month": 5, name: value}})
            for name, value in [
                ("day_of_month", 32),
                ("day_of_month", 0),
                ("month", 13),
                ("hour", 24),
                ("minute", 60),
                ("second", -1),
            ]
        ),
        ("subscriptions", anchor, plan | {anchor: {"day_of_month": 5}, "billing_cycle_anchor": now + 9}),
        ("subscriptions", "cancel_at", plan | {"cancel_at": now - 9}),
        ("promotion_codes", "max_redemptions", code | {"max_redemptions": 0}),
        ("promotion_codes", "expires_at", code | {"expires_at": now - 9}),
        ("promotion_codes", "code", code | {"code": "a b"}),
        (
            "promotion_codes",
            "restrictions[minimum_amount_currency]",
            code | {"restrictions": {"minimum_amount": 500}},
        ),
        (
            "prices",
            "product_data",
            {
                "currency": "usd",
                "unit_amount": 5,
                "product": v1.prices.retrieve(price).product,
                "product_data": {"name": "x"},
            },
        ),
        ("invoices", "days_until_due", sent | {"days_until_due": -1}),
        ("invoices", "custom_fields", bill | {"custom_fields": [{"name": "a", "value": "b"}] * 5}),
        ("invoices", "default_payment_method", bill | {"default_payment_method": "pm_none"}),
        ("invoices", "statement_descriptor", bill | {"statement_descriptor": "<bad>"}),
        ("invoiceitems", "period[end]", item | {"period": {"start": now, "end": now - 9}}),
        ("invoiceitems", "pricing[price]", bill | {"pricing": {"price": price}}),
        ("refunds", "payment_intent", {"payment_intent": intent.id, "charge": intent.latest_charge}),
    ]

    replies = [(param, post(shop.emulator, path, form)) for path, param, form in wrong]

    assert intent.status == "succeeded"  # an app is led back by a scheme of its own
    assert [
        (reply.status, reply.body)
        for param, reply in replies
        if reply.status != 400 or f'"param":"{param}"' not in reply.body
    ] == []
    assert post(shop.emulator, "invoiceitems", bill | {"pricing": {"price": once}}).status == 200
    assert (
        post(shop.emulator, "subscriptions", plan | {anchor: {"day_of_month": 31, "hour": 23}}).status == 200
    )
