"""Buy, and come back from Stripe."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

from flask import Response, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ..catalog import Offer
from ..errors import GatewayUnavailable, NotYours, UnknownItem
from ..payments.models import Payment, PaymentState
from ..purchases import cards
from ..purchases import checkout as purchases
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
        card_id = request.form.get("saved_card") if offer.amount_minor else None  # a gift charges no card
        return pay_by_card(owner, offer, card_id) if card_id else pay_at_stripe(owner, offer)
    except UnknownItem as error:
        return shelf(owner, error), error.http_status


def shelf(owner: str, error: UnknownItem | None = None) -> str:
    prepaid = page.extension()
    on_file = cards.saved(prepaid.session, owner)
    return page.render(
        "buy.html",
        catalog=prepaid.catalog,
        balance=prepaid.balance(owner),
        cards=on_file,
        error=error,
        written=request.form.get("credits", ""),
        attempt=new_attempt,
        lasting=lasting,
    )


def lasting(expires_after: timedelta | None) -> str:
    """How long credits last, as a sentence."""
    if expires_after is None:
        return "Credits do not expire."
    days = expires_after.days
    return (
        f"Credits last for {days:,} day{'s' * (days != 1)}." if days else "Credits last for less than a day."
    )


def pay_at_stripe(owner: str, offer: Offer) -> Response:
    back = url_for("prepaid.return", _external=True)
    checkout = purchases.open_checkout(
        page.extension(),
        owner,
        offer,
        success_url=f"{back}?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=url_for("prepaid.buy", _external=True),
        attempt=attempt(),
        keep_card=bool(request.form.get("keep_card")),
    )
    target = checkout.url or url_for("prepaid.return", session_id=checkout.id)
    return make_response(redirect(target, 303))


def pay_by_card(owner: str, offer: Offer, card_id: str) -> Response:
    """One press, and on to the result, or to the bank if it wants to see its customer."""
    try:
        payment, challenge_url = purchases.charge_card(
            page.extension(), owner, offer, card_id, return_url=result_url, attempt=attempt()
        )
    except NotYours:
        gone = "That card is not on file any more. Choose another one."
        raise UnknownItem(gone, field="saved_card") from None
    return make_response(redirect(challenge_url or url_for("prepaid.return", payment=payment.id), 303))


def confirm() -> ResponseReturnValue:
    """On to the bank's page of a payment that waits for its customer; it is the same payment that goes on."""
    number = request.form.get("payment", "")
    owner, payment_id = page.customer(), payment_number(number)
    payment, challenge_url = purchases.resume(
        page.extension(), owner, payment_id, return_url=result_url(payment_id)
    )
    return redirect(challenge_url or url_for("prepaid.return", payment=payment.id), 303)


def invoice(payment: str) -> ResponseReturnValue:
    """On to the PDF at Stripe, whose address is good for some weeks only and so is asked for each time."""
    return redirect(purchases.invoice_url(page.extension(), page.customer(), payment_number(payment)))


def new_attempt() -> str:
    """A token for one form: sent twice, it is one purchase."""
    return secrets.token_urlsafe(16)


def attempt() -> str | None:
    """The token of the form that was sent, if it had one."""
    token = request.form.get("attempt", "")
    return token if ATTEMPT.fullmatch(token) else None


def result_url(payment_id: int) -> str:
    return url_for("prepaid.return", payment=payment_id, _external=True)


def payment_number(text: str) -> int:
    """
    :raises NotYours: It is no number of a payment.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotYours("There is no such purchase.")
    return int(text)


def come_back() -> ResponseReturnValue:
    """What became of a purchase. Answers 200 itself: a redirect here would lose the customer's only link."""
    prepaid = page.extension()
    owner = prepaid.current_owner()
    if owner is None:
        raise NotYours("There is no such purchase. Sign in as the customer who paid.")
    number, session_id = request.args.get("payment"), request.args.get("session_id", "")
    try:
        if number is not None:
            payment = purchases.come_back_to(prepaid, owner, payment_number(number))
        else:
            payment = purchases.come_back(prepaid, owner, session_id)
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
