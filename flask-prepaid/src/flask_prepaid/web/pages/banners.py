"""What needs the customer: a payment that failed, waits for its bank, is disputed, or is not known yet."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from sqlalchemy import select

from ...languages import formats
from ...languages.words import gettext as _
from ...payments.dispute_states import TAKES_NOTHING, DisputeState
from ...payments.models import Dispute, Payment, PaymentState, Via
from ...purchases.money_back import taking_back
from ...purchases.money_back.disputes import disputes
from ...subscriptions import plan_rows, plan_state, retries
from ...subscriptions.models import PlanPrice, State, Subscription
from .. import page

#: Where a plan waits for its money.
UNPAID = (State.PAST_DUE, State.UNPAID, State.INCOMPLETE)

#: Where a dispute takes no credits, or takes them for good.
DECIDED = (*TAKES_NOTHING, DisputeState.LOST)


@dataclass(frozen=True)
class Banner:
    """One sentence about what is wrong, and the one way to mend it."""

    words: str
    url: str
    button: str
    #: Whether it comes before all that the page is for.
    is_urgent: bool = True


def banners() -> list[Banner]:
    """The banners of this request's customer, from our own rows. Who does not pay for the team has none."""
    owner = page.context().current_owner()
    if owner is None or not page.pays():
        return []
    return [*_of_plan(owner), *_of_bank(owner), *_of_unknown(owner), *_of_dispute(owner)]


def _of_plan(owner: str) -> list[Banner]:
    context = page.context()
    row = plan_rows.running(context.session, owner)
    if row is not None and plan_state.is_charging(row):
        words = _("We do not know yet whether your plan has begun. Wait before you pay again.")
        return [Banner(words, url_for("prepaid.plan"), _("See your plan"))]
    if row is not None and wants_card(row):
        title = formats.title(context.session.get_one(PlanPrice, row.price_id).title)
        words = _("Your %(plan)s plan is paused, and no card is on file. Add one to resume it.", plan=title)
        return [Banner(words, url_for("prepaid.plan"), _("See your plan"))]
    if row is None or row.state not in UNPAID:
        return []
    owed = plan_state.owed(context, row)
    if owed is None and plan_state.under_way(context, row) is not None:
        return []
    card = retries.trying(context.session, owner)
    if owed is not None and card is not None:
        words = _(
            "We are charging %(amount)s to %(card)s.",
            amount=formats.amount(owed.due_minor, owed.currency),
            card=formats.card(card.brand, card.last4),
        )
        return [Banner(words, url_for("prepaid.plan"), _("See your plan"), is_urgent=False)]
    words = _unpaid(row, owed)
    if owed is None or owed.page_url is None:
        return [Banner(words, url_for("prepaid.plan"), _("See your plan"))]
    return [
        Banner(
            words, owed.page_url, _("Pay %(amount)s", amount=formats.amount(owed.due_minor, owed.currency))
        )
    ]


def wants_card(row: Subscription) -> bool:
    """Whether a plan is paused with nothing paid any more, as after a trial, and no card to resume it."""
    context = page.context()
    is_over = row.state is State.PAUSED and plan_state.is_over(context, row)
    return is_over and plan_rows.payer_id(context.session, row) is None


def _unpaid(row: Subscription, owed: plan_state.Owed | None) -> str:
    """What is not paid, and when it is tried again, if it is."""
    context = page.context()
    title = formats.title(context.session.get_one(PlanPrice, row.price_id).title)
    if row.state is State.INCOMPLETE:
        return _(
            "The first payment of your %(plan)s plan did not go through, so it has not begun.", plan=title
        )
    words = _("Your %(plan)s plan was not paid, so it gives no new credits.", plan=title)
    if owed is None or owed.retry_at is None or owed.retry_at <= context.clock():
        return words
    return words + " " + _("We try again on %(day)s.", day=formats.day(owed.retry_at).replace(" ", "\u00a0"))


def _of_bank(owner: str) -> list[Banner]:
    waiting = select(Payment).where(
        Payment.owner == owner, Payment.state == PaymentState.OPEN, Payment.via.in_((Via.CARD, Via.TOPUP))
    )
    payment = page.context().session.scalars(waiting.order_by(Payment.id.desc()).limit(1)).first()
    if payment is None:
        return []
    words = _(
        "Your bank asks you to confirm a payment of %(amount)s for “%(title)s”.",
        amount=formats.amount(payment.to_pay_minor, payment.currency),
        title=formats.title(payment.title),
    )
    return [Banner(words, url_for("prepaid.return", payment=payment.id), _("Confirm it"))]


def _of_unknown(owner: str) -> list[Banner]:
    unanswered = select(Payment).where(Payment.owner == owner, Payment.state == PaymentState.UNKNOWN)
    payment = page.context().session.scalars(unanswered.order_by(Payment.id.desc()).limit(1)).first()
    if payment is None:
        return []
    words = _(
        "We do not know yet whether your payment of %(amount)s for “%(title)s” went through. "
        "Wait before you pay again.",
        amount=formats.amount(payment.to_pay_minor, payment.currency),
        title=formats.title(payment.title),
    )
    return [Banner(words, url_for("prepaid.return", payment=payment.id), _("See this payment"))]


def _of_dispute(owner: str) -> list[Banner]:
    context = page.context()
    disputed = (
        select(Dispute, Payment)
        .join(Payment, Dispute.payment_id == Payment.id)
        .where(Payment.owner == owner, Dispute.state.not_in(DECIDED))
        .where(Dispute.taken_minor > 0, Payment.credits > 0)
    )
    for dispute, payment in context.session.execute(disputed.order_by(Dispute.id.desc())).all():
        if taking_back.has_taken(context, payment, dispute, disputes.name_of(dispute)):
            words = _(
                "A payment of %(amount)s is disputed at your bank, and its credits are taken back meanwhile. "
                "A mistake? Ask your bank to withdraw it.",
                amount=formats.amount(dispute.amount_minor, payment.currency),
            )
            return [Banner(words, url_for("prepaid.billing"), _("See your payments"), is_urgent=False)]
    return []
