"""An operator refunds money of a payment: the form, what it would take back, and the refund, once."""

from __future__ import annotations

from functools import partial

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger.errors import PrepaidError

from .... import money
from ....errors import GatewayUnavailable, UnknownItem
from ....payments import shown_states
from ....payments.models import UNDER_WAY, Payment
from ....purchases.money_back import previews, refundable, refunds
from ....purchases.money_back.disputes import disputes
from ... import forms
from .. import page
from ..roles import Right
from .payment_page import by_number


def refund(payment_id: int) -> ResponseReturnValue:
    """The form that refunds money, and what it does. Only for one who has just signed in again.

    With ``count`` nothing is refunded: the form says how many credits the amount would take back. ``charge``
    names the one of several charges that gives it back.
    """
    charge = charge_named()
    back = url_for("prepaid.operator_refund", payment_id=payment_id, charge=charge)
    operator = page.proven(Right.REFUND, back=back)
    context = page.context()
    payment = by_number(payment_id)
    if request.method == "GET":
        return refund_form(payment)
    try:
        amount = forms.amount_minor(payment.currency, example_minor=payment.paid_minor or 0)
        left = refundable.left_to_refund(context.session, payment, charge)
        if amount > left > 0:
            raise UnknownItem(
                f"At most {money.show(left, payment.currency)} can be refunded.", field="amount"
            )
        if "count" in request.form:
            return refund_form(payment, amount_minor=amount)
        reason, key = forms.reason(), forms.required_attempt()
    except UnknownItem as error:
        return refund_form(payment, error), error.http_status
    detail = {"payment": payment.id, "amount_minor": amount, "currency": payment.currency}
    record = partial(page.record, operator, Right.REFUND, owner=payment.owner, reason=reason, **detail)
    by = f"{reason} (by {operator.name})"
    try:
        refunded = refunds.refund(
            context, payment.id, amount_minor=amount, charge=charge, reason=by, key=key, note=record
        )
    except GatewayUnavailable:
        flash(
            "Stripe does not answer, and it is not known yet whether the refund is made. "
            "Do not send it again. We check within a minute.",
            "warning",
        )
    except PrepaidError as error:
        return refund_form(by_number(payment_id), error), error.http_status
    else:
        shown = money.show(amount, payment.currency)  # of several charges, each has a refund of its own
        under_way = "under way, " if refunded.state in UNDER_WAY else ""
        flash(f"Refund of {shown} for payment {payment.id}: {under_way}{refunded.state}.", "success")
    return redirect(url_for("prepaid.operator_payment", payment_id=payment_id), 303)


def charge_named() -> str | None:
    """The one of several charges that is to give money back, if one is named."""
    return forms.line(request.values, "charge") or None


def refund_form(
    payment: Payment, error: PrepaidError | None = None, *, amount_minor: int | None = None
) -> str:
    """:param amount_minor: What was typed, where that can be refunded; by default all that is left."""
    context = page.context()
    session = context.session
    charge = charge_named()
    left = refundable.left_to_refund(session, payment, charge)
    credited = refundable.credited_minor(session, payment, charge)
    taken = disputes.taken_by_bank(session, [payment.id]).get(payment.id)
    under_way_minor = shown_states.refunded_of_each(session, [payment])[payment.id].under_way_minor
    counted_minor = left - credited if amount_minor is None else amount_minor
    counts = 0 < counted_minor <= left and not taken and not error
    return page.render(
        "refund.html",
        payment=payment,
        name=page.label(payment.owner),
        left=left,
        charge=charge,
        counted_minor=counted_minor,
        takes=previews.would_take(context, payment, counted_minor) if counts else None,
        credited=credited,
        taken=taken,
        under_way=money.show(under_way_minor, payment.currency) if under_way_minor else "",
        is_unknown=payment.id in refundable.unanswered(session, [payment.id]),
        decimal=money.decimal,
        error=error,
        written=request.form,
        attempt=forms.new_attempt,
    )
