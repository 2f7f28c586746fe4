"""Payment intents: money, a question, or no."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from stripe_emulator.payments.cards import cards, declines

from ..shop import CARDS_ONLY, CHALLENGED, Shop, envelope


def test_a_good_card_pays_and_stripe_keeps_its_fee(shop: Shop) -> None:
    paid = shop.charge(amount=2000, expand=["latest_charge.balance_transaction"])
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert paid.latest_charge.balance_transaction is None  # it comes after the answer
    intent = shop.v1.payment_intents.retrieve(paid.id, {"expand": ["latest_charge.balance_transaction"]})

    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    assert (charge.balance_transaction.fee, charge.balance_transaction.net) == (88, 1912)
    assert shop.listen() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_a_charge_is_announced_again_two_seconds_later(shop: Shop) -> None:
    shop.charge()
    shop.listen()

    shop.emulator.advance(seconds=2)

    assert shop.listen() == ["charge.updated"]


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_a_bad_card_is_a_card_error_that_holds_the_intent(
    shop: Shop, card: str, code: str, decline_code: str
) -> None:
    declined, error = shop.declined(card)

    assert (declined.http_status, declined.code) == (402, code)
    assert error["decline_code"] == decline_code
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert error["doc_url"].endswith(code.replace("_", "-"))


def test_every_decline_of_a_test_card_has_its_sentence() -> None:
    codes = {card.decline[1] for card in cards.CARDS.values() if card.decline}

    assert "generic_decline" in codes
    assert codes <= set(declines.MESSAGES)


def test_a_declined_payment_is_kept_though_the_request_failed(shop: Shop) -> None:
    _, error = shop.declined("pm_card_chargeDeclined")

    kept = shop.v1.payment_intents.retrieve(error["payment_intent"]["id"], {"expand": ["latest_charge"]})
    assert isinstance(kept.latest_charge, stripe.Charge)
    assert kept.latest_charge.status == "failed"
    assert shop.listen() == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


def test_another_card_can_pay_what_the_first_could_not(shop: Shop) -> None:
    _, error = shop.declined("pm_card_chargeDeclined")

    again = shop.v1.payment_intents.confirm(error["payment_intent"]["id"], {"payment_method": "pm_card_visa"})

    assert (again.status, again.last_payment_error) == ("succeeded", None)


def test_a_card_that_wants_its_owner_is_refused_when_they_are_away(shop: Shop) -> None:
    declined, _ = shop.declined(CHALLENGED, off_session=True)

    assert declined.code == "authentication_required"


def test_a_card_that_wants_its_owner_asks_when_they_are_there(shop: Shop) -> None:
    intent = shop.charge(CHALLENGED, return_url="https://shop.example/done")

    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.return_url == "https://shop.example/done"


def test_a_card_set_up_once_pays_later_without_its_owner(shop: Shop) -> None:
    customer = shop.v1.customers.create({"email": "jenny@example.com"})
    session = shop.checkout(customer=customer.id, payment_intent_data={"setup_future_usage": "off_session"})
    shop.emulator.pay(session, card="4000002500003155")
    (card,) = shop.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data

    later = shop.charge(card.id, customer=customer.id, off_session=True)

    assert later.status == "succeeded"


def test_authorized_money_is_captured_in_part(shop: Shop) -> None:
    held = shop.charge(amount=1000, capture_method="manual")

    taken = shop.v1.payment_intents.capture(held.id, {"amount_to_capture": 400})

    assert (held.status, held.amount_capturable) == ("requires_capture", 1000)
    assert (taken.status, taken.amount_received) == ("succeeded", 400)
    assert shop.balance() == (0, 400 - 42)
    assert shop.listen()[1:] == [
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
    ]


def test_more_than_was_authorized_cannot_be_captured(shop: Shop) -> None:
    held = shop.charge(amount=1000, capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.payment_intents.capture(held.id, {"amount_to_capture": 1001})

    assert refused.value.param == "amount_to_capture"


def test_a_canceled_payment_releases_its_authorization_and_cannot_be_captured(shop: Shop) -> None:
    held = shop.charge(capture_method="manual")

    canceled = shop.v1.payment_intents.cancel(held.id)

    assert canceled.status == "canceled"
    assert shop.balance() == (0, 0)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.payment_intents.confirm(held.id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_state_that_does_not_allow_it_is_refused_in_stripes_words(shop: Shop) -> None:
    paid, fresh = shop.charge(), shop.v1.payment_intents.create({"amount": 500, "currency": "usd"})
    intents = shop.v1.payment_intents
    with pytest.raises(
        stripe.InvalidRequestError, match="has already succeeded after being previously"
    ) as it:
        intents.confirm(paid.id)
    with pytest.raises(stripe.InvalidRequestError, match="may be canceled: requires_payment_method"):
        intents.cancel(paid.id)
    with pytest.raises(stripe.InvalidRequestError, match="has already been captured"):
        intents.capture(paid.id)
    with pytest.raises(stripe.InvalidRequestError, match="may be captured: requires_capture"):
        intents.capture(fresh.id)

    assert it.value.error is not None
    assert it.value.error.payment_intent is not None
    assert it.value.error.payment_intent["id"] == paid.id


def test_a_saved_card_needs_its_customer(shop: Shop) -> None:
    customer = shop.v1.customers.create({})
    card = shop.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    with pytest.raises(stripe.InvalidRequestError, match="provide the customer"):
        shop.charge(card.id)

    assert shop.charge(card.id, customer=customer.id).status == "succeeded"


def test_a_detached_card_is_gone_for_good(shop: Shop) -> None:
    customer = shop.v1.customers.create({})
    card = shop.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    shop.v1.payment_methods.detach(card.id)

    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.payment_methods.attach(card.id, {"customer": customer.id})

    assert shop.v1.payment_methods.list({"customer": customer.id}).data == []


def test_a_bank_debit_is_paid_when_the_bank_has_looked(shop: Shop) -> None:
    intent = shop.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "eur",
            "confirm": True,
            "automatic_payment_methods": CARDS_ONLY,
            "payment_method_data": {
                "type": "sepa_debit",
                "sepa_debit": {"iban": "AT611904300234573201"},
            },
            "mandate_data": {"customer_acceptance": {"type": "offline"}},
        }
    )
    shop.emulator.advance(seconds=1)

    assert intent.status == "processing"
    assert shop.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert shop.listen() == [
        "payment_intent.created",
        "charge.pending",
        "payment_intent.processing",
        "charge.succeeded",
        "payment_intent.succeeded",
    ]


def test_a_card_is_saved_without_paying(shop: Shop) -> None:
    customer = shop.v1.customers.create({})

    setup = shop.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": CARDS_ONLY,
        }
    )

    (card,) = shop.v1.payment_methods.list({"customer": customer.id}).data
    assert (setup.status, setup.payment_method) == ("succeeded", card.id)
    assert shop.listen()[1:] == ["setup_intent.created", "payment_method.attached", "setup_intent.succeeded"]


def test_a_card_that_the_bank_refuses_is_not_saved(shop: Shop) -> None:
    customer = shop.v1.customers.create({})

    with pytest.raises(stripe.CardError) as declined:
        shop.v1.setup_intents.create(
            {
                "customer": customer.id,
                "payment_method": "pm_card_chargeDeclined",
                "confirm": True,
                "automatic_payment_methods": CARDS_ONLY,
            }
        )

    assert envelope(declined.value)["setup_intent"]["status"] == "requires_payment_method"
    assert shop.v1.payment_methods.list({"customer": customer.id}).data == []


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("usd", 49, "amount_too_small"),
        ("jpy", 49, "amount_too_small"),
        ("usd", 100_000_000, "amount_too_large"),
        ("kwd", 1234, "invalid_charge_amount"),
        ("isk", 1250, "invalid_charge_amount"),
        ("usd", 0, "parameter_invalid_integer"),
    ],
)
def test_a_sum_that_stripe_would_not_charge_is_refused(
    shop: Shop, currency: str, amount: int, code: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.charge(amount=amount, currency=currency)

    assert (refused.value.code, refused.value.param) == (code, "amount")


def test_an_unknown_currency_is_named(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Invalid currency: xyz"):
        shop.charge(currency="xyz")


def test_an_older_shop_charges_a_token_without_an_intent(shop: Shop) -> None:
    charge = shop.v1.charges.create({"amount": 2000, "currency": "usd", "source": "tok_visa"})

    assert (charge.status, charge.captured, charge.payment_intent) == ("succeeded", True, None)
    assert shop.listen() == ["charge.succeeded"]
    assert shop.balance() == (0, 2000 - 88)
    refund = shop.v1.refunds.create({"charge": charge.id})
    assert refund.status == "succeeded"


def test_a_declined_token_leaves_a_failed_charge(shop: Shop) -> None:
    with pytest.raises(stripe.CardError) as refused:
        shop.v1.charges.create(
            {"amount": 2000, "currency": "usd", "source": "tok_chargeDeclinedInsufficientFunds"}
        )

    failed = shop.v1.charges.retrieve(envelope(refused.value)["charge"])
    assert (envelope(refused.value)["decline_code"], failed.status) == ("insufficient_funds", "failed")


def test_a_charge_can_be_authorized_and_captured_in_part(shop: Shop) -> None:
    customer = shop.v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    charge = shop.v1.charges.create(
        {"amount": 2000, "currency": "usd", "customer": customer.id, "capture": False}
    )
    captured = shop.v1.charges.capture(charge.id, {"amount": 1500})

    assert (charge.captured, captured.amount_captured, captured.amount_refunded) == (False, 1500, 500)
    with pytest.raises(stripe.InvalidRequestError) as again:
        shop.v1.charges.capture(charge.id)
    assert again.value.code == "charge_already_captured"


def test_capturing_the_charge_captures_its_intent(shop: Shop) -> None:
    intent = shop.charge(capture_method="manual")

    shop.v1.charges.capture(str(intent.latest_charge))

    assert shop.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_stranger_or_nobody_cannot_be_charged(shop: Shop) -> None:
    poor = shop.v1.customers.create({})
    other = shop.v1.customers.create({"payment_method": "pm_card_visa"})
    (card,) = shop.v1.payment_methods.list({"customer": other.id}).data
    for more in ({"customer": poor.id}, {"customer": poor.id, "source": card.id}, {"source": card.id}, {}):
        form: Any = {"amount": 2000, "currency": "usd", **more}
        with pytest.raises(stripe.InvalidRequestError):
            shop.v1.charges.create(form)


def test_an_intent_takes_only_the_methods_that_it_was_narrowed_to(shop: Shop) -> None:
    narrowed = shop.v1.payment_intents.create(
        {"amount": 500, "currency": "eur", "allowed_payment_method_types": ["sepa_debit"]}
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.payment_intents.confirm(narrowed.id, {"payment_method": "pm_card_visa"})

    assert narrowed.payment_method_types == ["sepa_debit"]
    assert refused.value.code == "payment_intent_incompatible_payment_method"


def test_a_customer_of_an_older_integration_brings_a_token_as_source(shop: Shop) -> None:
    customer = shop.v1.customers.create({"source": "tok_mastercard"})

    charge = shop.v1.charges.create({"amount": 500, "currency": "usd", "customer": customer.id})

    assert charge.payment_method_details is not None
    assert charge.payment_method_details.card is not None
    assert charge.payment_method_details.card.brand == "mastercard"


def test_an_authorization_that_nobody_captures_is_released_after_seven_days(shop: Shop) -> None:
    forgotten = shop.charge(capture_method="manual", expand=["latest_charge"])
    taken = shop.charge(capture_method="manual")
    shop.emulator.advance(days=6)
    shop.v1.payment_intents.capture(taken.id)
    shop.listen()

    shop.emulator.advance(days=1)

    assert isinstance(forgotten.latest_charge, stripe.Charge)
    held = forgotten.latest_charge.payment_method_details
    assert held is not None
    assert held.card is not None
    assert held.card.capture_before == forgotten.latest_charge.created + 7 * 86400
    expired = shop.v1.payment_intents.retrieve(forgotten.id)
    assert (expired.status, expired.cancellation_reason) == ("canceled", "automatic")
    assert shop.v1.payment_intents.retrieve(taken.id).status == "succeeded"
    assert [kind for kind in shop.heard if not kind.startswith("balance")] == [
        "charge.expired",
        "payment_intent.canceled",
    ]


def test_a_card_that_was_set_up_is_not_set_up_again(shop: Shop) -> None:
    intents = shop.v1.setup_intents
    card: Any = {"payment_method": "pm_card_visa"}
    done = intents.create(card | {"confirm": True, "return_url": "https://shop.example"})
    over = intents.cancel(intents.create(card).id)
    refusals: Any = {
        "You cannot confirm this SetupIntent because it has already succeeded.": (intents.confirm, done, {}),
        "You cannot update this SetupIntent because it has already succeeded.": (intents.update, done, card),
        "You cannot cancel this SetupIntent because it has a status of succeeded. Only a SetupIntent with one"
        " of the following statuses may be canceled: `requires_payment_method`, `requires_confirmation`, or"
        " `requires_action`.": (intents.cancel, done, {}),
        "You cannot confirm this SetupIntent because it has been canceled.": (intents.confirm, over, card),
        "You cannot update this SetupIntent because it has been canceled.": (intents.update, over, card),
        "You cannot cancel this SetupIntent because it is already canceled.": (intents.cancel, over, {}),
    }
    for message, (ask, intent, form) in refusals.items():
        with pytest.raises(stripe.InvalidRequestError) as refused:
            ask(intent.id, form)
        error = envelope(refused.value)
        assert (error["message"], error["code"]) == (message, "setup_intent_unexpected_state")
        assert error["setup_intent"]["id"] == intent.id

    later: Any = {"metadata": {"a": "b"}, "description": "Jo's card"}
    assert intents.update(done.id, later).description == "Jo's card"


def test_what_the_bank_was_asked_stays_as_it_was(shop: Shop) -> None:
    intents = shop.v1.payment_intents
    paid, held = shop.charge(), shop.charge(capture_method="manual")
    gone = intents.cancel(intents.create({"amount": 500, "currency": "usd"}).id)
    before = "requires_payment_method, requires_confirmation, requires_action"
    card: Any = {"payment_method": "pm_card_visa"}
    refusals: Any = [
        (intents.update, paid, {"metadata": {"a": "b"}, "amount": 600}, "amount", before),
        (intents.update, held, {"amount": 600}, "amount", before),
        (intents.update, gone, {"transfer_group": "a"}, "transfer_group", f"{before}, requires_capture"),
        (intents.confirm, gone, card, "payment_method", before),
    ]
    for ask, intent, form, name, allowed in refusals:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            ask(intent.id, form)
        error = envelope(refused.value)
        assert (error["param"], error["code"]) == (name, "payment_intent_unexpected_state")
        assert error["message"] == (
            f"This PaymentIntent's {name} could not be updated because it has a status of {intent.status}."
            f" You may only update the {name} of a PaymentIntent with one of the following statuses:"
            f" {allowed}."
        )

    assert intents.update(paid.id, {"description": "Ten credits"}).description == "Ten credits"
    assert intents.update(held.id, {"transfer_group": "a"}).transfer_group == "a"


@pytest.mark.parametrize(
    ("name", "last4", "shown"),
    [
        ("ae_mastercard", "0022", ("AE", "mastercard", "credit")),
        ("gb_debit", "0005", ("GB", "visa", "debit")),
        ("gb_mastercard", "4449", ("GB", "mastercard", "credit")),
        ("th_credit", "0003", ("TH", "visa", "credit")),
        ("th_debit", "0008", ("TH", "visa", "debit")),
        ("visa_debit_eftposAuCoBranded", "0001", ("AU", "visa", "debit")),
        ("mastercard_debit_eftposAuCoBranded", "0080", ("AU", "mastercard", "debit")),
        ("debit_visaFsaProductCode", "0072", ("US", "visa", "debit")),
        ("debit_visaHsaProductCode", "0072", ("US", "visa", "debit")),
        ("mastercard_debit_mastercardFsaProductCode", "8897", ("US", "mastercard", "debit")),
    ],
)
def test_cards_that_stripe_names_by_what_is_special_of_them(
    shop: Shop, name: str, last4: str, shown: tuple[str, ...]
) -> None:
    card = shop.v1.payment_methods.retrieve(f"pm_card_{name}").card

    assert card is not None
    assert (card.last4, card.country, card.brand, card.funding) == (last4, *shown)


def test_a_card_that_only_its_number_names_is_of_its_country(shop: Shop) -> None:
    number: Any = {"number": "5062210000000009", "exp_month": 12, "exp_year": 2034}
    card = shop.v1.payment_methods.create({"type": "card", "card": number}).card

    assert card is not None
    assert (card.country, card.brand) == ("MX", "carnet")
