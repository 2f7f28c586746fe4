"""The state of a payment in the customer's words."""

from __future__ import annotations

from collections.abc import Sequence

from ..languages import formats
from ..languages.words import gettext as _
from ..languages.words import marked
from ..payments import shown_states
from ..payments.models import Payment, PaymentState
from ..payments.shown_states import PaidState, ShownState
from . import page

WORDS: dict[ShownState, str] = {
    PaymentState.REQUESTED: marked("Not paid"),
    PaymentState.OPEN: marked("Not paid yet"),
    PaymentState.PENDING: marked("Waiting for the bank"),
    PaymentState.PAID: marked("Paid"),
    PaymentState.FAILED: marked("Not paid"),
    PaymentState.EXPIRED: marked("Not paid in time"),
    PaymentState.UNKNOWN: marked("Not known yet: do not pay again"),
    PaymentState.NEEDS_REVIEW: marked("We are looking at it"),
    PaidState.REFUNDED: marked("Refunded"),
    PaidState.DISPUTED: marked("Disputed at your bank"),
    PaidState.DISPUTE_LOST: marked("Given back by your bank"),
}


def in_words(payments: Sequence[Payment]) -> dict[int, str]:
    """The state of each payment in the reader's language, by the payment's id."""
    states = shown_states.of_each(page.context().session, payments)
    return {payment.id: _words(payment, states[payment.id]) for payment in payments}


def _words(payment: Payment, state: ShownState) -> str:
    refunded = formats.amount(payment.refunded_minor, payment.currency)
    if state is PaidState.PARTLY_REFUNDED:
        return _("Partly refunded: %(amount)s", amount=refunded)
    words = [_(WORDS[state])]
    if payment.refunded_minor and state is not PaidState.REFUNDED:
        words.append(_("%(amount)s refunded", amount=refunded))
    return ", ".join(words)
