"""Packs and quantities: open a checkout or charge a card on file; settle by whichever door comes first."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from .. import signals
from ..catalog import Offer
from ..context import Context, own_session
from ..errors import CardDeclined, GatewayRefused, GatewayUnavailable, NotYours
from ..gateway.values import Checkout, Intent
from ..payments import payments
from ..payments.customers import card_on_file, known_customer, with_customer
from ..payments.models import Payment, PaymentState, Via
from . import cards

#: How long a request may be on its way to Stripe, with all its repeats.
IN_FLIGHT = timedelta(minutes=5)

#: A charge that waits for its owner at the bank is closed after this.
CHALLENGE_LASTS = timedelta(hours=24)

SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,200}")


def open_checkout(
    context: Context,
    owner: str,
    offer: Offer,
    *,
    success_url: str,
    cancel_url: str | None,
    attempt: str | None = None,
    keep_card: bool = False,
) -> Checkout:
    """Ask Stripe for a page where ``owner`` can pay for ``offer`` once.

    :param success_url: Where the browser comes back. Stripe puts the session id in
        place of ``{CHECKOUT_SESSION_ID}``.
    :param cancel_url: Where a customer goes who does not pay; ``None`` opens no page of
        Stripe's, but a session for its elements on a page of our own.
    :param attempt: A token of the form that was sent. The same one finds the same page.
    :param keep_card: Whether the card that pays is put on file.
    :raises GatewayUnavailable: Stripe did not answer. Nothing is paid: nobody has seen the page.

    The page lives for 24 hours: https://docs.stripe.com/api/checkout/sessions/object
    """
    session = own_session(context)
    payment = payments.write_down(context, owner, offer, via=Via.CHECKOUT, attempt=attempt)
    if payment.session_id:
        earlier = context.gateway.fetch_checkout(payment.session_id)
        if earlier is not None and earlier.status != "expired":
            return earlier
    if payment.session_id or payment.state in payments.FINAL:
        payment = payments.write_down(context, owner, offer, via=Via.CHECKOUT)
    open_page = partial(
        context.gateway.open_checkout,
        key=payment.idempotency_key,
        title=payment.title,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        keep_card=keep_card,
        success_url=success_url,
        cancel_url=cancel_url,
    )
    try:
        checkout = with_customer(context, owner, lambda customer_id: open_page(customer_id=customer_id))
    except GatewayRefused as refused:
        payments.give_up(context, payment, str(refused))
        raise
    payments.follow_checkout(context, payment, checkout)
    signals.commit(session)
    return checkout


def settle_checkout(context: Context, session_id: str) -> Payment | None:
    """Give what a paid Checkout Session bought, once; its payment, or ``None`` if it is none of ours.

    Both doors lead here, the webhook and the browser's return, in either order and any
    number of times. Stripe is asked before anything is written, so that no lock waits on
    it. Does not commit.
    """
    checkout = context.gateway.fetch_checkout(session_id)
    if checkout is None:
        return None
    payment = payments.find(context.session, key=checkout.payment_key, stripe_id=checkout.id)
    if payment is not None:
        payments.follow_checkout(context, payment, checkout)
    return payment


def come_back(context: Context, owner: str, session_id: str) -> Payment:
    """The payment that the browser comes back from, settled as far as it can be known now. Commits.

    :raises NotYours: There is no such session, or it is another owner's.
    :raises GatewayUnavailable: It is not known now.
    """
    session = own_session(context)
    if not SESSION_ID.fullmatch(session_id):
        raise NotYours("There is no such purchase.")
    payment = payments.find(session, stripe_id=session_id)
    if payment is not None and payment.owner != owner:
        raise NotYours("There is no such purchase.")
    if payment is not None and payment.state is PaymentState.PAID:
        return payment
    session.commit()
    payment = settle_checkout(context, session_id)
    if payment is None or payment.owner != owner:
        signals.rollback(session)
        raise NotYours("There is no such purchase.")
    signals.commit(session)
    return payment


def charge_card(
    context: Context,
    owner: str,
    offer: Offer,
    card_id: str,
    *,
    return_url: Callable[[int], str],
    attempt: str | None = None,
) -> tuple[Payment, str | None]:
    """Charge a card on file for ``offer``, in one press. Commits.

    :param return_url: Makes the address, by the payment's id, to which the bank's page leads back.
    :return: The payment, and the address of the bank's page if it wants to see its customer.
    :raises NotYours: The owner has no such card.
    """
    session = own_session(context)
    if card_on_file(session, owner, card_id) is None:
        raise NotYours("There is no such card.")
    payment = payments.write_down(context, owner, offer, via=Via.CARD, attempt=attempt, card_id=card_id)
    if payment.state is not PaymentState.REQUESTED:
        return payment, None
    intent = charge(context, payment, return_url=return_url(payment.id))
    return payment, intent.challenge_url if intent else None


def charge(context: Context, payment: Payment, *, return_url: str | None) -> Intent | None:
    """Ask Stripe to charge the card of a committed payment, and follow what it says. Commits.

    ``None`` is: nothing came of it, or it is not known, as the payment's state says.
    """
    session = context.session
    customer_id = known_customer(session, payment.owner)
    assert customer_id is not None, "a saved card has a customer"
    assert payment.card_id is not None, "this payment charges a card on file"
    ask = partial(
        context.gateway.charge,
        key=payment.idempotency_key,
        customer_id=customer_id,
        card_id=payment.card_id,
        title=payment.title,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        return_url=return_url,
    )
    session.commit()  # no connection waits while Stripe is asked
    try:
        intent = ask()
    except GatewayUnavailable:
        payments.not_known(context, payment)
        return None
    except (GatewayRefused, CardDeclined) as refused:
        payments.give_up(context, payment, str(refused))
        if isinstance(
            refused, GatewayRefused
        ):  # the card, or all of the customer, is gone from the dashboard
            cards.refresh(context, customer_id)
            session.commit()
        return None
    payments.follow_intent(context, payment, intent)
    signals.commit(session)
    return intent


def resume(context: Context, owner: str, payment_id: int, *, return_url: str) -> tuple[Payment, str | None]:
    """Lead the customer back to the bank's page of a payment that waits for it. Commits.

    The same payment goes on: nothing is charged twice, however often it is resumed.

    :return: As ``charge_card``.
    """
    session = own_session(context)
    payment = _own_payment(context, owner, payment_id)
    intent_id, card_id = payment.payment_intent_id, payment.card_id
    if payment.state is not PaymentState.OPEN or intent_id is None or card_id is None:
        return payment, None
    session.commit()
    try:
        intent = context.gateway.resume(intent_id, card_id=card_id, return_url=return_url)
    except GatewayRefused:  # it has moved on in another tab
        return come_back_to(context, owner, payment_id), None
    payments.follow_intent(context, payment, intent)
    signals.commit(session)
    return payment, intent.challenge_url


def come_back_to(context: Context, owner: str, payment_id: int) -> Payment:
    """A payment of the owner's, as far as it can be known now. Commits.

    :raises NotYours: There is no such payment, or it is another owner's.
    """
    own_session(context)
    payment = _own_payment(context, owner, payment_id)
    if payment.state is not PaymentState.PAID:
        _follow(context, payment)
    return payment


def _own_payment(context: Context, owner: str, payment_id: int) -> Payment:
    payment = context.session.get(Payment, payment_id)
    if payment is None or payment.owner != owner:
        raise NotYours("There is no such purchase.")
    return payment


def settle_intent(context: Context, intent_id: str) -> Payment | None:
    """As ``settle_checkout``, by the PaymentIntent: the only door of a charged card, one more for a page."""
    intent = context.gateway.fetch_intent(intent_id)
    if intent is None:
        return None
    payment = payments.find(context.session, key=intent.payment_key, stripe_id=intent.id)
    if payment is None:
        return None
    if payment.via is not Via.CHECKOUT:
        payments.follow_intent(context, payment, intent)
        return payment
    context.session.rollback()  # nothing is written yet, and the page must be fetched, too
    checkout = context.gateway.checkout_of_intent(intent_id)
    if checkout is not None:
        payments.follow_checkout(context, payment, checkout)
    return payment


def follow_invoice(context: Context, invoice_id: str) -> None:
    """Note the invoice that Stripe made of a purchase, a little after it was paid. Does not commit."""
    invoice = context.gateway.fetch_invoice(invoice_id)
    payment = payments.find(context.session, key=invoice.payment_key) if invoice else None
    if payment is not None:
        payments.lock(context.session, payment, invoice_id=invoice_id)


def invoice_url(context: Context, owner: str, payment_id: int) -> str:
    """Where the invoice of a payment is as a PDF, for now.

    :raises NotYours: The owner has no such payment, or there is no invoice of it.
    """
    invoice_id = _own_payment(context, owner, payment_id).invoice_id
    context.session.commit()
    invoice = context.gateway.fetch_invoice(invoice_id) if invoice_id else None
    if invoice is None or invoice.pdf_url is None:
        raise NotYours("There is no invoice of this purchase.")
    return invoice.pdf_url


def look_up(context: Context, payment_id: int) -> None:
    """Ask Stripe what came of a payment that nobody has told us about, and follow it. Commits."""
    session = own_session(context)
    payment = session.get_one(Payment, payment_id)
    payments.look_again_later(context, payment)
    found = _follow(context, payment)
    age = context.clock() - payment.created_at
    if not found and age > IN_FLIGHT:
        payments.give_up(context, payment, "Stripe knows nothing of it")
    elif payment.state is PaymentState.OPEN and payment.via is not Via.CHECKOUT and age > CHALLENGE_LASTS:
        assert payment.payment_intent_id is not None, "an open charge is known at Stripe"
        payments.follow_intent(context, payment, context.gateway.cancel(payment.payment_intent_id))
        signals.commit(session)


def _follow(context: Context, payment: Payment) -> bool:
    """Fetch what Stripe has of a payment and follow it; whether it has anything. Commits.

    Where the answer that named it was lost, it is found among its customer's by our key.
    """
    session = context.session
    customer_id, key = known_customer(session, payment.owner), payment.idempotency_key
    session_id, intent_id, via = payment.session_id, payment.payment_intent_id, payment.via
    session.commit()
    if via is Via.CHECKOUT:
        checkout = _find_checkout(context, session_id, customer_id, key)
        if checkout is not None:
            payments.follow_checkout(context, payment, checkout)
        found = checkout is not None
    else:
        intent = _find_intent(context, intent_id, customer_id, key)
        if intent is not None:
            payments.follow_intent(context, payment, intent)
        found = intent is not None
    signals.commit(session)
    return found


def _find_checkout(
    context: Context, session_id: str | None, customer_id: str | None, key: str
) -> Checkout | None:
    if session_id:
        return context.gateway.fetch_checkout(session_id)
    return context.gateway.find_checkout(customer_id, key) if customer_id else None


def _find_intent(context: Context, intent_id: str | None, customer_id: str | None, key: str) -> Intent | None:
    if intent_id:
        return context.gateway.fetch_intent(intent_id)
    return context.gateway.find_intent(customer_id, key) if customer_id else None
