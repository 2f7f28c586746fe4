"""Packs and quantities on Stripe's Checkout: open a page, and come back from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ...catalog import Offer
from ...context import Context, reading, refuse_uncommitted, transaction, write_now
from ...errors import GatewayRefused, NotYours, UnknownItem
from ...gateway.payments.checkout import LineItem, WaysBack
from ...gateway.values import Checkout, is_session_id
from ...languages import formats
from ...languages.words import gettext as _
from ...payments import payments, wishes
from ...payments.customers import billing_details
from ...payments.customers.making import with_customer
from ...payments.customers.rows import known_customer
from ...payments.models import Payment, PaymentState, Via
from ...payments.outcome import applying, transitions
from ...payments.wishes import NAMELESS, Wish
from ...subscriptions import currencies
from .. import beginning, settling
from . import earlier_pages


def open_checkout(
    context: Context,
    owner: str,
    offer: Offer,
    *,
    ways_back: WaysBack,
    wish: Wish = NAMELESS,
    keep_card: bool = False,
) -> Checkout:
    """Ask Stripe for a page where ``owner`` can pay for ``offer`` once.

    :param wish: Sent again, it finds its page, before any guard. By default its digest is of the offer.
    :param keep_card: Whether the card that pays is put on file.
    :raises UnknownItem: Invoices are made, and the owner's plan runs in another currency.
    :raises GatewayUnavailable: Stripe did not answer. Nothing is paid: nobody has seen the page.

    The page lives for 24 hours: https://docs.stripe.com/api/checkout/sessions/object
    """
    refuse_uncommitted(context)
    if wish.digest is None:
        wish = replace(wish, digest=wishes.digest({"pack": offer.pack, "credits": offer.credits}))
    named, opened = earlier_pages.page(context, owner, wish)
    if opened is not None:
        return opened
    with reading(context):
        currencies.require_payable(context, owner, offer.currency)
    payment = beginning.begin(context, owner, offer, via=Via.CHECKOUT, wish=named)
    with reading(context) as session:
        key, is_open = payment.idempotency_key, payment.session_id is not None
        item = LineItem(formats.title(payment.title), _about(offer), payment.amount_minor, payment.currency)
        billed_to = billing_details.details_of(session, owner)
    if is_open:  # by another request of the same wish, meanwhile
        _, opened = earlier_pages.page(context, owner, wish)
        if opened is not None:
            return opened
    ask = partial(
        context.gateway.checkout.open,
        item,
        key=key,
        keep_card=keep_card,
        ways_back=ways_back,
        billed_to=billed_to,
    )
    checkout = _ask(context, owner, payment, lambda customer_id: ask(customer_id=customer_id))
    with transaction(context):
        applying.apply(context, payment, checkout)
    return checkout


def _ask(context: Context, owner: str, payment: Payment, ask: Callable[[str], Checkout]) -> Checkout:
    """Have Stripe open the page of a payment. Commits. Where it refuses, nothing comes of the payment.

    :raises UnknownItem: It is less than Stripe charges.
    """
    try:
        return with_customer(context, owner, ask)
    except GatewayRefused as refused:
        with transaction(context):
            transitions.give_up(context, payment, str(refused))
        if refused.reason == "amount_too_small":  # another least, where Stripe pays out in another currency
            words = _("That is less than can be charged. Choose more credits.")
            raise UnknownItem(words, field="credits") from refused
        raise


def _about(offer: Offer) -> str:
    """How many credits an offer gives, where its title does not say so already; for the buyer to read."""
    credits = formats.credits(offer.credits)
    return "" if credits in formats.title(offer.title) else credits


def come_back(context: Context, owner: str, session_id: str) -> Payment:
    """The payment that the browser comes back from, settled as far as it can be known now. Commits.

    :raises NotYours: There is no such session, or it is another owner's.
    :raises GatewayUnavailable: It is not known now.
    """
    refuse_uncommitted(context)
    if not is_session_id(session_id):
        raise NotYours("There is no such purchase.")
    with reading(context) as session:
        # The row has the id before a browser is sent to the page: an id without a row is made up.
        payment = payments.find(session, stripe_id=session_id)
        if payment is None or payment.owner != owner:
            raise NotYours("There is no such purchase.")
        is_paid = payment.state is PaymentState.PAID
    if not is_paid and context.gateway.ask_limit.may(owner):
        write_now(context, settling.sync_checkout(context, session_id))
        _note_billed_to(context, owner)
    return payment


def _note_billed_to(context: Context, owner: str) -> None:
    """Copy whom invoices are for, where the customer may have written that on Checkout. Commits."""
    with reading(context) as session:
        customer_id = known_customer(session, owner)
    if customer_id is not None and context.config.bills_charges:
        write_now(context, billing_details.sync(context, customer_id))
