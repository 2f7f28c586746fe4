"""A business gives its tax id on the Checkout page."""

from __future__ import annotations

import pytest
import stripe

from ..shop import Shop

CARD = {
    "card_number": "4242424242424242",
    "card_expiry": "12/34",
    "card_cvc": "123",
    "email": "jo@example.com",
}
BUSINESS = {"business_name": "Jo GmbH", "tax_id_type": "eu_vat", "tax_id": "DE123456789"}


def test_a_business_gives_its_tax_id_and_the_customer_has_it(shop: Shop) -> None:
    session = shop.checkout(tax_id_collection={"enabled": True}, customer_creation="always")
    browser = shop.emulator.browser()
    form = browser.get(f"/pay/{session.id}").get_data(as_text=True)

    paid = browser.post(f"/pay/{session.id}", data=CARD | BUSINESS)

    assert "Tax ID" in form
    assert '<details class="business">' in form, "folded for who is no business"
    assert paid.status_code == 303
    done = shop.v1.checkout.sessions.retrieve(session.id)
    assert done.customer_details is not None
    assert done.customer_details.tax_ids is not None
    assert done.customer_details.business_name == "Jo GmbH"
    assert [each.to_dict() for each in done.customer_details.tax_ids] == [
        {"type": "eu_vat", "value": "DE123456789"}
    ]
    customer = shop.v1.customers.retrieve(str(done.customer), {"expand": ["tax_ids"]})
    assert customer.tax_ids is not None
    assert (customer.name, customer.tax_ids.data[0].value) == ("Jo GmbH", "DE123456789")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tax_id": "12"}, "This is no tax ID"),
        ({"business_name": ""}, "Enter the name of the business"),
        ({"tax_id": ""}, "Enter the tax ID"),
        ({"tax_id_type": "none"}, "Choose the type"),
    ],
)
def test_a_tax_id_that_cannot_be_is_said_at_its_field(
    shop: Shop, wrong: dict[str, str], message: str
) -> None:
    session = shop.checkout(tax_id_collection={"enabled": True})

    answer = shop.emulator.browser().post(f"/pay/{session.id}", data=CARD | BUSINESS | wrong)

    assert answer.status_code == 422
    assert message in answer.get_data(as_text=True)
    assert '<details class="business" open>' in answer.text, "the fault can be seen"


def test_who_is_no_business_leaves_it_out(shop: Shop) -> None:
    session = shop.checkout(tax_id_collection={"enabled": True})
    answer = shop.emulator.browser().post(f"/pay/{session.id}", data=CARD)
    details = shop.v1.checkout.sessions.retrieve(session.id).customer_details

    assert answer.status_code == 303
    assert details is not None
    assert details.tax_ids == []


def test_a_known_customer_is_asked_only_if_their_name_may_change(shop: Shop) -> None:
    customer = shop.customer()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.checkout(customer=customer, tax_id_collection={"enabled": True})

    assert refused.value.param == "customer_update[name]"
    shop.checkout(customer=customer, tax_id_collection={"enabled": True}, customer_update={"name": "auto"})
