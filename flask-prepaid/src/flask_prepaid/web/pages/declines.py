"""Why a payment failed, in words for its customer.

Stripe asks not to tell customers of some reasons, such as a card that was reported stolen: those are a
decline without a reason. https://docs.stripe.com/declines/codes
"""

from __future__ import annotations

import re

from ...gateway.billing.invoice_charges import OWES
from ...languages.words import gettext, marked
from ...payments import tax_rates
from ...payments.models import SENT_BACK, Payment, PaymentState, Via
from ...payments.outcome import transitions

NO_REASON = marked("Your bank declined the card and gave no reason.")

#: What a customer can do something about, by Stripe's code.
WORDS = {
    "authentication_required": marked("Your bank wants you to confirm the payment, and that was not done."),
    "payment_intent_authentication_failure": marked(
        "Your bank wants you to confirm the payment, and that failed."
    ),
    "card_not_supported": marked("This card can't be used for a purchase of this kind."),
    "card_velocity_exceeded": marked("The card has reached a limit that its bank has set."),
    "currency_not_supported": marked("The card does not pay in this currency."),
    "expired_card": marked("The card has expired."),
    "incorrect_cvc": marked("The security code was not right."),
    "invalid_cvc": marked("The security code was not right."),
    "incorrect_number": marked("The card number was not right."),
    "invalid_expiry_month": marked("The month in which the card expires was not right."),
    "invalid_expiry_year": marked("The year in which the card expires was not right."),
    "incorrect_zip": marked("The postal code is not the one that the bank has."),
    "insufficient_funds": marked("There was not enough money on the card."),
    "withdrawal_count_limit_exceeded": marked("The card has reached a limit that its bank has set."),
    "processing_error": marked("Something went wrong while the card was charged. Try it once more."),
    "try_again_later": marked("Your bank could not answer. Try again later."),
    "issuer_not_available": marked("Your bank could not be reached. Try again later."),
}

#: Why nothing came of it though no bank said no, by what operators read.
UNASKED = {
    transitions.UNKNOWN_AT_STRIPE: marked("The payment was never begun, and no bank was asked."),
    transitions.NEVER_ISSUED: marked("The payment was never begun, and no bank was asked."),
    transitions.CUSTOMER_GONE: marked("The account was closed before the card was charged."),
    SENT_BACK: marked("What was paid was not what was asked for, and all of it was sent back."),
    tax_rates.ABOVE_MAX: marked("With tax it costs more than was shown, so the card was not charged."),
    OWES: marked(
        "A small sum of your plan is still to be paid and would be charged with this, so the card was not "
        "charged. Choose to pay on Stripe's page: there it costs what is shown."
    ),
}

#: What a customer reads where Stripe itself refused, and asked no bank.
REFUSED = marked("Stripe did not take this payment, and no bank was asked.")

IN_REVIEW = marked("What was paid is not what was asked for. We are looking into it.")
REVIEWED = marked("What was paid is not what was asked for. We have looked into it.")

#: What the same card may pay at its next try.
SAME_CARD_AGAIN = {
    "authentication_required",
    "payment_intent_authentication_failure",
    "processing_error",
    "try_again_later",
    "issuer_not_available",
}

#: Stripe's codes are one word: all else is a sentence for operators.
_CODE = re.compile(r"[a-z0-9_]+")


def of_payment(payment: Payment) -> str | None:
    """Why nothing came of a payment, for its customer; ``None`` where there is nothing to say."""
    failure = payment.failure
    if not failure:
        return None
    if payment.state is PaymentState.NEEDS_REVIEW:
        return gettext(REVIEWED if payment.reviewed_at else IN_REVIEW)
    if failure in UNASKED or not _CODE.fullmatch(failure):
        return gettext(UNASKED.get(failure, REFUSED))
    return in_words(failure)


def wants_other_card(payment: Payment) -> bool:
    """Whether a bank declined a card on file, so that the same card would be declined again."""
    code = payment.failure or ""
    is_of_card = payment.state is PaymentState.FAILED and payment.via is Via.CARD
    is_code = code not in UNASKED and _CODE.fullmatch(code) is not None
    return is_of_card and is_code and code not in SAME_CARD_AGAIN


def in_words(code: str) -> str:
    """The sentence for a code of Stripe's, or for a decline without a reason."""
    return gettext(WORDS.get(code, NO_REASON))
