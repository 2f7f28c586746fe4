"""An operator gives the credits of a payment that was paid otherwise than agreed.

It was paid outside of Stripe, such as by a bank transfer; or for another price, and the shop lets it count.
From then on it is a payment like any other: what is refunded or disputed of it takes its credits.
"""

from __future__ import annotations

from collections.abc import Callable

from ..context import Context, nothing, reading, refuse_uncommitted, transaction
from ..errors import UnknownItem
from ..payments import payments, reviews, wrong_charges
from ..payments.customers.rows import known_customer
from ..payments.fetched import Fetched
from ..payments.models import Payment, Review
from . import by_invoice
from .money_back import disputes, refund_sync

#: What becomes of what can't be accepted.
OTHERWISE = "Refund it in Stripe's dashboard, or give the customer credits, and then close the review."


def accept(
    context: Context,
    payment_id: int,
    *,
    review: str,
    charge: str | None = None,
    note: Callable[[], object] = nothing,
) -> Payment:
    """Give what was bought, for what was paid. Commits. A review that is over is not made again.

    What went back of it meanwhile takes its credits at once.

    :param review: Why, and by whom.
    :param charge: The charge, page or invoice that counts, by Stripe's id, where there are several.
    :param note: Is called once, in the transaction that writes it down, for the record of who did it.
    :raises NotYours: There is no such payment.
    :raises UnknownItem: It needs no review, it is not said which charge counts, or that one can't.
    """
    refuse_uncommitted(context)
    with reading(context) as session:
        payment = reviews.find(session, payment_id)
        row = reviews.wanted(session, payment, charge)
        reason = _why_not(payment, row)
        stripe_id, intent_id = row.stripe_id, row.payment_intent_id
    fetched = _fetch(context, stripe_id)
    went_back = context.gateway.refunds.of_intent(intent_id) if intent_id else []
    disputed = context.gateway.disputes.of_intent(intent_id) if intent_id else []
    with transaction(context) as session:
        payment = reviews.find(session, payment_id)
        payments.lock(session, payment)
        row = reviews.wanted(session, payment, stripe_id)
        reason = reason or _why_not_as_it_is(context, payment, fetched)
        if reason is not None or fetched is None:
            raise UnknownItem(
                f"{reviews.name_of(row)} gives no credits: {reason} {OTHERWISE}", field="charge"
            )
        wrong_charges.close(session, payment, row, review)
        payments.accept(context, payment, fetched)
        for refund in went_back:
            refund_sync.apply_refund(context, refund)
        for dispute in disputed:
            disputes.apply_dispute(context, dispute)
        note()
    return payment


def _why_not(payment: Payment, row: Review) -> str | None:
    if row.is_foreign:
        return "it was not made for this payment."
    return "all of it was refunded." if row.sent_back else None


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
    if fetched.customer_id != known_customer(context.session, payment.owner):
        return "it is another customer's, or its customer is gone."
    return None
