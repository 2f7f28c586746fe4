"""Buying on our own page: a quantity with its live total, then Stripe's elements on it."""

from __future__ import annotations

from flask import jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from .. import money
from ..catalog import Offer
from ..errors import UnknownItem
from ..purchases import checkout as purchases
from . import page
from .buying import attempt, new_attempt, pay_at_stripe


def custom() -> ResponseReturnValue:
    """First the quantity, then the card. The card goes from Stripe's frame to Stripe, never through us."""
    owner = page.customer()
    if request.method == "POST":
        try:
            offer = page.extension().catalog.offer(credits=request.form.get("credits", ""))
        except UnknownItem as error:
            return quantity(owner, error), error.http_status
        return pay(owner, offer)
    return total() if "credits" in request.args else quantity(owner)


def quantity(owner: str, error: UnknownItem | None = None) -> str:
    prepaid = page.extension()
    return page.render(
        "custom.html",
        offer=None,
        quantity=prepaid.catalog.quantity,
        balance=prepaid.balance(owner),
        error=error,
        written=request.form.get("credits", ""),
        attempt=new_attempt(),
    )


def total() -> ResponseReturnValue:
    """What a quantity costs, for the live total. The server alone decides prices."""
    try:
        offer = page.extension().catalog.offer(credits=request.args["credits"])
    except UnknownItem as error:
        return jsonify({"error": str(error)}), error.http_status
    return jsonify({"total": money.show(offer.amount_minor, offer.currency)})


def pay(owner: str, offer: Offer) -> ResponseReturnValue:
    prepaid = page.extension()
    if prepaid.config.automatic_tax:  # which asks for an address, and so for Stripe's page
        return pay_at_stripe(owner, offer)
    back = url_for("prepaid.return", _external=True)
    checkout = purchases.open_checkout(
        prepaid,
        owner,
        offer,
        success_url=f"{back}?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=None,
        attempt=attempt(),
        keep_card=bool(request.form.get("keep_card")),
    )
    if checkout.client_secret is None or checkout.status != "open":  # the same form again, after paying
        return redirect(url_for("prepaid.return", session_id=checkout.id), 303)
    return page.render(
        "custom.html",
        offer=offer,
        balance=prepaid.balance(owner),
        client_secret=checkout.client_secret,
    )
