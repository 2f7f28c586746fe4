"""The state of a payment or an invoice in the customer's words, and the colour of its badge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...languages import formats
from ...languages.words import gettext as _
from ...languages.words import marked
from ...payments import shown_states
from ...payments.models import Payment, PaymentState
from ...payments.shown_states import PaidState, RefundSums, ReviewedState, ShownState
from ...purchases.money_back import credit_notes
from ...subscriptions import plan_state
from ...subscriptions.models import Invoice, InvoiceState
from .. import page
from . import declines

WORDS: dict[ShownState, str] = {
    PaymentState.REQUESTED: marked("Not paid"),
    PaymentState.OPEN: marked("Not paid yet"),
    PaymentState.PENDING: marked("Waiting for the bank"),
    PaymentState.PAID: marked("Paid"),
    PaymentState.FAILED: marked("Not paid"),
    PaymentState.EXPIRED: marked("Not paid in time"),
    PaymentState.UNKNOWN: marked("Not known yet"),
    PaymentState.NEEDS_REVIEW: marked("We are looking at it"),
    ReviewedState.REVIEWED: marked("We have looked at it"),
    PaidState.REFUND_FAILED: marked("Paid"),
    PaidState.REFUNDED: marked("Refunded"),
    PaidState.REFUND_UNDER_WAY: marked("Refund under way"),
    PaidState.DISPUTED: marked("Disputed at your bank"),
    PaidState.DISPUTE_LOST: marked("Given back by your bank"),
}


#: Where a bank has a part of it.
OF_A_PART: dict[ShownState, str] = {
    PaidState.DISPUTED: marked("%(amount)s disputed at your bank"),
    PaidState.DISPUTE_LOST: marked("%(amount)s given back by your bank"),
}


#: The colour of a badge, as Bootstrap calls it. Where nothing is left to wait for, it is grey.
TONES: dict[ShownState, str] = {
    PaymentState.OPEN: "warning",
    PaymentState.PENDING: "warning",
    PaymentState.PAID: "success",
    PaymentState.UNKNOWN: "warning",
    PaymentState.NEEDS_REVIEW: "warning",
    PaidState.REFUND_FAILED: "success",
    PaidState.DISPUTED: "warning",
}

#: An invoice that was not paid, and the colour of its badge. One that can still be is ``To pay``.
INVOICES: dict[str, tuple[str, str]] = {
    InvoiceState.OPEN: (marked("Not paid"), "secondary"),
    InvoiceState.VOID: (marked("Cancelled"), "secondary"),
    InvoiceState.UNCOLLECTIBLE: (marked("Not paid"), "secondary"),
}


@dataclass(frozen=True)
class StateInWords:
    """A state in the reader's language. ``more`` is what of the money it does not say, or nothing."""

    words: str
    tone: str
    more: str = ""


def in_words(payments: Sequence[Payment]) -> dict[int, StateInWords]:
    """The state of each payment in the reader's language, by the payment's id."""
    session = page.context().session
    states = shown_states.of_each(session, payments)
    refunded = shown_states.refunded_of_each(session, payments)
    taken = shown_states.taken_of_each(session, payments)
    credited = credit_notes.credited_of_each(session, [payment.id for payment in payments])
    return {
        payment.id: StateInWords(
            _state(payment, states[payment.id], refunded[payment.id], taken[payment.id]),
            TONES.get(states[payment.id], "secondary"),
            ", ".join(_beside(payment, states[payment.id], refunded[payment.id], credited[payment.id])),
        )
        for payment in payments
    }


def of_invoice(invoice: Invoice) -> StateInWords:
    """The state of a plan's invoice in the reader's language."""
    if plan_state.waits_for_payment(page.context(), invoice):
        return StateInWords(_("To pay"), "warning")
    if invoice.state == InvoiceState.OPEN and invoice.under_way:
        return StateInWords(_(WORDS[PaymentState.PENDING]), TONES[PaymentState.PENDING])
    words, tone = INVOICES.get(invoice.state, (WORDS[PaymentState.PAID], "success"))
    return StateInWords(_(words), tone)


def _state(payment: Payment, state: ShownState, refunded: RefundSums, taken_minor: int) -> str:
    """Its state, with the amount where that is a part."""

    def amount(minor: int) -> str:
        return formats.amount(minor, payment.currency)

    if state is PaidState.PARTLY_REFUNDED:
        return _("Partly refunded: %(amount)s", amount=amount(refunded.done_minor))
    if state in OF_A_PART and 0 < taken_minor < (payment.paid_minor or 0):
        return _(OF_A_PART[state], amount=amount(taken_minor))
    return _(WORDS[state])


def _beside(payment: Payment, state: ShownState, refunded: RefundSums, credited_minor: int) -> Iterator[str]:
    """What of its money the state does not say."""

    def amount(minor: int) -> str:
        return formats.amount(minor, payment.currency)

    if state is PaidState.REFUND_UNDER_WAY:
        yield amount(refunded.under_way_minor)
    if refunded.done_minor and state not in (PaidState.REFUNDED, PaidState.PARTLY_REFUNDED):
        yield _("%(amount)s refunded", amount=amount(refunded.done_minor))
    if refunded.under_way_minor and state is not PaidState.REFUND_UNDER_WAY:
        yield _("refund of %(amount)s under way", amount=amount(refunded.under_way_minor))
    if refunded.failed_minor:
        yield _("refund of %(amount)s failed", amount=amount(refunded.failed_minor))
    if state is PaymentState.FAILED and (why := declines.of_payment(payment)):
        yield why
    if credited_minor:
        yield _("%(amount)s given back by a credit note", amount=amount(credited_minor))
