"""A plan: choose, preview and change, cancel, keep, pause, resume, and pay what is owed."""

from __future__ import annotations

from ...languages import units
from ...subscriptions import changing, plan_rows, plan_state
from ...subscriptions.beginning import subscribing
from ...subscriptions.models import PlanPrice, Subscription
from .. import forms, page
from ..pages.plans import begin, change
from . import buying, shapes, wallet
from .shapes import BegunAnswer, ChangeAnswer, PlanAnswer

#: What may be done with a plan, by the last part of the call's path, and the rule that says so.
MOVES = {
    "change": "change",
    "cancel": "cancel now",
    "keep": "keep",
    "pause": "pause",
    "resume": "unpause",
    "card": "pay",
}


def plan(owner: str) -> PlanAnswer:
    """The customer's plan as it was last fetched."""
    row = plan_rows.running(page.context().session, owner)
    return PlanAnswer(shown(row) if row else None, wallet.balance_of(owner))


def plan_begin(owner: str) -> BegunAnswer:
    """Begin a plan on Stripe's page, by Stripe's elements, or with a card on file."""
    card_id = forms.sent().get("saved_card")
    if card_id:
        return BegunAnswer(None, shown(begin.subscribe(owner, card_id)))
    cancel_url = None if buying.elements_wanted() else buying.cancel("prepaid.plan")
    session = begin.open_page(owner, cancel_url=cancel_url, success_url=forms.return_url())
    return BegunAnswer(buying.opened(session), None)


def plan_result(owner: str, session_id: str) -> PlanAnswer:
    """What came of a page of Stripe's on which a plan was to begin."""
    ask_stripe(owner)
    subscribing.come_back(page.context(), owner, session_id)
    return plan(owner)


def plan_preview(owner: str) -> ChangeAnswer:
    """What a change costs and gives, now and next. Changes nothing."""
    ask_stripe(owner)
    preview = change.preview(owner)
    return ChangeAnswer(
        plan=preview.plan.slug,
        quantity=preview.quantity,
        at_once=preview.at_once,
        starts_at=preview.starts_at,
        due_minor=preview.due_minor,
        credits=units.plain(preview.credits),
        next_at=preview.next_at,
        next_minor=preview.next_minor,
        currency=preview.currency,
        proration_date=preview.proration_date,
    )


def plan_change(owner: str) -> PlanAnswer:
    """Change the plan as it was previewed."""
    ask_stripe(owner)
    change.change_plan(owner)
    return plan(owner)


def plan_cancel(owner: str) -> PlanAnswer:
    """End the plan with the period that is paid, or now."""
    ask_stripe(owner)
    change.end_plan(owner)
    return plan(owner)


def plan_keep(owner: str) -> PlanAnswer:
    """Undo what is to come: the end, or a smaller plan."""
    return moved(owner, changing.keep)


def plan_pause(owner: str) -> PlanAnswer:
    """Stop renewing. What is paid stays."""
    return moved(owner, changing.pause)


def plan_resume(owner: str) -> PlanAnswer:
    """Go on after a pause, with another card if one is sent."""
    return moved(owner, change.unpause)


def plan_card(owner: str) -> PlanAnswer:
    """Pay the plan with another card from now on, and what is owed at once."""
    ask_stripe(owner)
    change.pay_with(owner)
    return plan(owner)


def moved(owner: str, verb: changing.Verb) -> PlanAnswer:
    ask_stripe(owner)
    verb(page.context(), owner)
    return plan(owner)


def ask_stripe(owner: str) -> None:
    """
    :raises TooManyAttempts: The owner has asked very often within a minute.
    """
    page.context().gateway.ask_limit.require(owner)


def shown(row: Subscription) -> shapes.Plan:
    context = page.context()
    terms = subscribing.terms(context, row)
    next_price = context.session.get(PlanPrice, row.next_price_id) if row.next_price_id else None
    bill = plan_state.owed(context, row)
    begun = row.stripe_id is not None
    return shapes.Plan(
        slug=terms.plan,
        title=terms.title,
        quantity=row.quantity,
        state=str(row.state),
        credits=units.plain(terms.credits),
        amount_minor=terms.amount_minor,
        currency=terms.currency,
        paid_until=row.period_end,
        is_paid=plan_state.is_paid(context, row),
        ends_at=row.cancel_at,
        next_plan=next_price.plan if next_price else None,
        next_at=row.next_at,
        owed_minor=bill.due_minor if bill else 0,
        pay_url=bill.page_url if bill else None,
        can=[name for name, verb in MOVES.items() if begun and may(row, name, verb)],
    )


def may(row: Subscription, name: str, verb: str) -> bool:
    """Whether it can be done; and of what undoes something, whether there is something to undo."""
    is_to_come = row.cancel_at or row.next_price_id or row.pending_until
    return plan_state.may(row, verb) and (name != "keep" or bool(is_to_come))
