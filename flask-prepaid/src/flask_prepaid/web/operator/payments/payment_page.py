"""One payment: its refunds, disputes and reviews, what is left of it, and the end of a review."""

from __future__ import annotations

from functools import partial

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from .... import money
from ....errors import NotYours, UnknownItem
from ....payments import part_charges, shown_states
from ....payments.dispute_states import DisputeState
from ....payments.models import Dispute, Payment, PaymentState, Refund, RefundState
from ....payments.outcome import wrong_charges
from ....purchases import reviews
from ....purchases.money_back import refundable
from ....purchases.money_back.disputes import fraud_warnings
from ....purchases.money_back.disputes.disputes import of_charges_at_bank, taken_by_bank
from ....reports.balance import fees
from ....reports.models import Copying
from ... import causes, forms
from .. import page
from ..roles import Right


def payment(payment_id: int) -> ResponseReturnValue:
    """One payment, its refunds and disputes, and the way to refund more."""
    operator = page.operator()
    session = page.context().session
    row = by_number(payment_id)
    disputes = session.scalars(
        select(Dispute).where(Dispute.payment_id == row.id).order_by(Dispute.created_at)
    ).all()
    charges = {part.intent_id for part in part_charges.of(session, row)}
    at_review = wrong_charges.of(session, row)
    reviewed_ids = [each.payment_intent_id for each in at_review if each.payment_intent_id]
    taking = [each for each in disputes if each.takes_money and each.payment_intent_id in charges]
    taken_minor = sum(dispute.amount_minor for dispute in taking)
    lost_minor = sum(dispute.amount_minor for dispute in taking if dispute.state == DisputeState.LOST)
    kept_minor = row.charged_minor - row.refunded_minor - taken_minor
    requested = Refund.payment_id == row.id, Refund.state == RefundState.REQUESTED
    requested_minor = session.scalar(select(func.sum(Refund.amount_minor)).where(*requested)) or 0
    warning = fraud_warnings.of_payment(session, row.id)
    suspected_minor = refundable.left_to_refund(session, row, warning.payment_intent_id) if warning else 0
    sent_back = session.scalars(select(Refund).where(Refund.payment_id == row.id).order_by(Refund.id)).all()
    return page.render(
        "payment.html",
        payment=row,
        state=shown_states.of_each(session, [row])[row.id],
        refunded=shown_states.refunded_of_each(session, [row])[row.id],
        name=page.label(row.owner),
        refunds=sent_back,
        named=page.in_names([row.review, *(refund.reason for refund in sent_back)]),
        disputes=disputes,
        lost_minor=lost_minor,
        held_minor=taken_minor - lost_minor,
        net_minor=kept_minor - requested_minor,
        fees=fees.fees_of(session, row, kept_minor=kept_minor),
        copying=session.get(Copying, 1),
        left=refundable.left_to_refund(session, row),
        is_refund_unknown=row.id in refundable.unanswered(session, [row.id]),
        unspent=unspent_of(row),
        taken=taken_by_bank(session, [row.id]).get(row.id),
        warning=warning,
        is_part=len(charges) > 1,
        suspected_minor=suspected_minor,
        warnings_without_credits=fraud_warnings.of_payment_without_credits(session, row.id),
        may_refund=operator.may(Right.REFUND),
        reviews=at_review,
        at_bank=of_charges_at_bank(session, reviewed_ids),
        charge_name=wrong_charges.name_of,
        may_review=operator.may(Right.REVIEW) and row.state is PaymentState.NEEDS_REVIEW,
        may_give=operator.may(Right.REVIEW) and operator.may(Right.GRANT),
        decimal=money.decimal,
        attempt=forms.new_attempt,
    )


def review(payment_id: int) -> ResponseReturnValue:
    """Note that a charge which needed a review is dealt with, and how; or give what it was to buy."""
    gives = request.form.get("give") == "yes"
    operator = page.operator(Right.REVIEW)
    if gives:
        page.operator(Right.GRANT)
    owner, charge = by_number(payment_id).owner, forms.line(request.form, "charge") or None
    end_review = reviews.accept if gives else reviews.close
    try:
        reason = forms.reason()
        record = partial(page.record, operator, Right.REVIEW, owner=owner, reason=reason, payment=payment_id)
        review = f"{reason} (by {operator.name})"
        end_review(page.context(), payment_id, review=review, charge=charge, note=record)
    except UnknownItem as error:
        flash(str(error), "warning")
    else:
        done = "has given its credits" if gives else "is reviewed"
        flash(f"Payment {payment_id} {done}.", "success")
    return redirect(url_for("prepaid.operator_payment", payment_id=payment_id), 303)


def unspent_of(payment: Payment) -> int:
    """How many credits of a payment are left, those that are set aside among them."""
    context = page.context()
    lots = context.ledger.lots(payment.owner)
    payment_of = causes.payments_behind(context.session, payment.owner, {lot.key for lot in lots})
    return sum(lot.left + lot.held for lot in lots if payment_of.get(lot.key) == payment.id)


def by_number(payment_id: int) -> Payment:
    """
    :raises NotYours: There is no such payment.
    """
    payment = page.context().session.get(Payment, payment_id)
    if payment is None:
        raise NotYours("There is no such payment.")
    return payment
