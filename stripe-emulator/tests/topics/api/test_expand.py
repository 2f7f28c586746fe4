"""``expand[]``: what opens, and what Stripe refuses to open, by its specification."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import stripe

from stripe_emulator import contract
from stripe_emulator.core.database import store

from ..shop import Shop

SPECIFICATION = Path(__file__).parents[2] / "specification" / "openapi.json.gz"
SCHEMAS = json.loads(gzip.decompress(SPECIFICATION.read_bytes()))["components"]["schemas"]
#: What recorded traffic opens, and the specification leaves out.
RECORDED = {"customer": {"invoice_credit_balance"}}
REFUSED = "This property cannot be expanded"


def sold(shop: Shop) -> None:
    """One of most things."""
    customer = shop.customer()
    shop.subscribe(customer, shop.price())
    session = shop.checkout(allow_promotion_codes=True)
    shop.emulator.pay(session)
    payment = shop.charge(customer=customer, payment_method=shop.give_card(customer))
    shop.v1.refunds.create({"payment_intent": payment.id, "amount": 100})
    shop.charge("pm_card_createDispute")
    coupon = shop.v1.coupons.create({"percent_off": 25})
    shop.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}})
    shop.v1.setup_intents.create({"customer": customer})


def kinds() -> dict[str, str]:
    """Where one object of each kind can be had."""
    return {
        "balance_transaction": "/v1/balance_transactions",
        "charge": "/v1/charges",
        "checkout.session": "/v1/checkout/sessions",
        "coupon": "/v1/coupons",
        "customer": "/v1/customers",
        "dispute": "/v1/disputes",
        "event": "/v1/events",
        "invoice": "/v1/invoices",
        "payment_intent": "/v1/payment_intents",
        "price": "/v1/prices",
        "product": "/v1/products",
        "promotion_code": "/v1/promotion_codes",
        "refund": "/v1/refunds",
        "setup_intent": "/v1/setup_intents",
        "subscription": "/v1/subscriptions",
    }


def get(shop: Shop, path: str, field: str) -> tuple[int, Any]:
    reply = shop.emulator.browser().get(
        path, query_string={"expand[]": field}, headers={"Authorization": "Bearer sk_test_x"}
    )
    return reply.status_code, json.loads(reply.text)


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_the_fields_of_an_object_expand_that_the_specification_says(shop: Shop, kind: str) -> None:
    sold(shop)
    with shop.emulator.store.transaction(write=False):
        name = store.select(kind, {}, limit=1)[0]["id"]
    schema = SCHEMAS[kind]

    answers = {field: get(shop, f"{kinds()[kind]}/{name}", field) for field in schema["properties"]}

    opened = {field for field, (status, _) in answers.items() if status == 200}
    assert opened == set(schema["x-expandableFields"]) | RECORDED.get(kind, set())
    refusals = {
        (status, answer["error"]["message"], answer["error"]["param"])
        for status, answer in answers.values()
        if status != 200
    }
    assert refusals == {(400, f"{REFUSED} ({field}).", "expand") for field in answers.keys() - opened}
    ids = [
        field
        for field in opened
        if isinstance(answers[field][1].get(field), str) and answers[field][1][field]
    ]
    assert ids == [], "an id was left as it is"


def test_a_hash_of_an_object_opens_only_what_the_specification_says(shop: Shop) -> None:
    sold(shop)
    [session] = shop.v1.checkout.sessions.list().data
    path = f"/v1/checkout/sessions/{session.id}"

    assert get(shop, path, "total_details.breakdown")[0] == 200
    for field in (
        "total_details.amount_tax",
        "total_details.no_such",
        "metadata.color",
        "customer_details.email",
    ):
        assert get(shop, path, field)[1]["error"]["message"] == f"{REFUSED} ({field})."
    [event] = shop.v1.events.list({"limit": 1}).data
    assert get(shop, f"/v1/events/{event.id}", "data.object")[0] == 400


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/customers/search"])
def test_of_a_list_only_its_rows_open(shop: Shop, path: str) -> None:
    for field in ("has_more", "url", "data.email", "email"):
        shop.v1.customers.create({"email": "jo@example.com"})
        reply = shop.emulator.browser().get(
            path,
            query_string={"expand[]": field, "query": "created>0"}
            if "search" in path
            else {"expand[]": field},
            headers={"Authorization": "Bearer sk_test_x"},
        )
        assert (reply.status_code, json.loads(reply.text)["error"]["param"]) == (400, "expand")


def test_the_breakdown_of_a_sessions_total_names_its_discount_and_its_taxes(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 25, "duration": "once"})
    vat = shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    line: Any = {
        "quantity": 2,
        "price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Credits"}},
        "tax_rates": [vat.id],
    }
    path = ["total_details.breakdown"]
    session = shop.checkout(line_items=[line], discounts=[{"coupon": coupon.id}], expand=path)

    [discount], [tax] = parts_of(session)
    assert (discount["amount"], discount["discount"]["source"]["coupon"]) == (250, coupon.id)
    assert (tax["amount"], tax["taxable_amount"], tax["rate"]["id"]) == (150, 750, vat.id)

    shop.emulator.pay(session)
    [paid], _ = parts_of(shop.v1.checkout.sessions.retrieve(session.id, {"expand": path}))
    assert (paid["amount"], paid["discount"]["checkout_session"]) == (250, session.id)
    assert "breakdown" not in shop.v1.checkout.sessions.retrieve(session.id).to_dict()["total_details"]


def parts_of(session: stripe.checkout.Session) -> tuple[list[Any], list[Any]]:
    breakdown = session.to_dict()["total_details"]["breakdown"]
    return breakdown["discounts"], breakdown["taxes"]


def test_the_breakdown_of_a_quote_has_each_discount(shop: Shop) -> None:
    quarter, tenth = (shop.v1.coupons.create({"percent_off": share}) for share in (25, 10))
    quote = shop.v1.quotes.create(
        {
            "customer": shop.customer(),
            "line_items": [{"price": shop.price(1000), "quantity": 1}],
            "discounts": [{"coupon": quarter.id}, {"coupon": tenth.id}],
            "expand": ["total_details.breakdown"],
        }
    )

    parts = quote.to_dict()["total_details"]["breakdown"]["discounts"]

    assert [part["amount"] for part in parts] == [250, 75]
    assert contract.is_field("quote", "total_details")
