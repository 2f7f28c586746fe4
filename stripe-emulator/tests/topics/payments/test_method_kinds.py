"""What a payment names and Stripe does not take: unknown methods, cards without expiry, whole descriptors."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import CARDS_ONLY, Shop, envelope, narrowed_to
from ..versions.old import ACACIA, Old


def refused(call: Any, form: Any) -> dict[str, Any]:
    with pytest.raises(stripe.InvalidRequestError) as error:
        call(form)
    return envelope(error.value)


@pytest.mark.parametrize("version", ["2022-11-15", ACACIA, None])
def test_no_version_takes_a_payment_method_that_never_existed(shop: Shop, version: str | None) -> None:
    old = Old(shop.emulator, version)
    known = old.post(
        "/v1/payment_intents", amount=500, currency="eur", payment_method_types=["card", "ideal"]
    )
    assert known["payment_method_types"] == ["card", "ideal"]

    wrong = {"payment_method_types": ["card", "pigeon"]}
    page = {"mode": "setup", "currency": "usd", "success_url": "https://shop.test/"}
    errors = [
        old.refused("POST", "/v1/payment_intents", amount=500, currency="eur", **wrong),
        old.refused("POST", "/v1/setup_intents", **wrong),
        old.refused("POST", "/v1/checkout/sessions", **page, **wrong),
    ]

    assert [error["status"] for error in errors] == [400] * 3
    assert [error["param"] for error in errors] == [
        "payment_method_types",
        "payment_method_types",
        "payment_method_types[1]",
    ]
    assert 'The payment method type "pigeon" is invalid' in errors[0]["message"]
    assert not [event for event in shop.heard if event != "payment_intent.created"]


def test_a_whole_statement_descriptor_is_for_no_card(shop: Shop) -> None:
    """Stripe refuses it since 2024; a suffix is what a card's statement may show."""
    text = {"statement_descriptor": "ACME ORDER 7"}
    form: Any = {"amount": 500, "currency": "usd", **text}
    intent = shop.v1.payment_intents.create(form)  # whatever pays it is not known yet
    by_card = {"payment_method": "pm_card_visa"}

    errors = [
        refused(shop.v1.payment_intents.create, form | {"allowed_payment_method_types": ["card"]}),
        refused(
            shop.v1.payment_intents.create,
            form | by_card | {"confirm": True, "automatic_payment_methods": CARDS_ONLY},
        ),
        refused(
            lambda form: shop.v1.payment_intents.confirm(intent.id, form),
            by_card | {"return_url": "https://shop.test/"},
        ),
        Old(shop.emulator, ACACIA).refused(
            "POST", "/v1/payment_intents", amount=500, currency="usd", payment_method_types=["card"], **text
        ),
    ]

    assert {error["param"] for error in errors} == {"statement_descriptor"}
    assert all("statement_descriptor_suffix" in error["message"] for error in errors)
    assert shop.v1.payment_intents.retrieve(intent.id).status == "requires_payment_method"
    suffix: Any = {**form, "statement_descriptor": "", "statement_descriptor_suffix": "ORDER 7", **by_card}
    suffix |= {"confirm": True, "automatic_payment_methods": CARDS_ONLY}
    assert shop.v1.payment_intents.create(suffix).status == "succeeded"


@pytest.mark.parametrize("missing", ["number", "exp_month", "exp_year"])
def test_a_card_has_a_number_and_an_expiry(shop: Shop, missing: str) -> None:
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    del card[missing]
    data = {"type": "card", "card": card}

    errors = [
        refused(shop.v1.payment_methods.create, data),
        refused(
            shop.v1.payment_intents.create,
            {
                "amount": 500,
                "currency": "usd",
                "confirm": True,
                "payment_method_data": data,
                "automatic_payment_methods": CARDS_ONLY,
            },
        ),
    ]

    assert {(error["code"], error["param"]) for error in errors} == {
        ("parameter_missing", f"card[{missing}]")
    }


@pytest.mark.parametrize(
    ("currency", "digits", "most"),
    [
        ("usd", 8, "$999,999.99"),
        ("inr", 9, "9,999,999.99"),
        ("jpy", 10, "9,999,999,999"),
        ("idr", 12, "9,999,999,999.99"),
    ],
)
def test_an_amount_has_as_many_digits_as_its_currency_needs(
    shop: Shop, currency: str, digits: int, most: str
) -> None:
    largest = 10**digits - 1
    intent = shop.v1.payment_intents.create({"amount": largest, "currency": currency})

    error = refused(shop.v1.payment_intents.create, {"amount": largest + 1, "currency": currency})

    assert intent.amount == largest
    assert (error["code"], error["param"]) == ("amount_too_large", "amount")
    assert error["message"].endswith(f"{most}.")


def test_a_page_that_saves_a_card_says_for_which_currency_or_which_methods(shop: Shop) -> None:
    page: Any = {"mode": "setup", "success_url": "https://shop.test/"}

    error = refused(shop.v1.checkout.sessions.create, page)

    assert (error["code"], error["param"]) == ("parameter_missing", "currency")
    for enough in ({"currency": "usd"}, narrowed_to("card")):
        assert shop.v1.checkout.sessions.create(page | enough).status == "open"
