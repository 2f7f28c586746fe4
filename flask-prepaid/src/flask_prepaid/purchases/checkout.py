"""Packs and quantities: open a checkout or charge a card on file; settle by whichever door comes first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from ..catalog import Offer
from ..context import Context, Write, nothing, reading, refuse_uncommitted, transaction, write_now
from ..errors import CardDeclined, GatewayRefused, GatewayUnavailable, NotYours, UnknownItem
from ..gateway.charges import CardCharge
from ..gateway.invoice_charge_values import InvoiceCharge
from ..gateway.subscription_values import StripeInvoice
from ..gateway.values import Checkout, Intent, NextStep, is_session_id
from ..languages import formats
from ..languages.words import gettext as _
from ..payments import billing_details, card_testing, payments, timing
from ..payments.customers import card_on_file, known_customer, with_customer
from ..payments.models import Payment, PaymentState, Via
from ..subscriptions import currencies
from . import by_invoice, by_key, cards, earlier

#: Stripe was perhaps asked, and nobody has said no or yes.
UNTRIED = (PaymentState.REQUESTED, PaymentState.UNKNOWN)

#: A charge that waits for its owner at the bank is closed after this.
CHALLENGE_LASTS = timedelta(hours=24)


def open_checkout(
    context: Context,
    owner: str,
    offer: Offer,
    *,
    success_url: str,
    cancel_url: str | None,
    attempt: str | None = None,
    sent_digest: str | None = None,
    keep_card: bool = False,
) -> Checkout:
    """Ask Stripe for a page where ``owner`` can pay for ``offer`` once.

    :param success_url: Where the browser comes back. Stripe puts the session id in
        place of ``{CHECKOUT_SESSION_ID}``.
    :param cancel_url: Where a customer goes who does not pay; ``None`` opens no page of
        Stripe's, but a session for its elements on a page of our own.
    :param attempt: A token of the form that was sent. The same one finds the same page, before any guard.
    :param sent_digest: The digest of what was sent with it, by which another wish is refused; by default
        that of the offer.
    :param keep_card: Whether the card that pays is put on file.
    :raises UnknownItem: Invoices are made, and the owner's plan runs in another currency.
    :raises GatewayUnavailable: Stripe did not answer. Nothing is paid: nobody has seen the page.

    The page lives for 24 hours: https://docs.stripe.com/api/checkout/sessions/object
    """
    refuse_uncommitted(context)
    sent_digest = sent_digest or payments.digest({"pack": offer.pack, "credits": offer.credits})
    name, opened = earlier.page(context, owner, attempt, sent_digest=sent_digest)
    if opened is not None:
        return opened
    with reading(context):
        currencies.require_payable(context, owner, offer.currency)
    payment = _begin(context, owner, offer, via=Via.CHECKOUT, attempt=name, sent_digest=sent_digest)
    with reading(context) as session:
        agreed, is_open = _agreed(payment), payment.session_id is not None
        billed_to = billing_details.details_of(session, owner)
    if is_open:  # by another request of the same attempt, meanwhile
        name, opened = earlier.page(context, owner, attempt, sent_digest=sent_digest)
        if opened is not None:
            return opened
    ask = partial(
        context.gateway.checkout.open,
        **{**agreed, "title": formats.title(agreed["title"])},
        about=_about(offer),
        keep_card=keep_card,
        success_url=success_url,
        cancel_url=cancel_url,
        billed_to=billed_to,
    )
    checkout = _ask(context, owner, payment, lambda customer_id: ask(customer_id=customer_id))
    with transaction(context):
        payments.apply(context, payment, checkout)
    return checkout


def _ask(context: Context, owner: str, payment: Payment, ask: Callable[[str], Checkout]) -> Checkout:
    """Have Stripe open the page of a payment. Commits. Where it refuses, nothing comes of the payment.

    :raises UnknownItem: It is less than Stripe charges.
    """
    try:
        return with_customer(context, owner, ask)
    except GatewayRefused as refused:
        with transaction(context):
            payments.give_up(context, payment, str(refused))
        if refused.reason == "amount_too_small":  # another least, where Stripe pays out in another currency
            words = _("That is less than can be charged. Choose more credits.")
            raise UnknownItem(words, field="credits") from refused
        raise


def _begin(
    context: Context,
    owner: str,
    offer: Offer,
    *,
    via: Via,
    attempt: str | None = None,
    sent_digest: str | None = None,
    card_id: str | None = None,
) -> Payment:
    """Count the attempt, then write down what is about to be asked of Stripe. Commits each by itself.

    :raises KeyReused: The attempt has asked for something else.
    :raises TooManyAttempts: This customer, this address, or all together have tried too often.
    :raises BuyingPaused: Nothing is sold at the moment.
    """
    with transaction(context):
        card_testing.count_attempt(context, owner)
    with transaction(context):
        return payments.write_down(
            context, owner, offer, via=via, attempt=attempt, sent_digest=sent_digest, card_id=card_id
        )


def _about(offer: Offer) -> str:
    """How many credits an offer gives, where its title does not say so already; for the buyer to read."""
    credits = formats.credits(offer.credits)
    return "" if credits in formats.title(offer.title) else credits


def _agreed(payment: Payment) -> dict[str, Any]:
    """What of a payment Stripe is asked for."""
    return {
        "key": payment.idempotency_key,
        "title": payment.title,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
    }


def settle(context: Context, fetched: payments.Fetched) -> Payment | None:
    """Give what a paid page or a paid charge bought, once; its payment, or ``None`` if it is none of ours.

    All doors lead here, the webhook and the browser's return among them, in any order and any number of
    times. Stripe was asked before, so that no lock waits on it.
    """
    payment = payments.find(context.session, key=fetched.payment_key, stripe_id=fetched.id)
    if payment is not None:
        payments.apply(context, payment, fetched)
    return payment


def sync_checkout(context: Context, session_id: str) -> Write[Payment | None]:
    """Fetch a Checkout Session; what is returned settles it."""
    checkout = context.gateway.checkout.fetch(session_id)
    return partial(settle, context, checkout) if checkout is not None else nothing


def sync_intent(context: Context, intent_id: str) -> Write[Payment | None]:
    """Fetch a PaymentIntent, and its page if it was paid on one; what is returned settles it. Commits."""
    intent = context.gateway.charges.fetch(intent_id)
    if intent is None:
        return nothing
    with reading(context) as session:
        payment = payments.find(session, key=intent.payment_key, stripe_id=intent.id)
        via = payment.via if payment is not None else None
    if via is not Via.CHECKOUT and intent.invoice_id is not None:
        return sync_billed(context, intent.invoice_id)
    if via is not Via.CHECKOUT:
        return partial(settle, context, intent) if via is not None else nothing
    checkout = context.gateway.checkout.of_intent(intent_id)
    return partial(settle, context, checkout) if checkout is not None else nothing


def sync_billed(context: Context, invoice_id: str) -> Write[Payment | None]:
    """Fetch the invoice of a charged card; what is returned settles it."""
    billed = by_invoice.fetch(context, invoice_id)
    return partial(settle, context, billed) if billed is not None else nothing


def sync_invoice(context: Context, invoice: StripeInvoice) -> Write[object]:
    """What to write of an invoice that bills no plan: that of a charged card, or one that Checkout has made.

    Commits.
    """
    with reading(context) as session:
        payment = payments.find(session, key=invoice.payment_key, stripe_id=invoice.id)
        via = payment.via if payment is not None else None
    if via in (Via.CARD, Via.TOPUP):
        return sync_billed(context, invoice.id)
    return partial(note_invoice, context, invoice)


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
        write_now(context, sync_checkout(context, session_id))
        _note_billed_to(context, owner)
    return payment


def _note_billed_to(context: Context, owner: str) -> None:
    """Copy whom invoices are for, where the customer may have written that on Checkout. Commits."""
    with reading(context) as session:
        customer_id = known_customer(session, owner)
    if customer_id is not None and context.config.bills_charges:
        write_now(context, billing_details.sync(context, customer_id))


def charge_card(
    context: Context,
    owner: str,
    offer: Offer,
    card_id: str,
    *,
    return_url: Callable[[int], str],
    attempt: str | None = None,
    sent_digest: str | None = None,
    max_minor: int | None = None,
) -> tuple[Payment, NextStep | None]:
    """Charge a card on file for ``offer``, in one press. Commits.

    Who sends an attempt again asks ``charge_again`` first: it finds the payment whatever has changed since.

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
    payment = _begin(
        context, owner, offer, via=Via.CARD, attempt=attempt, sent_digest=sent_digest, card_id=card_id
    )
    return _go_on(context, owner, payment, return_url=return_url, max_minor=max_minor)


def charge_again(
    context: Context,
    owner: str,
    attempt: str | None,
    *,
    sent_digest: str | None,
    return_url: Callable[[int], str],
    most: Callable[[int], int | None],
) -> tuple[Payment, NextStep | None] | None:
    """The charge that the attempt has begun before, as ``charge_card`` returns it, if there is one. Commits.

    Nothing is guarded and nothing counted: what is paid stays paid though the shop sells no more, the price
    is another or the card is gone.

    :param most: Makes the ``max_minor`` of ``charge_card`` of the price that was agreed.
    :raises KeyReused: The attempt has asked for something else.
    """
    refuse_uncommitted(context)
    with reading(context) as session:
        payment = payments.begun(session, owner, attempt, sent_digest)
        if payment is None or payment.via is not Via.CARD:
            return None
        max_minor = most(payment.amount_minor)
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
        customer_id, card_id = known_customer(session, payment.owner), payment.card_id
        agreed = _agreed(payment)
    assert card_id is not None, "this payment charges a card on file"
    if customer_id is None:  # the account was closed meanwhile
        with transaction(context):
            payments.give_up(context, payment, payments.CUSTOMER_GONE)
        return None
    try:
        wanted = CardCharge(
            **agreed, customer_id=customer_id, card_id=card_id, return_url=return_url, max_minor=max_minor
        )
        charged = by_invoice.charge(context, wanted)
    except GatewayUnavailable:
        with transaction(context):
            payments.mark_unknown(context, payment)
        return None
    except (GatewayRefused, CardDeclined) as refused:
        declined = refused.reason if isinstance(refused, CardDeclined) else None
        with transaction(context):
            payments.give_up(context, payment, declined or str(refused))
        if isinstance(refused, GatewayRefused):  # the card, or its customer, is gone from the dashboard
            cards.refresh(context, customer_id)
        return None
    above = by_invoice.closed_above(charged, max_minor)
    with transaction(context):
        if above is not None:
            payments.refuse_total(context, payment, above)
        else:
            payments.apply(context, payment, charged)
    return charged


def resume(
    context: Context, owner: str, payment_id: int, *, return_url: str
) -> tuple[Payment, NextStep | None]:
    """Lead the customer back to the bank's page, or to Checkout, of a payment that waits for it. Commits.

    The same payment goes on: nothing is charged twice, however often it is resumed.

    :return: The payment, and where it goes on, if it can.
    """
    refuse_uncommitted(context)
    with reading(context):
        payment = _own_payment(context, owner, payment_id)
        intent_id, card_id, state = payment.payment_intent_id, payment.card_id, payment.state
        session_id = payment.session_id
    if session_id is not None:
        return payment, _reopen(context, payment, session_id)
    if state is not PaymentState.OPEN or intent_id is None or card_id is None:
        return payment, None
    try:
        intent = context.gateway.charges.resume(intent_id, card_id=card_id, return_url=return_url)
    except GatewayRefused:  # it has moved on in another tab
        return come_back_to(context, owner, payment_id), None
    billed = by_invoice.fetch(context, intent.invoice_id) if intent.invoice_id else None
    with transaction(context):
        payments.apply(context, payment, billed or intent)
    return payment, intent.next_step


def _reopen(context: Context, payment: Payment, session_id: str) -> NextStep | None:
    """A Checkout page, if it can still be paid; what Stripe says of it is written. Commits."""
    checkout = context.gateway.checkout.fetch(session_id)
    if checkout is None:
        return None
    with transaction(context):
        payments.apply(context, payment, checkout)
    return NextStep(checkout.url) if checkout.status == "open" and checkout.url else None


def come_back_to(context: Context, owner: str, payment_id: int) -> Payment:
    """A payment of the owner's, as far as it can be known now. Commits.

    :raises NotYours: There is no such payment, or it is another owner's.
    """
    refuse_uncommitted(context)
    with reading(context):
        payment = _own_payment(context, owner, payment_id)
        is_paid = payment.state is PaymentState.PAID
    if not is_paid and context.gateway.ask_limit.may(owner):
        _sync(context, payment)
    return payment


def _own_payment(context: Context, owner: str, payment_id: int) -> Payment:
    payment = context.session.get(Payment, payment_id)
    if payment is None or payment.owner != owner:
        raise NotYours("There is no such purchase.")
    return payment


def note_invoice(context: Context, invoice: StripeInvoice) -> None:
    """Note the invoice that Stripe made of a purchase, a little after it was paid."""
    payment = payments.find(context.session, key=invoice.payment_key)
    if payment is not None:
        payments.lock(context.session, payment, invoice_id=invoice.id, invoice_number=invoice.number)


def invoice_url(context: Context, owner: str, payment_id: int) -> str:
    """Where the invoice of a payment is as a PDF, for now.

    :raises NotYours: The owner has no such payment, or there is no invoice of it.
    :raises TooManyAttempts: The owner has asked very often within a minute.
    """
    with reading(context):
        invoice_id = _own_payment(context, owner, payment_id).invoice_id
    context.gateway.ask_limit.require(owner)
    invoice = context.gateway.invoices.fetch(invoice_id) if invoice_id else None
    if invoice is None or invoice.pdf_url is None:
        raise NotYours("There is no invoice of this purchase.")
    return invoice.pdf_url


def check_with_stripe(context: Context, payment_id: int) -> None:
    """Ask Stripe what came of a payment that no event has told of, and write it down. Commits."""
    refuse_uncommitted(context)
    with transaction(context) as session:
        payment = session.get_one(Payment, payment_id)
        payment.check_at = timing.next_check(context.config, payment.checks)
        payment.checks += 1
        age, via = context.clock() - payment.created_at, payment.via
    is_known = _sync(context, payment)
    with reading(context):
        ends_after = None if via is Via.CHECKOUT else _ends_after(payment)
    if not is_known and age > timing.IN_FLIGHT:
        with transaction(context):
            payments.give_up(context, payment, payments.UNKNOWN_AT_STRIPE)
    elif ends_after is not None and age > ends_after:
        _close_charge(context, payment)


def _ends_after(payment: Payment) -> timedelta | None:
    """How old a charge may get that nobody has paid; ``None`` where it is decided, or the bank decides."""
    if payment.state is PaymentState.OPEN:
        return CHALLENGE_LASTS
    is_left = payment.invoice_id is not None and payment.state in UNTRIED
    return timing.IN_FLIGHT if is_left else None


def _close_charge(context: Context, payment: Payment) -> None:
    """Close a charge that waits for its owner at the bank, or an invoice that nobody came to pay. Commits."""
    with reading(context):
        intent_id, invoice_id = payment.payment_intent_id, payment.invoice_id
    closed: payments.Fetched | None
    if invoice_id is not None:
        closed = context.gateway.invoice_charges.close(invoice_id)
    else:
        assert intent_id is not None, "an open charge is known at Stripe"
        closed = context.gateway.charges.cancel(intent_id)
    with transaction(context):
        if closed is None:
            payments.give_up(context, payment, payments.NEVER_ISSUED)
        else:
            payments.apply(context, payment, closed)


def _sync(context: Context, payment: Payment) -> bool:
    """Fetch what Stripe has of a payment and write it down; whether it has anything. Commits.

    Where the answer that named it was lost, it is found among its customer's by our key.
    """
    with reading(context) as session:
        customer_id, key = known_customer(session, payment.owner), payment.idempotency_key
        session_id, intent_id, via = payment.session_id, payment.payment_intent_id, payment.via
        invoice_id = payment.invoice_id
    fetched: payments.Fetched | None
    if via is Via.CHECKOUT:
        fetched = by_key.checkout(context, session_id, customer_id, key)
    elif invoice_id is not None:
        fetched = by_invoice.fetch(context, invoice_id)
    else:
        fetched = by_key.charge(context, intent_id, customer_id, key)
    if fetched is not None:
        with transaction(context):
            payments.apply(context, payment, fetched)
    return fetched is not None
