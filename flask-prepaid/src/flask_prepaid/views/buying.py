"""Buy, and come back from Stripe."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

from flask import Response, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from .. import purchases
from ..catalog import Offer
from ..errors import GatewayUnavailable, NotYours, UnknownItem
from ..models import Payment, PaymentState
from . import page

ATTEMPT = re.compile(r"[A-Za-z0-9_-]{8,64}")
REFRESH_S = 3

#: The return page asks again by itself while one of these may still change.
WAITING = {PaymentState.REQUESTED, PaymentState.OPEN, PaymentState.PENDING, PaymentState.UNKNOWN}


def buy() -> ResponseReturnValue:
    """What is for sale, each item a form of its own; a form sent goes on to Stripe's page."""
    owner = page.customer()
    if request.method == "GET":
        return shelf(owner)
    try:
        offer = page.extension().catalog.offer(
            pack=request.form.get("pack"), credits=request.form.get("credits")
        )
    except UnknownItem as error:
        return shelf(owner, error), error.http_status
    return pay_at_stripe(owner, offer)


def shelf(owner: str, error: UnknownItem | None = None) -> str:
    prepaid = page.extension()
    return page.render(
        "buy.html",
        catalog=prepaid.catalog,
        balance=prepaid.balance(owner),
        error=error,
        written=request.form.get("credits", ""),
        attempt=lambda: secrets.token_urlsafe(16),
        lasting=lasting,
    )


def lasting(expires_after: timedelta | None) -> str:
    """How long credits last, as a sentence."""
    if expires_after is None:
        return "They do not expire."
    days = expires_after.days
    return f"They last for {days:,} day{'s' * (days != 1)}." if days else "They last for less than a day."


def pay_at_stripe(owner: str, offer: Offer) -> Response:
    attempt = request.form.get("attempt", "")
    back = url_for("prepaid.return", _external=True)
    checkout = purchases.open_checkout(
        page.extension(),
        owner,
        offer,
        success_url=f"{back}?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=url_for("prepaid.buy", _external=True),
        attempt=attempt if ATTEMPT.fullmatch(attempt) else None,
    )
    target = checkout.url or url_for("prepaid.return", session_id=checkout.id)
    return make_response(redirect(target, 303))


def come_back() -> ResponseReturnValue:
    """What became of a purchase. Answers 200 itself: a redirect here would lose the customer's only link."""
    prepaid = page.extension()
    owner = prepaid.current_owner()
    if owner is None:
        raise NotYours("There is no such purchase. Sign in as the customer who paid.")
    try:
        payment = purchases.come_back(prepaid, owner, request.args.get("session_id", ""))
    except GatewayUnavailable:
        return result(owner, None)
    return result(owner, payment)


def result(owner: str, payment: Payment | None) -> Response:
    """The page for where ``payment`` stands; ``None`` is: not known yet."""
    state = payment.state if payment else PaymentState.UNKNOWN
    balance = page.extension().balance(owner)
    response = make_response(page.render("result.html", payment=payment, state=state, balance=balance))
    if state in WAITING:
        response.headers["Refresh"] = str(REFRESH_S)
    return response
