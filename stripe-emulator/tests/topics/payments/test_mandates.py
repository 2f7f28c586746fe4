"""Mandates: a bank debit needs its customer's permission, and ends with it."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from ..shop import CARDS_ONLY, CHALLENGED, Shop, envelope

BERLIN: Any = {
    "type": "sepa_debit",
    "sepa_debit": {"iban": "DE89370400440532013000"},
    "billing_details": {"name": "Jo", "email": "jo@example.com"},
}
BY_PHONE: Any = {"customer_acceptance": {"type": "offline", "accepted_at": 1_700_000_000}}
ONLINE: Any = {
    "customer_acceptance": {"type": "online", "online": {"ip_address": "192.0.2.1", "user_agent": "Firefox"}}
}
#: What an intent is asked to show, so that the mandate is whole.
OPENED = ["mandate", "single_use_mandate"]


def set_up(shop: Shop, **more: Any) -> stripe.SetupIntent:
    """Save a bank account for a customer, with a mandate."""
    customer = shop.v1.customers.create({"email": "jo@example.com"})
    form: Any = {
        "customer": customer.id,
        "payment_method_data": BERLIN,
        "confirm": True,
        "automatic_payment_methods": CARDS_ONLY,
        "expand": OPENED,
        "mandate_data": BY_PHONE,
        **more,
    }
    return shop.v1.setup_intents.create(form)


def of_charge(charge: Any, kind: str = "sepa_debit") -> str | None:
    """The mandate that a charge shows."""
    return getattr(getattr(charge.payment_method_details, kind), "mandate", None)


def test_a_mandate_given_once_is_good_for_debits_until_its_account_is_detached(shop: Shop) -> None:
    setup = set_up(shop)
    mandate: Any = setup.mandate
    method = str(setup.payment_method)
    debit: Any = {
        "currency": "eur",
        "customer": setup.customer,
        "off_session": True,
        "expand": ["latest_charge"],
    }

    first = shop.charge(method, **debit)
    named = shop.charge(method, **debit, mandate=mandate.id)
    shop.listen()
    shop.v1.payment_methods.detach(method)

    assert (mandate.type, mandate.status, mandate.multi_use.to_dict()) == ("multi_use", "active", {})
    assert mandate.customer_acceptance.to_dict() == {
        "type": "offline",
        "accepted_at": 1_700_000_000,
        "offline": {},
    }
    assert mandate.payment_method_details.sepa_debit.reference
    page = shop.emulator.browser().get(mandate.payment_method_details.sepa_debit.url.partition("12111")[2])
    assert "active" in page.text
    assert "3000" in page.text
    assert of_charge(first.latest_charge) == of_charge(named.latest_charge) == mandate.id
    assert shop.v1.mandates.retrieve(mandate.id).status == "inactive"
    assert "mandate.updated" in shop.listen()
    before = shop.heard_events[-2].data.previous_attributes
    assert before is not None
    assert before.to_dict() == {"status": "active"}


def test_a_mandate_for_one_payment_is_over_with_it(shop: Shop) -> None:
    setup = set_up(shop, single_use={"amount": 500, "currency": "eur"}, mandate_data=ONLINE)
    mandate: Any = setup.single_use_mandate
    method = str(setup.payment_method)
    debit: Any = {"currency": "eur", "customer": setup.customer, "off_session": True, "amount": 500}

    with pytest.raises(stripe.InvalidRequestError, match="no existing mandate"):
        shop.charge(method, **debit)
    shop.charge(method, **debit, mandate=mandate.id)
    with pytest.raises(stripe.InvalidRequestError) as again:
        shop.charge(method, **debit, mandate=mandate.id)

    assert setup.mandate is None
    assert mandate.single_use.to_dict() == {"amount": 500, "currency": "eur"}
    assert mandate.customer_acceptance.online.ip_address == "192.0.2.1"
    assert shop.v1.mandates.retrieve(mandate.id).status == "inactive"
    assert again.value.code == "payment_intent_mandate_invalid"


@pytest.mark.parametrize(
    ("keeps", "type_", "status"), [(True, "multi_use", "active"), (False, "single_use", "inactive")]
)
def test_a_debit_brings_its_own_mandate(shop: Shop, keeps: bool, type_: str, status: str) -> None:
    customer = shop.v1.customers.create({}).id
    form: Any = {"customer": customer, "setup_future_usage": "off_session"} if keeps else {}

    whole: Any = {
        "amount": 900,
        "currency": "eur",
        "payment_method_data": BERLIN,
        "confirm": True,
        "automatic_payment_methods": CARDS_ONLY,
        "mandate_data": ONLINE,
        "expand": ["latest_charge"],
        **form,
    }
    paid = shop.v1.payment_intents.create(whole)

    mandate: Any = of_charge(paid.latest_charge)
    assert (shop.v1.mandates.retrieve(mandate).type, shop.v1.mandates.retrieve(mandate).status) == (
        type_,
        status,
    )


def test_checkout_and_a_plan_by_debit_have_a_mandate_that_renewals_use(shop: Shop) -> None:
    session = shop.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "success_url": "https://shop.example",
            "line_items": [{"price": shop.price(currency="eur"), "quantity": 1}],
        }
    )
    shop.emulator.pay(session, iban="DE89370400440532013000")
    shop.advance(hours=1)
    shop.advance(months=1, hours=2)

    charges = shop.v1.charges.list({}).data
    mandates = {of_charge(charge) for charge in charges}
    assert len(charges) == 2
    assert len(mandates) == 1
    assert None not in mandates


def test_a_plan_of_an_account_that_nobody_may_debit_is_not_paid(shop: Shop) -> None:
    customer = shop.customer(card=None)
    method = shop.v1.payment_methods.create(BERLIN)
    shop.give_card(customer, method.id)

    subscription = shop.subscribe(customer, shop.price(currency="eur"), expand=["latest_invoice.payments"])

    assert subscription.status == "incomplete"
    payment = shop.v1.payment_intents.list({"customer": customer}).data[0]
    assert payment.last_payment_error is not None
    assert "requires a mandate" in (payment.last_payment_error.message or "")


def test_a_card_shows_the_mandate_that_came_with_it_also_after_the_bank_asked(shop: Shop) -> None:
    intent = shop.charge(CHALLENGED, mandate_data=ONLINE)
    shop.pass_challenge(intent)

    charge = shop.v1.charges.list({}).data[0]
    mandate = shop.v1.mandates.retrieve(str(of_charge(charge, "card")))
    assert mandate.payment_method == intent.payment_method
    assert mandate.payment_method_details.to_dict() == {"type": "card", "card": {}}


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"confirm": False, "mandate_data": ONLINE}, "mandate_data"),
        (
            {"mandate_data": {"customer_acceptance": {"type": "online"}}},
            "mandate_data[customer_acceptance][online]",
        ),
        ({"mandate": "mandate_of_nobody"}, "mandate"),
        ({"payment_method": None, "payment_method_data": BERLIN, "currency": "eur"}, "mandate_data"),
    ],
)
def test_what_is_wrong_about_a_mandate_is_named(shop: Shop, form: Any, param: str) -> None:
    whole = {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    whole |= {"automatic_payment_methods": CARDS_ONLY, **form}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.payment_intents.create({key: value for key, value in whole.items() if value is not None})  # type: ignore[arg-type]

    assert envelope(refused.value)["param"] == param


def test_a_shop_that_uses_stripe_js_has_it_ask_the_bank(shop: Shop) -> None:
    back = "https://shop.example"
    redirected = shop.charge(CHALLENGED, return_url=back)
    in_page = shop.charge(CHALLENGED, return_url=back, use_stripe_sdk=True)
    set_up_in_page = shop.v1.setup_intents.create(
        {"payment_method": CHALLENGED, "confirm": True, "return_url": back, "use_stripe_sdk": True}
    )

    actions = [intent.next_action for intent in (redirected, in_page, set_up_in_page)]
    assert [action and action.type for action in actions] == [
        "redirect_to_url",
        "use_stripe_sdk",
        "use_stripe_sdk",
    ]


def test_a_plan_is_paid_off_session_by_a_card_whose_bank_asks_only_who_is_there(shop: Shop) -> None:
    price = shop.price()
    card = "pm_card_authenticationRequiredSetupForOffSession"
    alone = shop.subscribe(shop.customer(card), price, off_session=True)
    there = shop.customer(card)
    waiting = shop.subscribe(there, price)
    assert (alone.status, waiting.status) == ("active", "incomplete")

    shop.advance(months=1, hours=2)

    assert shop.subscription(alone.id).status == "active"
    assert len(shop.invoices(str(alone.customer))) == 2
    assert shop.latest(str(alone.customer)).status == "paid"


def test_a_refund_of_a_debit_goes_to_its_account(shop: Shop) -> None:
    setup = set_up(shop)
    debit: Any = {"currency": "eur", "customer": setup.customer, "off_session": True}
    paid = shop.charge(str(setup.payment_method), **debit)
    shop.advance(days=5)

    refund = shop.v1.refunds.create({"payment_intent": paid.id})

    assert refund.destination_details is not None
    assert refund.destination_details.type == "eu_bank_transfer"
    assert refund.status == "succeeded"
