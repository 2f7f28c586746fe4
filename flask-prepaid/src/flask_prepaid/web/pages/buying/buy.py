"""Buy in one form: it leads to Stripe's page, or charges a card on file, and so to the result."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ....catalog import Offer
from ....errors import GatewayUnavailable, UnknownItem
from ....gateway.values import Checkout, NextStep
from ....payments import payments
from ....payments.models import Payment
from ... import as_shown, errors, page
from . import paying, shelf
from .chosen_offer import buyers_currency, chosen_card, chosen_offer


def buy() -> ResponseReturnValue:
    """What is for sale and how to pay, in one form: it leads to Stripe's page, or charges a card on file."""
    owner = page.customer()
    if request.method == "GET":
        return shelf.shelf(owner)
    try:
        if (led := sent_before(owner)) is not None:
            return led
        offer = chosen_offer()
        card_id = chosen_card(offer)
        return pay_by_card(owner, offer, card_id) if card_id else pay_at_stripe(owner, offer)
    except UnknownItem as error:
        return shelf.shelf(owner, error), error.http_status


def sent_before(owner: str) -> Response | None:
    """Where a form leads that was sent before, whatever has changed since; ``None`` where it is the first.

    :raises KeyReused: Its token has asked for something else.
    """

    def shown_minor(payment: Payment) -> int | None:
        return as_shown.max_minor_of(payment.amount_minor, payment.currency)

    charged = paying.charged_before(owner, shown_minor)
    if charged is not None:
        return to_result(*charged)
    opened = paying.opened_before(owner)
    return to_page(opened) if opened is not None else None


def pay_at_stripe(owner: str, offer: Offer) -> Response:
    return to_new_page(owner, offer, cancel_url=as_chosen(owner, offer, left=1, _external=True))


def to_new_page(owner: str, offer: Offer, *, cancel_url: str | None) -> Response:
    """On to a page that is opened now, as ``open_checkout`` of ``paying`` opens it."""
    try:
        return to_page(paying.open_checkout(owner, offer, cancel_url=cancel_url))
    except GatewayUnavailable as error:
        if not error.charges_nothing:  # the same form has opened a page meanwhile
            raise
        return errors.not_charged(error, again=as_chosen(owner, offer))


def as_chosen(owner: str, offer: Offer, **more: Any) -> str:
    """The shelf, with the choice as it was: there Stripe's page leads who does not pay."""
    return url_for(
        "prepaid.buy",
        pack=offer.pack,
        credits=None if offer.pack else offer.credits,
        currency=buyers_currency(owner),
        saved_card="",
        **more,
    )


def to_page(checkout: Checkout) -> Response:
    """On to Stripe's page, or to what came of it; or our own page, with Stripe's elements for it.

    What it sells, and for how much, was agreed when it was opened.
    """
    if checkout.status != "open" or checkout.client_secret is None:
        target = checkout.url or url_for("prepaid.return", session_id=checkout.id)
        return make_response(redirect(target, 303))
    context = page.context()
    html = page.render(
        "custom.html",
        offer=payments.find(context.session, stripe_id=checkout.id),
        balance=context.ledger.balance(page.customer()),
        client_secret=checkout.client_secret,
    )
    return make_response(html)


def pay_by_card(owner: str, offer: Offer, card_id: str) -> Response:
    """One press, and on to the result, or to the bank if it wants to see its customer."""
    shown_minor = as_shown.max_minor_of(offer.amount_minor, offer.currency)
    return to_result(*paying.charge_card(owner, offer, card_id, max_minor=shown_minor))


def to_result(payment: Payment, step: NextStep | None) -> Response:
    target = step.url if step else url_for("prepaid.return", payment=payment.id)
    return make_response(redirect(target, 303))
