"""Payment methods that take one currency are refused in another."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop, envelope, narrowed_to

IBAN = "AT611904300234573201"


def refused(call: Any, form: Any) -> dict[str, Any]:
    with pytest.raises(stripe.InvalidRequestError) as error:
        call(form)
    return envelope(error.value)


def account(shop: Shop) -> str:
    form: Any = {
        "type": "sepa_debit",
        "sepa_debit": {"iban": IBAN},
        "billing_details": {"name": "Jo", "email": "jo@example.com"},
    }
    return shop.v1.payment_methods.create(form).id


@pytest.mark.parametrize(
    ("kind", "currency", "only"),
    [("sepa_debit", "usd", "eur"), ("us_bank_account", "eur", "usd"), ("p24", "usd", "eur, pln")],
)
def test_an_intent_names_no_method_that_cannot_pay_in_its_currency(
    shop: Shop, kind: str, currency: str, only: str
) -> None:
    form = {"amount": 500, "currency": currency, "allowed_payment_method_types": ["card", kind]}

    error = refused(shop.v1.payment_intents.create, form)

    assert error["param"] == "currency"
    assert error["message"].startswith(
        f"The currency provided ({currency}) is invalid for one or more payment method types on this"
        f" PaymentIntent. The payment method type {kind} only supports the following currencies: {only}."
    )
    other: Any = {**form, "currency": only[:3]}
    assert shop.v1.payment_intents.create(other).status == "requires_payment_method"


def test_a_debit_pays_euros_and_no_dollars_at_create_update_and_confirm(shop: Shop) -> None:
    dollars: Any = {"amount": 500, "currency": "usd", "payment_method": account(shop)}
    assert "only supports" in refused(shop.v1.payment_intents.create, dollars)["message"]

    intent = shop.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    again: Any = {"payment_method": account(shop), "return_url": "https://shop.example"}
    with pytest.raises(stripe.InvalidRequestError, match="sepa_debit only supports"):
        shop.v1.payment_intents.confirm(intent.id, again)
    with pytest.raises(stripe.InvalidRequestError, match="sepa_debit only supports"):
        shop.v1.payment_intents.update(intent.id, {"allowed_payment_method_types": ["sepa_debit"]})
    assert shop.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"

    euros = shop.v1.payment_intents.create(
        {"amount": 500, "currency": "eur", "allowed_payment_method_types": ["sepa_debit"]}
    )
    with pytest.raises(stripe.InvalidRequestError, match="sepa_debit only supports"):
        shop.v1.payment_intents.update(euros.id, {"currency": "usd"})


def test_a_setup_has_no_currency_and_takes_a_debit(shop: Shop) -> None:
    intent = shop.v1.setup_intents.create({"payment_method": account(shop)})

    assert intent.status == "requires_confirmation"


def test_checkout_offers_no_method_that_cannot_pay_in_its_currency(shop: Shop) -> None:
    with pytest.raises(
        stripe.InvalidRequestError, match="`ideal` only supports the following currencies: `eur`"
    ):
        shop.checkout(**narrowed_to("card", "ideal"))
