"""Charge a card on file, and lead its owner on where the bank asks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from .. import money
from ..catalog import Offer
from ..context import Context, reading, refuse_uncommitted, transaction
from ..errors import CardDeclined, GatewayRefused, GatewayUnavailable, NotYours, UnknownItem
from ..gateway.billing.invoice_charge_values import InvoiceCharge
from ..gateway.payments.charges import CardCharge, Leftover
from ..gateway.values import Intent, NextStep
from ..languages import formats
from ..payments import payments
from ..payments.customers import billing_details
from ..payments.customers.owned import card_on_file
from ..payments.customers.rows import known_customer
from ..payments.models import Payment, PaymentState, Via
from ..payments.outcome import applying, transitions
from ..payments.wishes import NAMELESS, Wish
from ..subscriptions import currencies, plan_rows
from . import beginning, by_invoice, own_payments
from .saved_cards import copies


def charge_card(
    context: Context,
    owner: str,
    offer: Offer,
    card_id: str,
    *,
    return_url: Callable[[int], str],
    wish: Wish = NAMELESS,
    max_minor: int | None = None,
) -> tuple[Payment, NextStep | None]:
    """Charge a card on file for ``offer``, in one press. Commits.

    Who sends a wish again asks ``charge_again`` first: it finds the payment whatever has changed since.

    :param max_minor: The total with tax that the customer was shown. What costs more is not charged; the
        payment's failure is ``tax_rates.ABOVE_MAX`` then, and its ``tax_minor`` what comes on top.
    :param return_url: Makes the address, by the payment's id, to which the bank's page leads back.
    :return: The payment, and the bank's question if it wants to see its customer.
    :raises NotYours: The owner has no such card.
    :raises UnknownItem: It costs more than ``max_minor`` even without tax; or tax is added, and the owner's
        country is not known; or invoices are made, and the owner's plan runs in another currency.
    """
    refuse_uncommitted(context)
    if max_minor is not None and offer.amount_minor > max_minor:
        price = formats.amount(offer.amount_minor, offer.currency)
        raise UnknownItem(f"It costs {price}, more than max_minor. Nothing is charged.", field="max_minor")
    with reading(context) as session:
        if card_on_file(session, owner, card_id) is None:
            raise NotYours("There is no such card.")
        currencies.require_payable(context, owner, offer.currency)
    billing_details.require_address(context, owner)
    payment = beginning.begin(context, owner, offer, via=Via.CARD, wish=wish, card_id=card_id)
    return _go_on(context, owner, payment, return_url=return_url, max_minor=max_minor)


def charge_again(
    context: Context,
    owner: str,
    wish: Wish,
    *,
    return_url: Callable[[int], str],
    max_minor_of: Callable[[Payment], int | None],
) -> tuple[Payment, NextStep | None] | None:
    """The charge that the wish has begun before, as ``charge_card`` returns it, if there is one. Commits.

    Nothing is guarded and nothing counted: what is paid stays paid though the shop sells no more, the price
    is another or the card is gone.

    :param max_minor_of: Says the ``max_minor`` of ``charge_card`` for the payment that was begun.
    :raises KeyReused: The name of the wish has asked for something else.
    """
    refuse_uncommitted(context)
    with reading(context) as session:
        payment = payments.begun(session, owner, wish)
        if payment is None or payment.via is not Via.CARD:
            return None
        max_minor = max_minor_of(payment)
    return _go_on(context, owner, payment, return_url=return_url, max_minor=max_minor)


def _go_on(
    context: Context,
    owner: str,
    payment: Payment,
    *,
    return_url: Callable[[int], str],
    max_minor: int | None,
) -> tuple[Payment, NextStep | None]:
    """Charge what is written down, or lead on to the bank; nothing where either is done. Commits."""
    with reading(context):
        payment_id, state = payment.id, payment.state
    if state is PaymentState.REQUESTED:
        charged = charge(context, payment, return_url=return_url(payment_id), max_minor=max_minor)
        return payment, by_invoice.next_step(charged) if charged else None
    if state is PaymentState.OPEN:
        with suppress(GatewayUnavailable):  # what is known is answered
            return resume(context, owner, payment_id, return_url=return_url(payment_id))
    return payment, None


def charge(
    context: Context, payment: Payment, *, return_url: str | None, max_minor: int | None = None
) -> InvoiceCharge | Intent | None:
    """Ask Stripe to charge the card of a committed payment, and write what it says. Commits.

    ``None`` is: nothing came of it, or it is not known, as the payment's state says.
    """
    with reading(context) as session:
        customer_id = known_customer(session, payment.owner)
        wanted = _wanted(context, payment, customer_id, return_url, max_minor) if customer_id else None
    if wanted is None:  # the account was closed meanwhile
        with transaction(context):
            transitions.give_up(context, payment, transitions.CUSTOMER_GONE)
        return None
    try:
        charged = by_invoice.charge(context, wanted)
    except GatewayUnavailable:
        with transaction(context):
            transitions.mark_unknown(context, payment)
        return None
    except (GatewayRefused, CardDeclined) as refused:
        declined = refused.reason if isinstance(refused, CardDeclined) else None
        with transaction(context):
            transitions.give_up(context, payment, declined or str(refused))
        if isinstance(refused, GatewayRefused):  # the card, or its customer, is gone from the dashboard
            copies.refresh(context, wanted.customer_id)
        return None
    above = by_invoice.closed_above(charged, max_minor)
    with transaction(context):
        if above is not None:
            transitions.refuse_total(context, payment, above)
        else:
            applying.apply(context, payment, charged)
    return charged


def _wanted(
    context: Context, payment: Payment, customer_id: str, return_url: str | None, max_minor: int | None
) -> CardCharge:
    """What of a payment Stripe is asked for."""
    assert payment.card_id is not None, "this payment charges a card on file"
    # No invoice of a plan collects any more what is too little to be charged alone.
    plan_id = plan_rows.idle_id(context.session, payment.owner) if context.config.bills_charges else None
    return CardCharge(
        key=payment.idempotency_key,
        customer_id=customer_id,
        card_id=payment.card_id,
        title=payment.title,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        return_url=return_url,
        max_minor=max_minor,
        leftover=Leftover(plan_id, money.min_charge_minor(payment.currency)) if plan_id else None,
    )


def resume(
    context: Context, owner: str, payment_id: int, *, return_url: str
) -> tuple[Payment, NextStep | None]:
    """Lead the customer back to the bank's page, or to Checkout, of a payment that waits for it. Commits.

    The same payment goes on: nothing is charged twice, however often it is resumed.

    :return: The payment, and where it goes on, if it can.
    :raises TooManyAttempts: The owner has had Stripe asked very often within a minute.
    """
    refuse_uncommitted(context)
    with reading(context):
        payment = own_payments.own_payment(context, owner, payment_id)
        intent_id, card_id, state = payment.payment_intent_id, payment.card_id, payment.state
        session_id = payment.session_id
    if session_id is not None:
        context.gateway.ask_limit.require(owner)
        return payment, _reopen(context, payment, session_id)
    if state is not PaymentState.OPEN or intent_id is None or card_id is None:
        return payment, None
    context.gateway.ask_limit.require(owner)
    try:
        intent = context.gateway.charges.resume(intent_id, card_id=card_id, return_url=return_url)
    except GatewayRefused:  # it has moved on in another tab
        return own_payments.come_back_to(context, owner, payment_id), None
    billed = by_invoice.fetch(context, intent.invoice_id) if intent.invoice_id else None
    with transaction(context):
        applying.apply(context, payment, billed or intent)
    return payment, intent.next_step


def _reopen(context: Context, payment: Payment, session_id: str) -> NextStep | None:
    """A Checkout page, if it can still be paid; what Stripe says of it is written. Commits."""
    checkout = context.gateway.checkout.fetch(session_id)
    if checkout is None:
        return None
    with transaction(context):
        applying.apply(context, payment, checkout)
    return NextStep(checkout.url) if checkout.status == "open" and checkout.url else None
