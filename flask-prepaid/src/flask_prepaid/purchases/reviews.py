"""What was paid otherwise than agreed needs a review: a person says what was done, or lets it count.

It was paid outside of Stripe, such as by a bank transfer; or at another price, and the shop gives its credits
all the same. From then on it is a payment like any other: what is refunded or disputed of it takes them.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from ..checks import MAX_ID
from ..context import Context, nothing, reading, refuse_uncommitted, transaction
from ..errors import NotYours, UnknownItem
from ..gateway.values import Checkout
from ..payments import payments
from ..payments.models import Payment, PaymentState, Review
from ..payments.outcome import applying, comparison, wrong_charges
from ..payments.outcome.comparison import Fetched
from . import by_invoice
from .money_back import went_back
from .money_back.disputes import disputes

#: What becomes of what can't be accepted.
OTHERWISE = "Refund it in Stripe's dashboard, or give the customer credits, and then close the review."
AT_BANK = "The customer's bank has the money back, so there is nothing to refund: close the review."


def close(
    context: Context,
    payment_id: int,
    *,
    review: str,
    charge: str | None = None,
    note: Callable[[], object] = nothing,
) -> Payment:
    """Note that what was paid otherwise than agreed has been dealt with. Commits; the first note counts.

    Neither money nor credits move by it: what is to be refunded or given, is refunded or given.

    :param review: What was done, and by whom.
    :param charge: The charge, page or invoice that was looked at, by Stripe's id, where there are several.
    :param note: Is called once, in the transaction that writes it down, for the record of who did it.
    :raises NotYours: There is no such payment.
    :raises UnknownItem: It needs no review, or it is not said which of several charges was looked at.
    """
    with transaction(context) as session:
        payment = find(session, payment_id)
        payments.lock(session, payment)
        row = wanted(session, payment, charge)
        if row.reviewed_at is None:
            wrong_charges.close(session, payment, row, review)
            note()
    return payment


def accept(
    context: Context,
    payment_id: int,
    *,
    review: str,
    charge: str | None = None,
    note: Callable[[], object] = nothing,
) -> Payment:
    """Give what was bought, for what was paid. Commits. For the same charge again it does nothing more.

    What went back of it meanwhile takes its credits at once, and what goes back in this moment by ``tick``.

    :param review: Why, and by whom.
    :param charge: The charge, page or invoice that counts, by Stripe's id, where there are several.
    :param note: Is called once, in the transaction that writes it down, for the record of who did it.
    :raises NotYours: There is no such payment.
    :raises UnknownItem: It needs no review, it is not said which charge counts, or that one can't.
    """
    refuse_uncommitted(context)
    with reading(context) as session:
        payment = find(session, payment_id)
        if _is_accepted(session, payment, charge):
            return payment
        row = wanted(session, payment, charge)
        stripe_id, intent_id = row.stripe_id, row.payment_intent_id
    fetched = _fetch(context, stripe_id)
    invoice_id = comparison.invoice_of(fetched) if fetched is not None else None
    take_what_went_back = went_back.fetch(context, [intent_id] if intent_id else [], invoice_id)
    with transaction(context) as session:
        payment = find(session, payment_id)
        payments.lock(session, payment)
        if _is_accepted(session, payment, stripe_id):  # by somebody else, in this moment
            return payment
        row = wanted(session, payment, stripe_id)
        reason = _why_not(row) or _why_not_as_it_is(context, payment, fetched)
        if reason is not None or fetched is None:
            cure = "" if row.reviewed_at is not None else f" {_cure(session, row)}"
            raise UnknownItem(
                f"{wrong_charges.name_of(row)} gives no credits: {reason}{cure}", field="charge"
            )
        wrong_charges.close(session, payment, row, review)
        applying.accept(context, payment, fetched)
        take_what_went_back()
        note()
    return payment


def _cure(session: Session, row: Review) -> str:
    """What to do about what can't be accepted."""
    intent_id = row.payment_intent_id
    return AT_BANK if intent_id and disputes.of_charges_at_bank(session, [intent_id]) else OTHERWISE


def _is_accepted(session: Session, payment: Payment, charge: str | None) -> bool:
    """Whether a charge, or the one that is meant where none is named, has given the credits in a review."""
    if payment.state is not PaymentState.PAID:
        return False
    rows = wrong_charges.of(session, payment)
    if charge is not None:
        rows = [row for row in rows if charge in (row.stripe_id, row.payment_intent_id)]
    ids = {payment.session_id, payment.invoice_id, payment.payment_intent_id}
    return any(row.review is not None and row.stripe_id in ids for row in rows)


def _why_not(row: Review) -> str | None:
    if row.is_foreign:
        return "it was not made for this payment."
    if row.sent_back:
        return "all of it was refunded."
    return f"it was reviewed already ({row.review})." if row.reviewed_at is not None else None


def _fetch(context: Context, stripe_id: str) -> Fetched | None:
    kind = stripe_id.partition("_")[0]
    if kind == "cs":
        return context.gateway.checkout.fetch(stripe_id)
    return by_invoice.fetch(context, stripe_id) if kind == "in" else context.gateway.charges.fetch(stripe_id)


def _why_not_as_it_is(context: Context, payment: Payment, fetched: Fetched | None) -> str | None:
    """Why what Stripe has of it by now can't count."""
    if fetched is None or not fetched.is_paid:
        return "it is not paid."
    if fetched.livemode is not context.config.livemode:
        return "it was paid in Stripe's other mode, test or live."
    if fetched.currency != payment.currency:
        return f"it was paid in {fetched.currency}, and the price is in {payment.currency}."
    if isinstance(fetched, Checkout) and fetched.mode != "payment":
        return f"it is no payment at Stripe but a {fetched.mode}."
    reason = comparison.not_of_its_customer(context, payment, fetched.customer_id)
    return f"it {reason}." if reason is not None else None


def find(session: Session, payment_id: int) -> Payment:
    """
    :raises NotYours: There is no such payment.
    """
    payment = session.get(Payment, payment_id) if 1 <= payment_id <= MAX_ID else None
    if payment is None:
        raise NotYours(f"There is no payment {payment_id}.")
    return payment


def wanted(session: Session, payment: Payment, charge: str | None) -> Review:
    """What of a payment is looked at: the one that is named, or the one that is left.

    :raises UnknownItem: It needs no review, or it is not said which of several charges is meant.
    """
    if payment.state is not PaymentState.NEEDS_REVIEW:
        state = payment.state.replace("_", " ")
        raise UnknownItem(f"Payment {payment.id} is {state}: it needs no review.", field="payment")
    if charge is not None:
        row = wrong_charges.find(session, payment, charge)
        if row is None:
            raise UnknownItem(f"Payment {payment.id} has no charge {charge} to review.", field="charge")
        return row
    rows = wrong_charges.left(session, payment) or wrong_charges.of(session, payment)[-1:]
    if len(rows) > 1:
        names = "; ".join(f"{wrong_charges.name_of(row)} ({row.reason})" for row in rows)
        raise UnknownItem(f"Name the charge that you have looked at, one of: {names}.", field="charge")
    return rows[0]
