"""Buy a number of credits on a page of our own: the quantity with its live total, then Stripe's elements."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from ....catalog import Offer
from ....errors import UnknownItem
from ....languages import choice, formats
from ....languages.words import gettext as _
from ....payments import tax_rates
from ....subscriptions import currencies
from ... import forms, page
from . import buy, shelf
from .chosen_offer import chosen_card, chosen_offer


def custom() -> ResponseReturnValue:
    """Our own page: first the quantity with its live total, then the card.

    The card goes from Stripe's frame to Stripe, never through us.
    """
    owner = page.customer()
    if request.method == "GET":
        return total() if "credits" in request.args else quantity(owner)
    try:
        if (led := buy.sent_before(owner)) is not None:
            return led
        offer = chosen_offer()
        card_id = chosen_card(offer)
        return buy.pay_by_card(owner, offer, card_id) if card_id else pay_on_our_page(owner, offer)
    except UnknownItem as error:
        html = shelf.shelf(owner, error) if page.context().config.own_card_form else quantity(owner, error)
        return html, error.http_status


def quantity(owner: str, error: UnknownItem | None = None) -> str:
    context = page.context()
    return page.render(
        "custom.html",
        offer=None,
        quantity=shelf.quantity_in(currencies.binding(context, owner)),
        balance=context.ledger.balance(owner),
        error=error,
        written=request.form.get("credits", ""),
        attempt=forms.new_attempt(),
    )


def total() -> ResponseReturnValue:
    """What a quantity costs, for the live total. The server alone decides prices."""
    with choice.written_in(choice.of_reader() or choice.current()):  # the page's script reads it out
        return _total()


def _total() -> ResponseReturnValue:
    try:
        offer = page.context().catalog.offer(credits=forms.whole_number(request.args, "credits"))
    except UnknownItem as error:
        return jsonify({"error": _(str(error))}), error.http_status
    words = {"total": formats.amount(offer.amount_minor, offer.currency)}
    if rate := tax_rates.last(page.context(), page.customer()):
        taxed_minor = tax_rates.with_tax(offer.amount_minor, rate, offer.currency)
        words["with_tax"] = formats.amount(taxed_minor, offer.currency)
    return jsonify(words)


def pay_on_our_page(owner: str, offer: Offer) -> Response:
    if page.context().config.automatic_tax:  # which asks for an address, and so for Stripe's page
        return buy.pay_at_stripe(owner, offer)
    return buy.to_new_page(owner, offer, cancel_url=None)
