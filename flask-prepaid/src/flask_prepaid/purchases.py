"""Packs and quantities: open a checkout, and settle it by whichever door comes first."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from . import payments, signals
from .catalog import Offer
from .customers import known_customer, with_customer
from .errors import GatewayRefused, GatewayUnavailable, NotYours
from .facts import Checkout
from .models import Payment, PaymentState, Via

if TYPE_CHECKING:
    from .extension import Prepaid

#: How long a request may be on its way to Stripe, with all its repeats.
IN_FLIGHT = timedelta(minutes=5)

SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,200}")


def open_checkout(
    prepaid: Prepaid,
    owner: str,
    offer: Offer,
    *,
    success_url: str,
    cancel_url: str,
    attempt: str | None = None,
) -> Checkout:
    """Ask Stripe for a page where ``owner`` can pay for ``offer`` once.

    :param success_url: Where the browser comes back. Stripe puts the session id in
        place of ``{CHECKOUT_SESSION_ID}``.
    :param attempt: A token of the form that was sent. The same one finds the same page.
    :raises GatewayUnavailable: Stripe did not answer. Nothing is paid: nobody has seen the page.

    The page lives for 24 hours: https://docs.stripe.com/api/checkout/sessions/object
    """
    session = payments.own_session(prepaid)
    payment = payments.write_down(prepaid, owner, offer, via=Via.CHECKOUT, attempt=attempt)
    if payment.session_id:
        earlier = prepaid.gateway.fetch_checkout(payment.session_id)
        if earlier is not None and earlier.status != "expired":
            return earlier
    if payment.session_id or payment.state in payments.FINAL:
        payment = payments.write_down(prepaid, owner, offer, via=Via.CHECKOUT)
    checkout = _ask_for_page(prepaid, payment, success_url, cancel_url)
    payments.follow_checkout(prepaid, payment, checkout)
    signals.commit(session)
    return checkout


def _ask_for_page(prepaid: Prepaid, payment: Payment, success_url: str, cancel_url: str) -> Checkout:
    open_page = partial(
        prepaid.gateway.open_checkout,
        key=payment.idempotency_key,
        title=payment.title,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        success_url=success_url,
        cancel_url=cancel_url,
    )
    try:
        return with_customer(prepaid, payment.owner, lambda customer_id: open_page(customer_id=customer_id))
    except GatewayRefused as refused:
        payments.give_up(prepaid, payment, str(refused))
        raise


def settle_checkout(prepaid: Prepaid, session_id: str) -> Payment | None:
    """Give what a paid Checkout Session bought, once; its payment, or ``None`` if it is none of ours.

    Both doors lead here, the webhook and the browser's return, in either order and any
    number of times. Stripe is asked before anything is written, so that no lock waits on
    it. Does not commit.
    """
    checkout = prepaid.gateway.fetch_checkout(session_id)
    if checkout is None:
        return None
    payment = payments.find(prepaid.session, key=checkout.payment_key, stripe_id=checkout.id)
    if payment is not None:
        payments.follow_checkout(prepaid, payment, checkout)
    return payment


def come_back(prepaid: Prepaid, owner: str, session_id: str) -> Payment:
    """The payment that the browser comes back from, settled as far as it can be known now. Commits.

    :raises NotYours: There is no such session, or it is another owner's.
    """
    session = payments.own_session(prepaid)
    if not SESSION_ID.fullmatch(session_id):
        raise NotYours("There is no such purchase.")
    payment = payments.find(session, stripe_id=session_id)
    if payment is not None and payment.owner != owner:
        raise NotYours("There is no such purchase.")
    if payment is not None and payment.state is PaymentState.PAID:
        return payment
    session.commit()
    try:
        payment = settle_checkout(prepaid, session_id)
    except GatewayUnavailable:
        if payment is None:
            raise
        return payment  # as we last saw it; the page asks again by itself
    if payment is None or payment.owner != owner:
        signals.rollback(session)
        raise NotYours("There is no such purchase.")
    signals.commit(session)
    return payment


def look_up(prepaid: Prepaid, payment_id: int) -> None:
    """Ask Stripe what came of a payment that nobody has told us about, and follow it. Commits.

    Where the answer that named it was lost, it is found among its customer's sessions by
    our key. Where Stripe has nothing of it and nothing can be on its way, nothing was paid.
    """
    session = payments.own_session(prepaid)
    payment = session.get_one(Payment, payment_id)
    payments.look_again_later(prepaid, payment)
    checkout = _find_checkout(prepaid, payment)
    if checkout is not None:
        payments.follow_checkout(prepaid, payment, checkout)
        signals.commit(session)
    elif prepaid.clock() - payment.created_at > IN_FLIGHT:
        payments.give_up(prepaid, payment, "Stripe knows nothing of it")


def _find_checkout(prepaid: Prepaid, payment: Payment) -> Checkout | None:
    session_id, key = payment.session_id, payment.idempotency_key
    customer_id = known_customer(prepaid.session, payment.owner)
    prepaid.session.commit()
    if session_id:
        return prepaid.gateway.fetch_checkout(session_id)
    return prepaid.gateway.find_checkout(customer_id, key) if customer_id else None
