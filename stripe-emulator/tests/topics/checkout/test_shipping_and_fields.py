"""A page that sends goods somewhere, and asks what the shop wants to know besides."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from stripe_emulator.core.errors import InvalidRequest

from ..shop import Shop, envelope

COUNTRIES: Any = {"allowed_countries": ["DE", "FR"]}
SIZE: Any = {
    "key": "size",
    "label": {"type": "custom", "custom": "Size"},
    "type": "dropdown",
    "dropdown": {"options": [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]},
}
ENGRAVING: Any = {
    "key": "engraving",
    "label": {"type": "custom", "custom": "Engraving"},
    "type": "text",
    "optional": True,
    "text": {"maximum_length": 10},
}
MEMBER: Any = {
    "key": "member",
    "label": {"type": "custom", "custom": "Member number"},
    "type": "numeric",
    "numeric": {"minimum_length": 4},
}


def rate(name: str, amount: int, **more: Any) -> Any:
    return {
        "display_name": name,
        "type": "fixed_amount",
        "fixed_amount": {"amount": amount, "currency": "usd"},
        **more,
    }


def test_what_is_shipped_costs_more_and_goes_where_its_customer_lives(shop: Shop) -> None:
    express = shop.v1.shipping_rates.create(rate("Express", 900))
    options: Any = [{"shipping_rate_data": rate("Post", 300)}, {"shipping_rate": express.id}]
    session = shop.checkout(shipping_address_collection=COUNTRIES, shipping_options=options)
    assert (session.amount_subtotal, session.amount_total) == (1000, 1300)
    assert session.total_details is not None
    assert session.total_details.amount_shipping == 300
    visitor = shop.emulator.browser()
    page = visitor.get(f"/pay/{session.id}").text
    assert "Express, $9.00" in page
    assert ">DE</option>" in page

    assert visitor.post(f"/pay/{session.id}/shipping", data={"shipping_rate": "shr_1"}).status_code == 422
    assert visitor.post(f"/pay/{session.id}/shipping", data={"shipping_rate": express.id}).status_code == 303
    card = {"card_number": "4242424242424242", "card_expiry": "12/34", "card_cvc": "123", "name": "Jo"}
    where = {"shipping_line1": "Hauptstr. 1", "shipping_city": "Bonn", "shipping_country": "US"}
    refused = visitor.post(f"/pay/{session.id}", data={"email": "jo@example.com", **card, **where})
    assert "Nothing is shipped to US." in refused.text
    where["shipping_country"] = "DE"
    assert visitor.post(f"/pay/{session.id}", data={"email": "jo@example.com", **card, **where}).location

    paid = shop.v1.checkout.sessions.retrieve(session.id, {"expand": ["shipping_cost.shipping_rate"]})
    assert (paid.payment_status, paid.amount_total) == ("paid", 1900)
    assert paid.shipping_cost is not None
    assert paid.shipping_cost.amount_total == 900
    rate_shown: Any = paid.shipping_cost.shipping_rate
    assert rate_shown.display_name == "Express"
    assert paid.collected_information is not None
    assert paid.collected_information.shipping_details is not None
    assert paid.collected_information.shipping_details.address.city == "Bonn"
    intent = shop.v1.payment_intents.retrieve(str(paid.payment_intent))
    assert intent.amount == 1900
    assert intent.shipping is not None
    assert (intent.shipping.name, intent.shipping.address.country) == ("Jo", "DE")  # type: ignore[union-attr]


def test_a_shop_changes_the_ways_of_shipping_and_a_customer_keeps_the_address(shop: Shop) -> None:
    customer = shop.customer()
    session = shop.checkout(
        customer=customer, customer_update={"shipping": "auto"}, shipping_address_collection=COUNTRIES
    )
    dear: Any = {"shipping_options": [{"shipping_rate_data": rate("Courier", 5000)}]}
    assert shop.v1.checkout.sessions.update(session.id, dear).amount_total == 6000

    shop.emulator.pay(session)

    kept = shop.v1.customers.retrieve(customer).shipping
    assert kept is not None
    assert kept.address.country == "DE"  # type: ignore[union-attr]


def test_what_was_typed_into_the_shops_fields_is_on_the_session(shop: Shop) -> None:
    session = shop.checkout(custom_fields=[SIZE, ENGRAVING, MEMBER])
    visitor = shop.emulator.browser()
    assert "Engraving (optional)" in visitor.get(f"/pay/{session.id}").text
    card = {"card_number": "4242424242424242", "card_expiry": "12/34", "card_cvc": "123", "name": "Jo"}
    form = {"email": "jo@example.com", **card, "custom_fields[size]": "l", "custom_fields[member]": "12a4"}
    page = visitor.post(f"/pay/{session.id}", data=form)
    assert (page.status_code, "Member number: digits alone" in page.text) == (422, True)

    visitor.post(f"/pay/{session.id}", data={**form, "custom_fields[member]": "1234"})

    size, engraving, member = shop.v1.checkout.sessions.retrieve(session.id).custom_fields
    values = [size.dropdown and size.dropdown.value, engraving.text and engraving.text.value]
    assert [*values, member.numeric and member.numeric.value] == ["l", None, "1234"]
    other = shop.checkout(custom_fields=[SIZE, ENGRAVING])
    paid = shop.emulator.pay(other, custom_fields={"engraving": "for ever"})
    assert [field[field["type"]]["value"] for field in paid["custom_fields"]] == ["s", "for ever"]


@pytest.mark.parametrize(
    ("detail", "param"),
    [
        ({"tax_id": {"type": "eu_vat", "value": "DE123456789"}}, "tax_id"),
        ({"tax_id": {"type": "eu_vat"}}, "tax_id"),
        ({"business_name": "Ada GmbH"}, "business_name"),
        ({"shipping": {"line1": "Street", "city": "Berlin", "country": "DE"}}, "shipping"),
        ({"custom_fields": {"colour": "red"}}, "custom_fields[colour]"),
    ],
)
def test_a_test_types_nothing_for_which_the_page_has_no_field(
    shop: Shop, detail: dict[str, Any], param: str
) -> None:
    session = shop.checkout(custom_fields=[SIZE])

    with pytest.raises(InvalidRequest) as refusal:
        shop.emulator.pay(session, **detail)

    assert refusal.value.param == param
    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"custom_fields": [SIZE, SIZE]}, "custom_fields[1][key]"),
        ({"custom_fields": [SIZE, ENGRAVING, MEMBER, {**MEMBER, "key": "four"}]}, "custom_fields"),
        ({"custom_fields": [{**SIZE, "key": "a b"}]}, "custom_fields[0][key]"),
        ({"custom_fields": [{**SIZE, "dropdown": {"options": []}}]}, "custom_fields[0][dropdown][options]"),
        ({"custom_fields": [{**SIZE, "text": {"maximum_length": 5}}]}, "custom_fields[0][text]"),
        (
            {"custom_fields": [{**MEMBER, "numeric": {"minimum_length": 9, "maximum_length": 5}}]},
            "custom_fields[0][numeric][minimum_length]",
        ),
        ({"shipping_options": [{"shipping_rate": "shr_1"}]}, "shipping_options[0][shipping_rate]"),
        (
            {"shipping_options": [{"shipping_rate_data": rate("Post", -1)}]},
            "shipping_options[0][shipping_rate_data][fixed_amount][amount]",
        ),
    ],
)
def test_what_no_page_could_ask_is_refused_by_name(shop: Shop, form: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.checkout(**form)

    assert envelope(refused.value)["param"] == param


def test_a_payment_link_hands_its_fields_and_its_shipping_on(shop: Shop) -> None:
    link = shop.v1.payment_links.create(
        {
            "line_items": [{"price": shop.price(500, recurring=None), "quantity": 1}],
            "custom_fields": [SIZE],
            "shipping_address_collection": COUNTRIES,
            "shipping_options": [{"shipping_rate": shop.v1.shipping_rates.create(rate("Post", 300)).id}],
        }
    )
    assert link.shipping_options[0].shipping_amount == 300

    page = shop.emulator.browser().get(link.url.removeprefix(shop.emulator.store.base_url))

    session = shop.v1.checkout.sessions.retrieve(str(page.location).rsplit("/", 1)[-1])
    assert session.amount_total == 800
    assert session.custom_fields[0].key == "size"
    assert session.shipping_address_collection is not None
