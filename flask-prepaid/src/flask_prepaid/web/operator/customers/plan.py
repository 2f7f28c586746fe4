"""A customer's plan in an operator's hands: seen, changed, ended or kept; each with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from prepaid_ledger.errors import PrepaidError

from ....context import transaction
from ....errors import GatewayUnavailable, UnknownItem
from ....subscriptions import changing, plan_rows, plan_state, previews
from ....subscriptions.beginning import subscribing
from ....subscriptions.models import PlanPrice, Subscription
from ....subscriptions.previews import Preview
from ... import forms
from .. import page
from ..roles import Right
from . import dunning


@dataclass(frozen=True)
class Action:
    """What can be done: its verb in ``plan_state.MOVES``, the button, the function, and what came of it."""

    verb: str
    words: str
    do: Callable[[str], object]
    done: str


def change(owner: str) -> object:
    """Change the plan to what the form previewed."""
    context = page.context()
    return changing.change(
        context,
        owner,
        context.catalog.plan(request.form.get("plan", "")),
        forms.whole_number(request.form, "quantity"),
        proration_date=forms.whole_number(request.form, "proration_date"),
        due_minor=forms.whole_number(request.form, "due_minor"),
    )


#: By what the form's button says.
ACTIONS = {
    "change": Action("change", "Change the plan", change, "The plan changes as it was shown."),
    "cancel": Action(
        "cancel at the period's end",
        "End it when the paid period ends",
        lambda owner: changing.cancel_at_end(page.context(), owner),
        "The plan ends when the paid period ends.",
    ),
    "cancel-now": Action(
        "cancel now",
        "End it at once",
        lambda owner: changing.cancel_now(page.context(), owner),
        "The plan has ended.",
    ),
    "keep": Action(
        "keep",
        "Undo what is planned",
        lambda owner: changing.keep(page.context(), owner),
        "What was planned is undone.",
    ),
}


def plan() -> ResponseReturnValue:
    """The plan of the customer that ``owner`` names, a preview of another one, and what is done about it."""
    page.operator(Right.PLAN)
    if request.method == "POST":
        return do()
    owner = page.known_owner(request.args.get("owner", ""))
    try:
        return show(owner, previewed(owner))
    except GatewayUnavailable:
        raise
    except PrepaidError as error:
        return show(owner, error=error), error.http_status


def previewed(owner: str) -> Preview | None:
    """What the plan that was chosen would cost and give; ``None`` where none was."""
    slug = request.args.get("plan")
    if not slug:
        return None
    context = page.context()
    quantity = forms.quantity(request.args)
    return previews.preview(context, owner, context.catalog.plan(slug), quantity)


def show(owner: str, preview: Preview | None = None, error: PrepaidError | None = None) -> str:
    context = page.context()
    row = plan_rows.running(context.session, owner)
    begun = row is not None and row.stripe_id is not None
    terms = subscribing.terms(context, row) if row is not None and begun else None
    plans = [  # the one that it is has something to change by its quantity or a new price
        plan
        for plan in context.catalog.plans.values()
        if terms is None
        or plan.slug != terms.plan
        or plan.max_quantity > 1
        or plan.amount_minor != terms.amount_minor
    ]
    return page.render(
        "plan.html",
        owner=owner,
        name=page.label(owner),
        row=row if begun else None,
        terms=terms,
        planned=planned(row),
        owed=plan_state.owed(context, row) if row is not None else None,
        lapses=context.session.execute(dunning.open_invoices(owner).limit(1)).first() is None,
        actions={word: action for word, action in ACTIONS.items() if word != "change" and can(row, word)},
        can_change=bool(plans) and can(row, "change"),
        plans=plans,
        preview=preview,
        error=error,
    )


def planned(row: Subscription | None) -> PlanPrice | None:
    """What it becomes at the period's end."""
    next_id = row.next_price_id if row is not None else None
    return page.context().session.get(PlanPrice, next_id) if next_id else None


def can(row: Subscription | None, word: str) -> bool:
    """Whether it makes sense as the plan stands."""
    if row is None or row.stripe_id is None or not plan_state.may(row, ACTIONS[word].verb):
        return False
    ends = row.cancel_at is not None
    is_over = plan_state.is_over(page.context(), row)
    return {"keep": ends or row.next_price_id is not None, "cancel": not ends and not is_over}.get(word, True)


def do() -> ResponseReturnValue:
    """What the button says; on the record before Stripe is asked."""
    operator = page.operator(Right.PLAN)
    owner = page.known_owner(request.form.get("owner", ""))
    context = page.context()
    try:
        action = ACTIONS.get(request.form.get("do", ""))
        if action is None:
            raise UnknownItem("Say what to do with the plan.", field="do")
        reason = forms.reason()
        if plan_state.done_before(context, owner, action.verb) is None:
            plan_state.own(context, owner, action.verb)
            plan = request.form.get("plan") if action.verb == "change" else None
            with transaction(context):
                page.record(operator, Right.PLAN, owner=owner, reason=reason, done=action.verb, plan=plan)
            action.do(owner)
    except GatewayUnavailable:
        flash("Stripe does not answer. Look at the plan again in a minute before you repeat it.", "warning")
    except PrepaidError as error:
        return show(owner, error=error), error.http_status
    else:
        flash(action.done, "success")
    return redirect(url_for("prepaid.operator_plan", owner=owner), 303)
