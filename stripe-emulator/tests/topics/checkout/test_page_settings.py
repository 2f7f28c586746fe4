"""What a shop may have Checkout ask for besides a card: taxes and consent. The rest is refused by name."""

from __future__ import annotations

import re
from typing import Any

import pytest
import stripe

from ..shop import Shop, envelope


def vat(shop: Shop, country: str = "US", **more: Any) -> str:
    form: Any = {"display_name": "VAT", "percentage": 20, "inclusive": False, "country": country, **more}
    return shop.v1.tax_rates.create(form).id


def line(shop: Shop, **more: Any) -> dict[str, Any]:
    price = shop.v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Ten credits"}}
    )
    return {"price": price.id, "quantity": 2, **more}


@pytest.mark.parametrize(("quantity", "lists"), [(1, False), (2, True)])
def test_what_is_bought_alone_stands_at_the_top_and_in_no_list(
    shop: Shop, quantity: int, lists: bool
) -> None:
    session = shop.checkout(line_items=[line(shop, quantity=quantity)])

    page = shop.emulator.app.test_client().get(f"/pay/{session.id}").text

    assert ("Total due today" in page) is lists
    assert ("<h1>Ten credits</h1>" in page) is not lists
    assert page.count("Ten credits") == 1


def test_a_rate_on_a_line_is_added_to_what_the_customer_pays(shop: Shop) -> None:
    session = shop.checkout(line_items=[line(shop, tax_rates=[vat(shop)])])
    paid = shop.emulator.pay(session)

    assert (session.amount_subtotal, paid["amount_total"]) == (1000, 1200)
    assert paid["total_details"]["amount_tax"] == 200
    assert shop.v1.payment_intents.retrieve(paid["payment_intent"]).amount == 1200


def test_a_price_that_contains_its_tax_costs_no_more(shop: Shop) -> None:
    session = shop.checkout(line_items=[line(shop, tax_rates=[vat(shop, inclusive=True)])])

    assert session.total_details is not None
    assert (session.amount_total, session.total_details.amount_tax) == (1000, 167)


def test_tax_is_on_what_a_coupon_leaves(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 50})
    session = shop.checkout(line_items=[line(shop, tax_rates=[vat(shop)])], discounts=[{"coupon": coupon.id}])

    assert session.amount_total == 600


def test_automatic_tax_takes_the_rates_of_the_customers_country(shop: Shop) -> None:
    vat(shop, "US", percentage=10)
    vat(shop, "FR")
    customer = shop.v1.customers.create({"address": {"country": "FR"}})
    exempt = shop.v1.customers.create({"address": {"country": "FR"}, "tax_exempt": "exempt"})

    def total(**customer: Any) -> int | None:
        return shop.checkout(automatic_tax={"enabled": True}, **customer).amount_total

    totals = [total(), total(customer=customer.id), total(customer=exempt.id)]

    assert totals == [1100, 1200, 1000]


def test_a_new_quantity_is_taxed_as_the_old_one_was(shop: Shop) -> None:
    session = shop.checkout(line_items=[line(shop, tax_rates=[vat(shop)])])
    (sold,) = shop.v1.checkout.sessions.line_items.list(session.id).data

    updated = shop.v1.checkout.sessions.update(session.id, {"line_items": [{"id": sold.id, "quantity": 4}]})

    assert updated.amount_total == 2400


def test_a_subscriptions_first_invoice_costs_what_its_session_said(shop: Shop) -> None:
    vat(shop)
    price = shop.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 1000,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Plan"},
        }
    )
    session = shop.checkout(
        mode="subscription",
        line_items=[{"price": price.id, "quantity": 1}],
        automatic_tax={"enabled": True},
    )
    paid = shop.emulator.pay(session)

    assert paid["amount_total"] == 1200
    assert shop.v1.invoices.retrieve(paid["invoice"]).amount_paid == 1200


def test_nobody_pays_who_does_not_accept_the_terms(shop: Shop) -> None:
    session = shop.checkout(consent_collection={"terms_of_service": "required"})
    browser = shop.emulator.browser()
    card = {"email": "jo@example.com", "card_number": "4242424242424242", "card_expiry": "12/34"}
    form = {**card, "card_cvc": "123", "name": "Jo"}

    refused = browser.post(f"/pay/{session.id}", data=form)
    accepted = browser.post(f"/pay/{session.id}", data={**form, "terms_of_service": "1"})
    paid = shop.v1.checkout.sessions.retrieve(session.id)

    assert (refused.status_code, accepted.status_code) == (422, 303)
    assert "Accept the terms of service" in refused.text
    assert paid.consent is not None
    assert paid.consent.terms_of_service == "accepted"


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("after_expiration", {"recovery": {"enabled": True}}),
        ("managed_payments", {"enabled": True}),
    ],
)
def test_what_would_be_ignored_is_refused_by_name(shop: Shop, param: str, value: Any) -> None:
    with pytest.raises(stripe.APIError) as refused:
        shop.checkout(**{param: value})

    assert refused.value.http_status == 501
    assert envelope(refused.value)["param"] == param


CARD = {
    "email": "jo@example.com",
    "card_number": "4242424242424242",
    "card_expiry": "12/34",
    "card_cvc": "123",
    "name": "Jo",
}
ADDRESS = {"line1": "1 Test Street", "postal_code": "12345", "city": "Testville", "country": "de"}


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"phone": "", **ADDRESS}, "Enter a phone number"),
        ({"phone": "call me", **ADDRESS}, "Enter a phone number"),
        ({"phone": "+49 30 1234567"}, "street is missing"),
        ({"phone": "+49 30 1234567", **ADDRESS, "country": "Germany"}, "two letters"),
    ],
)
def test_what_the_shop_wants_to_know_is_required(shop: Shop, typed: dict[str, str], says: str) -> None:
    session = shop.checkout(phone_number_collection={"enabled": True}, billing_address_collection="required")

    refused = shop.emulator.browser().post(f"/pay/{session.id}", data=CARD | typed)

    assert refused.status_code == 422
    assert says in refused.text
    assert shop.listen() == []


@pytest.mark.parametrize(
    ("languages", "country"), [("en-GB,en;q=0.9", "GB"), ("de,de-AT;q=0.8", "AT"), ("fr", "")]
)
def test_the_country_that_the_browsers_languages_name_is_chosen(
    shop: Shop, languages: str, country: str
) -> None:
    session = shop.checkout(billing_address_collection="required")

    page = shop.emulator.browser().get(f"/pay/{session.id}", headers={"Accept-Language": languages}).text

    assert re.findall(r'<option value="(\w*)" selected>', page) == [country]


def test_phone_and_address_go_to_the_session_the_card_and_the_new_customer(shop: Shop) -> None:
    session = shop.checkout(
        phone_number_collection={"enabled": True},
        billing_address_collection="required",
        customer_creation="always",
    )

    shop.emulator.browser().post(f"/pay/{session.id}", data=CARD | ADDRESS | {"phone": "+49 (30) 1234567"})

    paid = shop.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["customer", "payment_intent.payment_method"]}
    ).to_dict()
    places = [
        paid["customer_details"],
        paid["customer"],
        paid["payment_intent"]["payment_method"]["billing_details"],
    ]
    assert [(details["phone"], details["address"]["country"]) for details in places] == [
        ("+49301234567", "DE")
    ] * 3


def test_a_customer_chooses_how_many_within_what_the_shop_allows(shop: Shop) -> None:
    adjustable = {"enabled": True, "minimum": 1, "maximum": 9}
    session = shop.checkout(line_items=[line(shop, adjustable_quantity=adjustable)])
    (sold,) = shop.v1.checkout.sessions.line_items.list(session.id).data
    browser = shop.emulator.browser()

    too_many = browser.post(f"/pay/{session.id}/quantity", data={"line": sold.id, "quantity": "10"})
    changed = browser.post(f"/pay/{session.id}/quantity", data={"line": sold.id, "quantity": "4"})

    assert (too_many.status_code, changed.status_code) == (422, 303)
    assert "between 1 and 9" in too_many.text
    assert "$20.00" in browser.get(f"/pay/{session.id}").text
    assert shop.emulator.pay(session)["amount_total"] == 2000


def test_the_shops_own_words_stand_on_the_page(shop: Shop) -> None:
    session = shop.checkout(
        submit_type="donate",
        consent_collection={"terms_of_service": "required"},
        custom_text={
            "submit": {"message": "You will get a mail."},
            "terms_of_service_acceptance": {"message": "I have read the rules of the fair."},
        },
    )

    page = shop.emulator.browser().get(f"/pay/{session.id}").text

    for words in ("Donate $10.00", "You will get a mail.", "I have read the rules of the fair."):
        assert words in page


def test_a_card_is_asked_for_its_country_and_postal_code_and_nothing_more(shop: Shop) -> None:
    session = shop.checkout()
    visitor = shop.emulator.browser()

    page = visitor.get(f"/pay/{session.id}").text
    nowhere = visitor.post(f"/pay/{session.id}", data=CARD | {"country": ""})
    no_code = visitor.post(f"/pay/{session.id}", data=CARD | {"country": "US", "postal_code": ""})
    visitor.post(f"/pay/{session.id}", data=CARD | {"country": "US", "postal_code": "94107"})

    assert "Postal code" in page
    assert "Street" not in page
    assert re.findall(r'id="(\w+)-fault"', nowhere.text) == ["country"]
    assert re.findall(r'id="(\w+)-fault"', no_code.text) == ["postal_code"]
    paid = shop.v1.checkout.sessions.retrieve(session.id).to_dict()
    address = paid["customer_details"]["address"]
    assert (address["country"], address["postal_code"]) == ("US", "94107")


def test_a_business_may_give_its_street_with_its_tax_id(shop: Shop) -> None:
    session = shop.checkout(tax_id_collection={"enabled": True})
    place = {"country": "DE", "postal_code": "", "line1": "Hauptstr. 1", "city": "Berlin"}
    tax_id = {"tax_id_type": "eu_vat", "tax_id": "DE123456789", "business_name": "Ada GmbH"}

    shop.emulator.browser().post(f"/pay/{session.id}", data=CARD | place | tax_id)

    paid = shop.v1.checkout.sessions.retrieve(session.id).to_dict()
    assert paid["customer_details"]["address"]["line1"] == "Hauptstr. 1"
    assert paid["customer_details"]["business_name"] == "Ada GmbH"
