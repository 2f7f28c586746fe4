"""What came of a purchase: the page to which its customer comes back, the way on, and the invoice."""

from __future__ import annotations

from flask import Response, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ....errors import GatewayUnavailable, NotYours
from ....payments import payments
from ....payments.models import Payment, PaymentState
from ....purchases import charging, own_payments
from ....purchases.checkout import checkout_pages
from ... import forms, page
from .. import billing, declines
from . import paying

#: The return page asks again by itself while one of these may still change.
WAITING = {PaymentState.REQUESTED, PaymentState.OPEN, PaymentState.PENDING, PaymentState.UNKNOWN}


def confirm() -> ResponseReturnValue:
    """Back to the bank's page, or to Checkout, of a payment that waits for its customer. It pays once."""
    owner, payment_id = page.customer(), forms.payment_id(request.form.get("payment", ""))
    payment, step = charging.resume(
        page.context(), owner, payment_id, return_url=paying.way_back()(payment_id)
    )
    return redirect(step.url if step else url_for("prepaid.return", payment=payment.id), 303)


def invoice(payment: str) -> ResponseReturnValue:
    """On to the PDF at Stripe, whose address is good for some weeks only and so is asked for each time."""
    return redirect(own_payments.invoice_url(page.context(), page.customer(), forms.payment_id(payment)))


def come_back() -> ResponseReturnValue:
    """What became of a purchase. Answers 200 itself: a redirect here would lose the customer's only link."""
    context = page.context()
    owner = context.current_owner()
    if owner is None:
        raise NotYours("There is no such purchase. Sign in as the customer who paid.")
    number, session_id = request.args.get("payment"), request.args.get("session_id", "")
    try:
        if number is not None:
            payment = own_payments.come_back_to(context, owner, forms.payment_id(number))
        else:
            payment = checkout_pages.come_back(context, owner, session_id)
    except GatewayUnavailable:
        ours = in_our_books(owner, number, session_id)
        return result(owner, ours, is_known=ours is not None and ours.state not in WAITING)
    return result(owner, payment)


def in_our_books(owner: str, number: str | None, session_id: str) -> Payment | None:
    """The owner's payment that the address names, as we have it written down."""
    context = page.context()
    if number is not None:
        return own_payments.own_payment(context, owner, forms.payment_id(number))
    return payments.find(context.session, stripe_id=session_id)


def result(owner: str, payment: Payment | None, *, is_known: bool = True) -> Response:
    """The page for where ``payment`` stands, if that is known; ``None`` is a plan that is not known yet."""
    state = payment.state if payment and is_known else PaymentState.UNKNOWN
    ledger = page.context().ledger
    entry = next(iter(ledger.entries(owner, 1, keys={f"payment:{payment.id}"})), None) if payment else None
    html = page.render(
        "result.html",
        payment=payment,
        state=state,
        balance=ledger.balance(owner),
        entry=entry,
        card=billing.card_of(payment) if payment else None,
        why=declines.of_payment(payment) if payment else None,
        wants_other_card=payment is not None and declines.wants_other_card(payment),
    )
    return page.refreshing(html) if state in WAITING else make_response(html)
