"""Tokens of cards, and the older ways to save one: sources of a customer."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop
from ..versions.old import Old

CARD: Any = {"number": "4242424242424242", "exp_month": "8", "exp_year": "2034", "cvc": "123", "name": "Jo"}


def sources_of(shop: Shop, customer: str) -> list[Any]:
    """Ids of the customer's sources, newest first."""
    return [each.id for each in shop.v1.customers.payment_sources.list(customer).data]


def token(shop: Shop, **more: str) -> str:
    form: Any = {"card": {**CARD, **more}}
    return shop.v1.tokens.create(form).id


def test_a_token_of_a_card_pays_once(shop: Shop) -> None:
    form: Any = {"card": {**CARD, "address_zip": "12345"}}
    made = shop.v1.tokens.create(form)
    charge = shop.v1.charges.create({"amount": 500, "currency": "usd", "source": made.id})

    assert made.card is not None
    assert (made.type, made.used, made.card.brand, made.card.last4) == ("card", False, "Visa", "4242")
    assert (made.card.address_zip, made.card.name) == ("12345", "Jo")
    assert charge.paid
    assert shop.v1.tokens.retrieve(made.id).used
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.charges.create({"amount": 500, "currency": "usd", "source": made.id})
    assert refused.value.code == "token_already_used"


def test_a_token_becomes_a_payment_method(shop: Shop) -> None:
    method = shop.v1.payment_methods.create({"type": "card", "card": {"token": token(shop)}})

    assert method.card is not None
    assert (method.card.exp_month, method.billing_details.name) == (8, "Jo")
    assert shop.charge(method.id).status == "succeeded"


def test_a_browser_makes_tokens_with_a_publishable_key(shop: Shop) -> None:
    browser = stripe.StripeClient("pk_test_shop", http_client=shop.emulator.http_client())

    assert browser.v1.tokens.create({"card": CARD}).object == "token"


def test_tokens_of_other_things(shop: Shop) -> None:
    assert shop.v1.tokens.create({"cvc_update": {"cvc": "123"}}).type == "cvc_update"
    assert shop.v1.tokens.create({"pii": {"id_number": "000000000"}}).type == "pii"
    with pytest.raises(stripe.InvalidRequestError, match="security code"):
        shop.v1.tokens.create({"cvc_update": {"cvc": "12"}})
    with pytest.raises(stripe.InvalidRequestError, match="You must supply"):
        shop.v1.tokens.create({})
    with pytest.raises(stripe.APIError, match="bank account"):
        shop.v1.tokens.create({"bank_account": {"country": "US", "account_number": "000123456789"}})


def test_a_card_is_saved_as_a_source_and_known_to_both_families_of_routes(shop: Shop) -> None:
    customer = shop.customer(card=None)
    first: Any = shop.v1.customers.payment_sources.create(customer, {"source": token(shop)})
    second: Any = shop.v1.customers.payment_sources.create(customer, {"source": "tok_mastercard"})

    assert first.id.startswith("card_")
    assert (first.brand, first.customer, second.brand) == ("Visa", customer, "MasterCard")
    assert shop.v1.customers.retrieve(customer).default_source == first.id
    assert sources_of(shop, customer) == [
        second.id,
        first.id,
    ]
    assert shop.v1.payment_methods.retrieve(first.id).customer == customer
    assert shop.v1.charges.create({"amount": 500, "currency": "usd", "customer": customer}).paid
    assert shop.charge(second.id, customer=customer).status == "succeeded"
    assert "customer.source.created" in shop.listen()


def test_a_source_is_changed_and_deleted(shop: Shop) -> None:
    customer = shop.v1.customers.create({"source": "tok_visa"}).id
    other: Any = shop.v1.customers.payment_sources.create(customer, {"source": "tok_amex"})
    default = str(shop.v1.customers.retrieve(customer).default_source)
    changed: Any = shop.v1.customers.payment_sources.update(
        customer, default, {"name": "Jo", "exp_month": "3", "address_zip": "999", "metadata": {"a": "b"}}
    )
    shop.v1.customers.payment_sources.delete(customer, default)

    assert (changed.name, changed.exp_month, changed.address_zip) == ("Jo", 3, "999")
    assert changed.metadata.to_dict() == {"a": "b"}
    after = shop.v1.customers.retrieve(customer, {"expand": ["sources"]})
    assert after.default_source == other.id
    assert after.sources is not None
    assert [each.id for each in after.sources.data] == [other.id]
    heard = [each for each in shop.listen() if each.startswith("customer.source")]
    assert heard == ["customer.source.created"] * 2 + ["customer.source.updated", "customer.source.deleted"]
    with pytest.raises(stripe.InvalidRequestError, match="No such source"):
        shop.v1.customers.payment_sources.retrieve(customer, default)


def test_a_new_source_takes_the_place_of_the_default(shop: Shop) -> None:
    customer = shop.v1.customers.create({"source": "tok_visa"})
    before = str(customer.default_source)
    after = shop.v1.customers.update(customer.id, {"source": "tok_amex"})

    assert after.default_source != before
    assert sources_of(shop, customer.id) == [after.default_source]


def test_the_default_is_chosen_among_the_customers_own_cards(shop: Shop) -> None:
    customer = shop.v1.customers.create({"source": "tok_visa"})
    other: Any = shop.v1.customers.payment_sources.create(customer.id, {"source": "tok_amex"})

    assert shop.v1.customers.update(customer.id, {"default_source": other.id}).default_source == other.id
    stranger = shop.v1.customers.create({"source": "tok_visa"})
    with pytest.raises(stripe.InvalidRequestError, match="No such source"):
        shop.v1.customers.update(customer.id, {"default_source": str(stranger.default_source)})


def test_a_card_that_its_bank_refuses_is_not_saved(shop: Shop) -> None:
    customer = shop.customer(card=None)
    with pytest.raises(stripe.CardError):
        shop.v1.customers.payment_sources.create(customer, {"source": "tok_chargeDeclined"})

    assert shop.v1.customers.payment_sources.list(customer).data == []
    assert shop.v1.customers.payment_sources.list(customer, {"object": "bank_account"}).data == []


def test_a_token_that_nobody_made_is_missing(shop: Shop) -> None:
    for source in ("tok_nobody", "src_nobody"):
        with pytest.raises(stripe.StripeError):
            shop.v1.customers.payment_sources.create(shop.customer(card=None), {"source": source})


def test_a_card_s_expiry_that_is_no_number_is_refused(shop: Shop) -> None:
    customer = shop.customer(card=None)
    card: Any = shop.v1.customers.payment_sources.create(customer, {"source": "tok_visa"})

    with pytest.raises(stripe.CardError) as refused:
        shop.v1.customers.payment_sources.update(customer, card.id, {"exp_month": "May"})

    assert refused.value.code == "invalid_expiry_month"


def test_a_name_that_a_customer_no_longer_has_is_not_shown(shop: Shop) -> None:
    customer = shop.v1.customers.create({"individual_name": "Jo", "business_name": "Pens"})

    changed = shop.v1.customers.update(customer.id, {"individual_name": ""})

    assert "individual_name" not in changed.to_dict()
    assert changed.to_dict()["business_name"] == "Pens"


def test_a_token_takes_the_year_in_two_digits(shop: Shop) -> None:
    made = shop.v1.tokens.retrieve(token(shop, exp_year="34"))

    assert made.card is not None
    assert made.card.exp_year == 2034
    with pytest.raises(stripe.CardError) as refused:
        token(shop, exp_year="next")
    assert refused.value.code == "invalid_expiry_year"


def test_a_coupon_that_is_not_there_is_called_as_the_caller_called_it(shop: Shop) -> None:
    for field in ("coupon", "promotion_code"):
        error = Old(shop.emulator, "2024-06-20").refused("POST", "/v1/customers", **{field: "abc"})

        assert (error["code"], error["param"]) == ("resource_missing", field)
