"""What objects looked like before each version that changed them."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_emulator import Emulator

from ..shop import Shop
from .old import ACACIA, BASIL, BEFORE, CLOVER, DAHLIA, Old

#: Version that removed them -> kind -> its fields until then, as Stripe's SDKs 8 to 15 annotate them.
REMOVED: dict[str, dict[str, set[str]]] = {
    "2024-04-10": {"invoice": {"rendering_options"}, "product": {"features"}},
    "2025-03-31.basil": {
        "charge": {"invoice"},
        "checkout.session": {"shipping_details"},
        "credit_note": {"refund", "tax_amounts"},
        "credit_note_line_item": {"amount_excluding_tax", "tax_amounts", "unit_amount_excluding_tax"},
        "invoice": {
            "application_fee_amount",
            "charge",
            "discount",
            "paid",
            "paid_out_of_band",
            "payment_intent",
            "quote",
            "subscription",
            "subscription_details",
            "tax",
            "total_tax_amounts",
            "transfer_data",
        },
        "invoiceitem": {"plan", "price", "subscription", "unit_amount", "unit_amount_decimal"},
        "line_item": {
            "amount_excluding_tax",
            "plan",
            "price",
            "proration",
            "proration_details",
            "tax_amounts",
            "tax_rates",
            "type",
            "unit_amount_excluding_tax",
        },
        "payment_intent": {"invoice"},
        "plan": {"aggregate_usage"},
        "subscription": {"current_period_end", "current_period_start", "discount"},
    },
    "2025-09-30.clover": {"discount": {"coupon"}, "promotion_code": {"coupon"}},
}
#: Version that brought them in their place -> kind -> its fields since then.
BROUGHT: dict[str, dict[str, set[str]]] = {
    "2024-04-10": {"product": {"marketing_features"}},
    "2025-03-31.basil": {
        "credit_note": {"refunds", "total_taxes"},
        "credit_note_line_item": {"taxes"},
        "invoice": {"parent", "total_taxes"},
        "invoiceitem": {"parent", "pricing"},
        "line_item": {"parent", "pricing", "taxes"},
        "subscription_item": {"current_period_end", "current_period_start"},
    },
    "2025-09-30.clover": {"discount": {"source"}, "promotion_code": {"promotion"}},
}
#: Lists that show every kind above, and what is opened in them.
LISTS: dict[str, list[str]] = {
    "charges": [],
    "checkout/sessions": [],
    "credit_notes": [],
    "invoices": ["data.discounts"],
    "invoiceitems": [],
    "payment_intents": ["data.latest_charge"],
    "prices": [],
    "products": [],
    "promotion_codes": [],
    "subscriptions": ["data.discounts"],
}


@pytest.fixture
def sold(stripe_emulator: Emulator) -> Emulator:
    """An account that has one of each."""
    shop = Shop(stripe_emulator, hears=False)
    price, customer = shop.price(), shop.customer()
    shop.v1.coupons.create({"id": "SALE", "percent_off": 10, "duration": "forever"})
    code = shop.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": "SALE"}, "code": "A"})
    rate = shop.v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 20})
    shop.v1.invoice_items.create({"customer": customer, "amount": 700, "currency": "usd"})
    shop.subscribe(customer, price, discounts=[{"promotion_code": code.id}], default_tax_rates=[rate.id])
    invoice = shop.latest(customer)
    line: Any = {"type": "invoice_line_item", "invoice_line_item": invoice.lines.data[0].id}
    shop.v1.credit_notes.create({"invoice": invoice.id, "lines": [line], "refund_amount": 756})
    stripe_emulator.pay(shop.checkout())
    return stripe_emulator


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Every object in an answer, whatever lies within whatever."""
    if isinstance(value, list):
        return [each for item in value for each in objects_in(item)]
    if not isinstance(value, dict):
        return []
    inner = [each for item in value.values() for each in objects_in(item)]
    return [value, *inner] if isinstance(value.get("object"), str) else inner


@pytest.mark.parametrize("version", BEFORE)
def test_each_object_has_the_fields_of_its_version(sold: Emulator, version: str) -> None:
    old = Old(sold, version)
    answers = [old.get(f"/v1/{path}", limit=100, expand=opened) for path, opened in LISTS.items()]
    shown = objects_in(answers)
    seen = {str(value["object"]) for value in shown}

    for changed in (later for later in REMOVED if later > version):
        for kind in REMOVED[changed].keys() | BROUGHT[changed].keys():
            assert kind in seen, f"no {kind} was looked at"
            for value in (value for value in shown if value["object"] == kind):
                assert REMOVED[changed].get(kind, set()) <= value.keys(), kind
                assert not BROUGHT[changed].get(kind, set()) & value.keys(), kind


def test_an_invoice_and_its_payment_named_each_other(stripe_emulator: Emulator) -> None:
    old = Old(stripe_emulator, ACACIA)
    subscription = old.subscription(expand=["latest_invoice.payment_intent.latest_charge"])
    invoice = subscription["latest_invoice"]
    intent = invoice["payment_intent"]

    assert (invoice["paid"], invoice["subscription"]) == (True, subscription["id"])
    assert intent["invoice"] == intent["latest_charge"]["invoice"] == invoice["id"]
    assert invoice["charge"] == intent["latest_charge"]["id"]
    charge = old.get(f"/v1/charges/{invoice['charge']}", expand=["invoice.subscription.latest_invoice"])
    assert charge["invoice"]["subscription"]["latest_invoice"]["id"] == invoice["id"]


def test_a_subscription_had_the_period(stripe_emulator: Emulator) -> None:
    subscription = Old(stripe_emulator, ACACIA).subscription()
    today = Old(stripe_emulator, None).get(f"/v1/subscriptions/{subscription['id']}")
    item = today["items"]["data"][0]

    assert subscription["current_period_start"] == item["current_period_start"]
    assert subscription["current_period_end"] == item["current_period_end"]
    assert "current_period_end" not in today


def test_a_line_had_its_price_and_tax_its_rate(sold: Emulator) -> None:
    old = Old(sold, ACACIA)
    invoice = next(invoice for invoice in old.get("/v1/invoices")["data"] if invoice["tax"])
    line = next(line for line in invoice["lines"]["data"] if line["type"] == "subscription")

    assert (line["price"]["unit_amount"], line["plan"]["interval"], line["proration"]) == (
        1000,
        "month",
        False,
    )
    assert line["amount_excluding_tax"] == 1000
    assert [rate["percentage"] for rate in line["tax_rates"]] == [20.0]
    assert invoice["tax"] == sum(tax["amount"] for tax in invoice["total_tax_amounts"]) == 306
    assert invoice["total_tax_amounts"][0]["inclusive"] is False


def test_a_discount_had_its_coupon(sold: Emulator) -> None:
    before = Old(sold, BASIL).get("/v1/subscriptions", expand=["data.discounts"])["data"][0]["discounts"][0]
    since = Old(sold, CLOVER).get("/v1/subscriptions", expand=["data.discounts.source.coupon"])["data"][0]

    assert before["coupon"]["percent_off"] == since["discounts"][0]["source"]["coupon"]["percent_off"] == 10


def test_what_a_version_does_not_have_can_not_be_expanded(stripe_emulator: Emulator) -> None:
    subscription = Old(stripe_emulator, ACACIA).subscription()
    path, opened = f"/v1/subscriptions/{subscription['id']}", ["latest_invoice.payment_intent"]

    assert Old(stripe_emulator, ACACIA).get(path, expand=opened)["latest_invoice"]["payment_intent"]["id"]
    assert "cannot be expanded" in Old(stripe_emulator, BASIL).refused("GET", path, expand=opened)["message"]


def test_an_error_carries_its_object_as_the_version_has_it(stripe_emulator: Emulator) -> None:
    old = Old(stripe_emulator, ACACIA)
    form = {"amount": 500, "currency": "usd", "payment_method": "pm_card_chargeDeclined", "confirm": True}

    declined = old.refused("POST", "/v1/payment_intents", **form, return_url="https://shop.example")
    paid = old.post("/v1/payment_intents", amount=500, currency="usd")
    old.post(f"/v1/payment_intents/{paid['id']}/cancel")
    late = old.refused("POST", f"/v1/payment_intents/{paid['id']}/cancel")

    assert declined["payment_intent"]["invoice"] is None
    assert late["payment_intent"]["invoice"] is None


def test_what_was_shown_is_kept_as_it_is(sold: Emulator) -> None:
    """A translation changes a copy: today's caller sees nothing of it."""
    today = Old(sold, None)
    before = {path: today.get(f"/v1/{path}") for path in LISTS}

    for version in BEFORE:
        for path in before:
            Old(sold, version).get(f"/v1/{path}")

    assert {path: today.get(f"/v1/{path}") for path in before} == before


def test_metadata_is_nobodys_object(stripe_emulator: Emulator) -> None:
    old = Old(stripe_emulator, "2022-11-15")

    customer = old.post("/v1/customers", metadata={"object": "invoice", "parent": "me"})

    assert customer["metadata"] == {"object": "invoice", "parent": "me"}


def test_the_mode_of_a_page_is_told_as_it_was_called(sold: Emulator) -> None:
    def mode(version: str) -> str:
        return str(Old(sold, version).get("/v1/checkout/sessions")["data"][0]["ui_mode"])

    assert (mode(CLOVER), mode(DAHLIA)) == ("hosted", "hosted_page")
