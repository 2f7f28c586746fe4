"""What an operator does by hand: give credits, correct them, send money back. Each once, with a reason."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger.errors import PrepaidError

from ... import money
from ...errors import GatewayUnavailable, UnknownItem
from ...payments.models import Payment
from ...purchases import refunds
from .. import buying, page
from . import page as desk
from .payments import of_number
from .plan import known_owner
from .roles import Operator, Right


def grant() -> ResponseReturnValue:
    """Give credits. Support gives a few; finance any number."""
    return by_form(Right.GRANT, 1)


def adjust() -> ResponseReturnValue:
    """Correct a wallet, up or down. The ledger gets one more entry; none of its lines is edited."""
    return by_form(Right.ADJUST, -1 if request.form.get("direction") == "take" else 1)


def by_form(deed: Right, sign: int) -> ResponseReturnValue:
    """Post what the form says, and go back to the customer with what came of it."""
    who = desk.operator(deed)
    owner = known_owner(request.form.get("owner", ""))
    try:
        credits, why, key = credits_of_form(), desk.reason(), f"operator:{desk.once()}"
        if deed is Right.GRANT and credits > page.extension().config.small_grant:
            desk.operator(Right.GRANT_MANY)
        post(who, deed, owner, sign * credits, key=key, why=why)
    except PrepaidError as error:
        page.extension().session.rollback()
        flash(str(error), "warning")
    else:
        flash(
            f"{sign * credits:+,} credits. The balance is {page.extension().balance(owner):,} now.", "success"
        )
    return redirect(desk.story_url(owner), 303)


def post(who: Operator, deed: Right, owner: str, credits: int, *, key: str, why: str) -> None:
    """Move the credits and tell the host, in one commit."""
    prepaid = page.extension()
    move = prepaid.grant if deed is Right.GRANT else prepaid.adjust
    move(owner, credits, key=key, reason=f"{why} (by {who.name})")
    desk.record(who, deed, owner=owner, reason=why, credits=credits)
    prepaid.session.commit()


def credits_of_form() -> int:
    """
    :raises UnknownItem: It is no whole number from 1 on, or too large.
    """
    text = request.form.get("credits", "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 0 < int(text) <= desk.MOST_CREDITS):
        raise UnknownItem(f"Write a whole number of credits, 1 to {desk.MOST_CREDITS:,}.", field="credits")
    return int(text)


def refund(payment_id: int) -> ResponseReturnValue:
    """The form that sends money back, and what it does. Only for one who has just signed in again."""
    who = desk.proven(Right.REFUND, back=url_for("prepaid.operator_refund", payment_id=payment_id))
    prepaid = page.extension()
    payment = of_number(payment_id)
    if request.method == "GET":
        return refund_form(payment)
    try:
        amount, why, key = amount_of_form(payment), desk.reason(), desk.once()
    except UnknownItem as error:
        return refund_form(payment, error), error.http_status
    desk.record(who, Right.REFUND, owner=payment.owner, reason=why, payment=payment.id, amount_minor=amount)
    prepaid.session.commit()
    try:
        sent = refunds.refund(
            prepaid, payment.id, amount_minor=amount, reason=f"{why} (by {who.name})", key=key
        )
    except GatewayUnavailable:
        flash(
            "Stripe does not answer. It is not known yet whether the money goes back; do not ask again, "
            "it is found out within a minute.",
            "warning",
        )
    except PrepaidError as error:
        return refund_form(of_number(payment_id), error), error.http_status
    else:
        shown = money.show(sent.amount_minor, payment.currency)
        flash(f"{shown} of payment {payment.id} goes back: {sent.state}.", "success")
    return redirect(url_for("prepaid.operator_payment", payment_id=payment_id), 303)


def refund_form(payment: Payment, error: PrepaidError | None = None) -> str:
    return desk.render(
        "refund.html",
        payment=payment,
        name=desk.names([payment.owner])[payment.owner],
        left=max((payment.paid_minor or 0) - payment.refunded_minor, 0),
        taken=refunds.taken_by_bank(page.extension().session, [payment.id]).get(payment.id),
        decimal=plain,
        error=error,
        written=request.form,
        attempt=buying.new_attempt,
    )


def plain(amount_minor: int, currency: str) -> str:
    """An amount as the form takes it: ``12.50``."""
    places = money.decimals(currency)
    return f"{Decimal(amount_minor).scaleb(-places):.{places}f}"


def amount_of_form(payment: Payment) -> int:
    """The amount in the smallest unit, from ``12.50``.

    :raises UnknownItem: It is no amount of the payment's currency.
    """
    text = request.form.get("amount", "").strip().replace(",", "")
    wrong = f"Write an amount such as {plain(payment.paid_minor or 0, payment.currency)}."
    if not text.isascii() or len(text) > 20:
        raise UnknownItem(wrong, field="amount")
    try:
        minor = Decimal(text).scaleb(money.decimals(payment.currency))
        if not (minor.is_finite() and minor == minor.to_integral_value() and minor > 0):
            raise InvalidOperation
    except InvalidOperation:
        raise UnknownItem(wrong, field="amount") from None
    return int(minor)
