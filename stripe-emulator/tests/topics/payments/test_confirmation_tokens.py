"""What a browser or a mobile app is trusted with: confirmation tokens, customer sessions, ephemeral keys."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import Shop

CARD: Any = {
    "type": "card",
    "card": {"number": "4242424242424242", "exp_month": 8, "exp_year": 2034, "cvc": "123"},
}


def a_token(shop: Shop, **more: Any) -> stripe.ConfirmationToken:
    form: Any = {"payment_method": "pm_card_visa", **more}
    return shop.v1.test_helpers.confirmation_tokens.create(form)


def test_a_server_confirms_with_what_the_browser_collected(shop: Shop) -> None:
    customer = shop.customer(card=None)
    token = a_token(shop, return_url="https://shop.example/back", setup_future_usage="off_session")
    payment = shop.v1.payment_intents.create({"amount": 500, "currency": "usd", "customer": customer})
    paid = shop.v1.payment_intents.confirm(payment.id, {"confirmation_token": token.id})

    assert token.payment_method_preview is not None
    assert token.payment_method_preview.card is not None
    assert token.payment_method_preview.card.last4 == "4242"
    assert (paid.status, paid.setup_future_usage) == ("succeeded", "off_session")
    assert shop.v1.payment_methods.retrieve(str(paid.payment_method)).customer == customer
    assert shop.v1.confirmation_tokens.retrieve(token.id).payment_intent == payment.id


def test_a_token_is_used_once_and_for_half_a_day(shop: Shop) -> None:
    used, old = a_token(shop), a_token(shop)
    shop.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "confirm": True, "confirmation_token": used.id}
    )
    shop.advance(hours=13)

    for token, why in ((used, "already been used"), (old, "has expired")):
        with pytest.raises(stripe.InvalidRequestError, match=why) as refused:
            shop.v1.payment_intents.create(
                {"amount": 500, "currency": "usd", "confirm": True, "confirmation_token": token.id}
            )
        assert refused.value.param == "confirmation_token"


def test_a_browser_makes_one_from_a_card_and_a_setup_uses_it(shop: Shop) -> None:
    browser = stripe.StripeClient("pk_test_shop", http_client=shop.emulator.http_client())
    answer = browser.raw_request("post", "/v1/confirmation_tokens", payment_method_data=CARD)
    token = browser.deserialize(answer, api_mode="V1")
    assert shop.v1.payment_methods.list().data == []

    setup = shop.v1.setup_intents.create({"confirm": True, "confirmation_token": token["id"]})

    assert setup.status == "succeeded"
    assert shop.v1.confirmation_tokens.retrieve(token["id"]).setup_intent == setup.id


def test_a_token_stands_alone(shop: Shop) -> None:
    token = a_token(shop)
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        shop.charge(confirmation_token=token.id)
    with pytest.raises(stripe.InvalidRequestError, match="unless `confirm`"):
        shop.v1.payment_intents.create({"amount": 500, "currency": "usd", "confirmation_token": token.id})
    with pytest.raises(stripe.InvalidRequestError, match="one of payment_method"):
        shop.v1.test_helpers.confirmation_tokens.create({})
    with pytest.raises(stripe.InvalidRequestError, match="No such confirmationtoken"):
        shop.v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "confirm": True, "confirmation_token": "ctoken_nobody"}
        )


def test_a_customer_session_lets_a_page_show_a_customers_cards(shop: Shop) -> None:
    customer = shop.customer()
    session = shop.v1.customer_sessions.create(
        {
            "customer": customer,
            "components": {
                "payment_element": {"enabled": True, "features": {"payment_method_redisplay": "enabled"}}
            },
        }
    )

    assert session.client_secret.startswith("cuss_secret_")
    assert session.expires_at > session.created
    assert session.components is not None
    assert (session.components.payment_element.enabled, session.components.pricing_table.enabled) == (
        True,
        False,
    )
    assert session.components.payment_element.features is not None
    assert session.components.payment_element.features.payment_method_redisplay == "enabled"


@pytest.mark.parametrize(
    ("components", "param"),
    [
        ({"payment_element": {"enabled": False}}, "components"),
        (
            {"payment_element": {"enabled": True, "features": {"payment_method_save": "enabled"}}},
            "components[payment_element][features][payment_method_save_usage]",
        ),
        (
            {"payment_element": {"enabled": True, "features": {"payment_method_redisplay_limit": 11}}},
            "components[payment_element][features][payment_method_redisplay_limit]",
        ),
    ],
)
def test_a_customer_session_is_for_something(shop: Shop, components: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.customer_sessions.create({"customer": shop.customer(), "components": components})

    assert refused.value.param == param


def test_an_ephemeral_key_acts_for_its_customer_alone_and_for_an_hour(shop: Shop) -> None:
    mine, other = shop.customer(), shop.customer()
    key = shop.v1.ephemeral_keys.create({"customer": mine}, {"stripe_version": stripe.api_version})
    app = stripe.StripeClient(str(key.secret), http_client=shop.emulator.http_client())

    assert app.v1.customers.retrieve(mine).id == mine
    assert {method.customer for method in app.v1.payment_methods.list().data} == {mine}
    for call in (
        lambda: app.v1.customers.retrieve(other),
        lambda: app.v1.payment_methods.list({"customer": other}),
        app.v1.customers.list,
        lambda: app.v1.payment_methods.detach(shop.give_card(other)),
    ):
        with pytest.raises(stripe.AuthenticationError):
            call()

    shop.advance(hours=2)

    with pytest.raises(stripe.AuthenticationError, match="Expired"):
        app.v1.customers.retrieve(mine)


def test_an_ephemeral_key_can_be_ended(shop: Shop) -> None:
    customer = shop.customer()
    key = shop.v1.ephemeral_keys.create({"customer": customer}, {"stripe_version": stripe.api_version})
    app = stripe.StripeClient(str(key.secret), http_client=shop.emulator.http_client())
    shop.v1.ephemeral_keys.delete(key.id)

    with pytest.raises(stripe.AuthenticationError):
        app.v1.customers.retrieve(customer)
