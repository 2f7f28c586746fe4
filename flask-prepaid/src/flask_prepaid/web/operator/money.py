"""What an operator does by hand: give credits, correct them, refund money. Each once, with a reason."""

from __future__ import annotations

from functools import partial

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger.errors import PrepaidError

from ... import money
from ...context import transaction
from ...errors import GatewayUnavailable, UnknownItem
from ...languages import units
from ...payments import shown_states
from ...payments.models import UNDER_WAY, Payment
from ...purchases.money_back import disputes, previews, refundable, refunds
from .. import forms
from . import daily_limit, once, page, payments
from .roles import Right


def grant() -> ResponseReturnValue:
    """Give credits. Support gives a few; finance any number."""
    return move_credits(Right.GRANT)


def adjust() -> ResponseReturnValue:
    """Correct a wallet, up or down. The ledger gets one more entry; none of its lines is edited."""
    return move_credits(Right.ADJUST)


def sign() -> int:
    """1 where the form adds credits, -1 where it takes them.

    :raises UnknownItem: It says neither.
    """
    words = "Choose whether to add credits or to take them."
    return -1 if forms.one_of("direction", ("add", "take"), words) == "take" else 1


def move_credits(right: Right) -> ResponseReturnValue:
    """Post what the form says, with the record of it, and return to the customer with what came of it."""
    operator = page.operator(right)
    context = page.context()
    owner = page.known_owner(request.form.get("owner", ""))
    try:
        credits, reason = forms.credits_to_move(), forms.reason()
        moved = credits if right is Right.GRANT else sign() * credits
        key = f"operator:{forms.required_attempt()}"
        if right is Right.GRANT and credits > context.config.small_grant:
            page.operator(Right.GRANT_MANY)
        with transaction(context) as session:
            once.take_turn(session, key)
            is_new = not context.ledger.entries(owner, 1, keys={key})
            if is_new and right is Right.GRANT and not operator.may(Right.GRANT_MANY):
                daily_limit.count(context, operator, owner, credits)
            move = context.ledger.grant if right is Right.GRANT else context.ledger.adjust
            move(owner, moved, key=key, reason=f"{reason} (by {operator.name})")
            if is_new:
                page.record(operator, right, owner=owner, reason=reason, credits=moved)
    except PrepaidError as error:
        flash(str(error), "warning")
    else:
        change, balance = units.number(moved, signed=True), context.ledger.balance(owner)
        flash(f"{change} {units.current().plural}. The balance is {units.number(balance)} now.", "success")
    return redirect(page.customer_url(owner), 303)


def refund(payment_id: int) -> ResponseReturnValue:
    """The form that refunds money, and what it does. Only for one who has just signed in again.

    With ``count`` nothing is refunded: the form says how many credits the amount would take back.
    """
    operator = page.proven(Right.REFUND, back=url_for("prepaid.operator_refund", payment_id=payment_id))
    context = page.context()
    payment = payments.by_number(payment_id)
    if request.method == "GET":
        return refund_form(payment)
    try:
        amount = forms.amount_minor(payment.currency, example_minor=payment.paid_minor or 0)
        left = refundable.left_to_refund(context.session, payment)
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
        refunded = refunds.refund(context, payment.id, amount_minor=amount, reason=by, key=key, note=record)
    except GatewayUnavailable:
        flash(
            "Stripe does not answer, and it is not known yet whether the refund is made. "
            "Do not send it again. We check within a minute.",
            "warning",
        )
    except PrepaidError as error:
        return refund_form(payments.by_number(payment_id), error), error.http_status
    else:
        shown = money.show(amount, payment.currency)  # of several charges, each has a refund of its own
        under_way = "under way, " if refunded.state in UNDER_WAY else ""
        flash(f"Refund of {shown} for payment {payment.id}: {under_way}{refunded.state}.", "success")
    return redirect(url_for("prepaid.operator_payment", payment_id=payment_id), 303)


def refund_form(
    payment: Payment, error: PrepaidError | None = None, *, amount_minor: int | None = None
) -> str:
    """:param amount_minor: What was typed, where that can be refunded; by default all that is left."""
    context = page.context()
    session = context.session
    left = refundable.left_to_refund(session, payment)
    credited = refundable.credited_minor(session, payment.id)
    taken = disputes.taken_by_bank(session, [payment.id]).get(payment.id)
    under_way_minor = shown_states.refunded_of_each(session, [payment])[payment.id].under_way_minor
    counted_minor = left - credited if amount_minor is None else amount_minor
    counts = 0 < counted_minor <= left and not taken and not error
    return page.render(
        "refund.html",
        payment=payment,
        name=page.label(payment.owner),
        left=left,
        counted_minor=counted_minor,
        takes=previews.would_take(context, payment, counted_minor) if counts else None,
        credited=credited,
        taken=taken,
        under_way=money.show(under_way_minor, payment.currency) if under_way_minor else "",
        is_unknown=refundable.is_refund_unknown(session, payment.id),
        decimal=money.decimal,
        error=error,
        written=request.form,
        attempt=forms.new_attempt,
    )
