"""The state of a payment in the customer's words."""

from __future__ import annotations

from collections.abc import Sequence

from ...languages import formats
from ...languages.words import gettext as _
from ...languages.words import marked
from ...payments import shown_states
from ...payments.models import Payment, PaymentState
from ...payments.shown_states import PaidState, ShownState
from ...purchases.money_back import credit_notes
from .. import page

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


#: Where a bank has a part of it.
OF_A_PART: dict[ShownState, str] = {
    PaidState.DISPUTED: marked("%(amount)s disputed at your bank"),
    PaidState.DISPUTE_LOST: marked("%(amount)s given back by your bank"),
}


def in_words(payments: Sequence[Payment]) -> dict[int, str]:
    """The state of each payment in the reader's language, by the payment's id."""
    session = page.context().session
    states = shown_states.of_each(session, payments)
    taken = shown_states.taken_of_each(session, payments)
    credited = credit_notes.credited_of_each(session, [payment.id for payment in payments])
    return {
        payment.id: _words(payment, states[payment.id], taken[payment.id], credited[payment.id])
        for payment in payments
    }


def _words(payment: Payment, state: ShownState, taken_minor: int, credited_minor: int) -> str:
    refunded, taken, credited = (
        formats.amount(minor, payment.currency)
        for minor in (payment.refunded_minor, taken_minor, credited_minor)
    )
    if state is PaidState.PARTLY_REFUNDED:
        words = [_("Partly refunded: %(amount)s", amount=refunded)]
    elif state in OF_A_PART and 0 < taken_minor < (payment.paid_minor or 0):
        words = [_(OF_A_PART[state], amount=taken)]
    else:
        words = [_(WORDS[state])]
    if payment.refunded_minor and state not in (PaidState.REFUNDED, PaidState.PARTLY_REFUNDED):
        words.append(_("%(amount)s refunded", amount=refunded))
    if credited_minor:
        words.append(_("%(amount)s given back by a credit note", amount=credited))
    return ", ".join(words)
