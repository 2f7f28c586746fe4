"""What a customer may add on the page, and taxes on what it costs to ship."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe

from ..shop import Shop, envelope


def test_a_customer_adds_what_is_offered_and_takes_it_out_again(shop: Shop) -> None:
    sticker = shop.price(700, "Sticker", recurring=None)
    some: Any = {"enabled": True, "minimum": 1, "maximum": 3}
    offer: Any = [{"price": sticker, "quantity": 1, "adjustable_quantity": some}]
    session = shop.checkout(optional_items=offer)
    assert [item.to_dict() for item in session.optional_items or []] == offer
    visitor = shop.emulator.browser()
    address = f"/pay/{session.id}/optional"
    assert 'aria-label="Add Sticker"' in visitor.get(f"/pay/{session.id}").text

    assert visitor.post(address, data={"price": sticker}).status_code == 303
    assert visitor.post(address, data={"price": sticker}).status_code == 422
    page = visitor.get(f"/pay/{session.id}").text
    added = shop.v1.checkout.sessions.retrieve(session.id).amount_total
    visitor.post(address, data={"price": sticker, "remove": "1"})
    removed = shop.v1.checkout.sessions.retrieve(session.id).amount_total
    assert visitor.post(address, data={"price": sticker, "remove": "1"}).status_code == 422
    shop.emulator.pay(session, optional_items=[sticker])

    assert 'aria-label="Remove Sticker"' in page
    assert "Add Sticker" not in page
    assert (added, removed) == (1700, 1000)
    paid = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
    assert paid.line_items is not None
    assert [line.description for line in paid.line_items.data] == ["Ten credits", "Sticker"]
    assert shop.v1.payment_intents.retrieve(str(paid.payment_intent)).amount == 1700


def test_a_payment_link_hands_its_optional_items_on(shop: Shop) -> None:
    pen, sticker = shop.price(500, "Pen", recurring=None), shop.price(700, "Sticker", recurring=None)
    link = shop.v1.payment_links.create(
        {
            "line_items": [{"price": pen, "quantity": 1}],
            "optional_items": [{"price": sticker, "quantity": 2}],
        }
    )

    visitor = shop.emulator.browser()
    page = visitor.get(urlsplit(visitor.get(urlsplit(link.url).path).location).path).text

    assert "Sticker <small>$14.00</small>" in page


@pytest.mark.parametrize(
    ("why", "offers", "more"),
    [
        ("a plan beside what is paid once", [{"price": "plan", "quantity": 1}], {}),
        ("another currency", [{"price": "euros", "quantity": 1}], {}),
        ("eleven of them", [{"price": "pen", "quantity": 1}] * 11, {}),
        ("a page of the shop's own", [{"price": "pen", "quantity": 1}], {"ui_mode": "elements"}),
        ("no quantity", [{"price": "pen"}], {}),
        ("no such price", [{"price": "price_1", "quantity": 1}], {}),
    ],
)
def test_what_can_not_be_offered_is_refused(shop: Shop, why: str, offers: Any, more: Any) -> None:
    prices = {
        "pen": shop.price(500, recurring=None),
        "plan": shop.price(500),
        "euros": shop.price(500, currency="eur", recurring=None),
    }
    wanted = [{**offer, "price": prices.get(offer["price"], offer["price"])} for offer in offers]

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.checkout(optional_items=wanted, **more)

    assert str(envelope(refused.value)["param"]).startswith("optional_items"), why


def test_what_it_costs_to_ship_is_taxed_where_taxes_are_automatic(shop: Shop) -> None:
    shop.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False, "country": "US"})

    def post(amount: int, **more: Any) -> Any:
        fixed = {"amount": amount, "currency": "usd"}
        data = {"display_name": "Post", "type": "fixed_amount", "fixed_amount": fixed, **more}
        return {"shipping_rate_data": data}

    ways = [
        post(500, tax_behavior="exclusive"),
        post(600, tax_behavior="inclusive"),
        post(500, tax_code="txcd_00000000"),
    ]
    sums = []
    for way in ways:
        session = shop.checkout(
            automatic_tax={"enabled": True},
            shipping_options=[way],
            expand=["shipping_cost.taxes", "total_details.breakdown.taxes"],
        )
        assert session.shipping_cost is not None
        assert session.total_details is not None
        assert session.total_details.breakdown is not None
        cost = session.shipping_cost
        taxes = [tax.amount for tax in session.total_details.breakdown.taxes]
        assert [tax.amount for tax in cost.taxes or []] == ([cost.amount_tax] if cost.amount_tax else [])
        assert taxes == [session.total_details.amount_tax]
        sums.append((cost.amount_subtotal, cost.amount_tax, cost.amount_total, session.amount_total))
    untaxed = shop.checkout(shipping_options=ways[:1])

    assert sums == [(500, 100, 600, 1800), (600, 100, 600, 1800), (500, 0, 500, 1700)]
    assert untaxed.amount_total == 1500


def test_a_page_of_ones_own_ships(shop: Shop) -> None:
    """What ``updateShippingOption`` and ``updateShippingAddress`` of stripe.js call."""
    express = shop.v1.shipping_rates.create(
        {
            "display_name": "Express",
            "type": "fixed_amount",
            "fixed_amount": {"amount": 900, "currency": "usd"},
        }
    )
    data: Any = {
        "display_name": "Post",
        "type": "fixed_amount",
        "fixed_amount": {"amount": 300, "currency": "usd"},
    }
    session = shop.checkout(
        ui_mode="elements",
        shipping_address_collection={"allowed_countries": ["DE"]},
        shipping_options=[{"shipping_rate_data": data}, {"shipping_rate": express.id}],
    )
    visitor = shop.emulator.browser()
    keys = {"key": "pk_test_shop", "client_secret": session.client_secret}

    def ask(more: str = "", **fields: str) -> Any:
        return visitor.post(f"/js/sessions/{session.id}{more}", data={**keys, **fields}).json

    def sent_to(address: object) -> Any:
        return ask(shipping_address=json.dumps(address))

    taken = ask(shipping_option=express.id)["session"]
    bonn = {"line1": "Hauptstr. 1", "city": "Bonn", "country": "DE"}
    refused = [
        sent_to({"address": {**bonn, "country": "US"}}),
        sent_to("Bonn"),
        ask(shipping_address="{"),
        sent_to({"address": 5}),
    ]
    there = sent_to({"name": "Jo", "address": bonn})["session"]
    method = shop.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id
    ask("/confirm", email="jo@example.com", payment_method=method)

    assert [way["displayName"] for way in taken["shippingOptions"]] == ["Post", "Express"]
    assert taken["shipping"]["shippingOption"]["minorUnitsAmount"] == 900
    assert taken["total"]["total"]["minorUnitsAmount"] == 1900
    assert taken["total"]["shippingRate"]["minorUnitsAmount"] == 900
    assert [bool(answer.get("error")) for answer in refused] == [True] * 4
    assert there["shippingAddress"]["address"]["city"] == "Bonn"
    paid = shop.v1.checkout.sessions.retrieve(session.id)
    assert (paid.status, paid.amount_total) == ("complete", 1900)
    assert paid.collected_information is not None
    assert paid.collected_information.shipping_details is not None
    assert paid.collected_information.shipping_details.name == "Jo"


@pytest.mark.parametrize("param", ["custom_text", "custom_fields", "submit_type", "branding_settings"])
def test_what_is_of_the_hosted_page_is_refused_for_elements(shop: Shop, param: str) -> None:
    field: Any = {"key": "a", "label": {"type": "custom", "custom": "A"}, "type": "text"}
    values: Any = {
        "custom_text": {"submit": {"message": "Go"}},
        "custom_fields": [field],
        "submit_type": "donate",
        "branding_settings": {"display_name": "Shop"},
    }

    with pytest.raises(stripe.InvalidRequestError, match=param) as refused:
        shop.checkout(ui_mode="elements", **{param: values[param]})

    assert envelope(refused.value)["param"] == param
