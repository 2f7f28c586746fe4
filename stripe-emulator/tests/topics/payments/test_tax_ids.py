"""Tax ids: of customers, of the account, collected on the page, and shown on invoices."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop

GERMAN: Any = {"type": "eu_vat", "value": "DE123456789"}


def test_a_tax_id_is_pending_until_the_register_has_found_it(shop: Shop) -> None:
    customer = shop.customer()
    made = shop.v1.customers.tax_ids.create(customer, GERMAN)
    shop.advance(seconds=10)
    checked = shop.v1.customers.tax_ids.retrieve(customer, made.id)

    assert made.verification is not None
    assert (made.country, made.customer, made.verification.status) == ("DE", customer, "pending")
    assert made.owner is not None
    assert (made.owner.type, made.owner.customer) == ("customer", customer)
    assert checked.verification is not None
    assert (checked.verification.status, checked.verification.verified_name) == ("verified", "TEST")
    assert [each for each in shop.listen() if "tax_id" in each] == [
        "customer.tax_id.created",
        "customer.tax_id.updated",
    ]


@pytest.mark.parametrize(
    ("kind", "value", "ends"),
    [
        ("eu_vat", "000000000", "verified"),
        ("eu_vat", "DE111111111", "unverified"),
        ("au_abn", "222222222", "pending"),
        ("us_ein", "12-3456789", "unavailable"),
    ],
)
def test_stripes_test_numbers_say_how_the_check_ends(shop: Shop, kind: Any, value: str, ends: str) -> None:
    customer = shop.customer()
    tax_id = shop.v1.customers.tax_ids.create(customer, {"type": kind, "value": value})
    shop.advance(seconds=60)

    checked = shop.v1.tax_ids.retrieve(tax_id.id)

    assert checked.verification is not None
    assert checked.verification.status == ends


@pytest.mark.parametrize(
    ("kind", "value"), [("eu_vat", "DE12"), ("eu_vat", "XX123456789"), ("gb_vat", "123")]
)
def test_a_number_that_cannot_be_is_refused_and_nothing_is_kept(shop: Shop, kind: Any, value: str) -> None:
    customer = shop.customer()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.customers.tax_ids.create(customer, {"type": kind, "value": value})

    assert (refused.value.code, refused.value.param) == ("tax_id_invalid", "value")
    assert shop.v1.customers.tax_ids.list(customer).data == []


def test_a_customer_comes_with_tax_ids_and_loses_one(shop: Shop) -> None:
    customer = shop.v1.customers.create({"tax_id_data": [GERMAN, {"type": "gb_vat", "value": "GB123456789"}]})
    shown = shop.v1.customers.retrieve(customer.id, {"expand": ["tax_ids"]})
    assert shown.tax_ids is not None
    british, german = shown.tax_ids.data
    deleted = shop.v1.customers.tax_ids.delete(customer.id, british.id)

    assert (british.country, german.country) == ("GB", "DE")
    assert deleted.deleted
    assert [each.id for each in shop.v1.customers.tax_ids.list(customer.id).data] == [german.id]
    assert "customer.tax_id.deleted" in shop.listen()
    with pytest.raises(stripe.InvalidRequestError, match="No such tax ID"):
        shop.v1.customers.tax_ids.retrieve(customer.id, british.id)


def test_a_tax_id_of_somebody_else_is_not_found_by_the_wrong_customer(shop: Shop) -> None:
    tax_id = shop.v1.customers.tax_ids.create(shop.customer(), GERMAN)

    with pytest.raises(stripe.InvalidRequestError, match="No such tax ID"):
        shop.v1.customers.tax_ids.retrieve(shop.customer(), tax_id.id)


def test_the_account_has_tax_ids_of_its_own(shop: Shop) -> None:
    customer = shop.customer()
    own = shop.v1.tax_ids.create(GERMAN)
    form: Any = {**GERMAN, "owner": {"type": "customer", "customer": customer}}
    theirs = shop.v1.tax_ids.create(form)

    assert own.owner is not None
    assert (own.owner.type, own.customer) == ("self", None)
    assert [each.id for each in shop.v1.tax_ids.list().data] == [own.id]
    listed = shop.v1.tax_ids.list({"owner": {"type": "customer", "customer": customer}})
    assert [each.id for each in listed.data] == [theirs.id]
    assert shop.v1.tax_ids.delete(own.id).deleted


def test_an_invoice_shows_the_tax_ids_that_there_were_when_it_was_issued(shop: Shop) -> None:
    customer = shop.customer()
    tax_id = shop.v1.customers.tax_ids.create(customer, GERMAN)
    shop.v1.invoice_items.create({"customer": customer, "amount": 500, "currency": "usd"})
    draft = shop.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    issued = shop.v1.invoices.finalize_invoice(draft.id)
    shop.v1.customers.tax_ids.delete(customer, tax_id.id)

    assert issued.customer_tax_ids is not None
    assert [each.to_dict() for each in issued.customer_tax_ids] == [GERMAN]
    assert shop.v1.invoices.retrieve(draft.id).customer_tax_ids is not None
