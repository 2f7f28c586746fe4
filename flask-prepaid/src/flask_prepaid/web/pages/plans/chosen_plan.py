"""Which plan a form or a call chooses, and how many times over."""

from __future__ import annotations

from ....catalog import Plan
from ....subscriptions import currencies
from ....subscriptions.beginning.beginnings import PlanChoice
from ... import as_shown, forms, page, programs


def chosen_plan(owner: str) -> PlanChoice:
    """What the form chooses.

    :raises UnknownItem: It is not sold so.
    """
    plan, quantity = plan_as_shown(owner)
    has_trial = bool(forms.sent().get("trial"))
    first_minor = 0 if has_trial else plan.amount_minor * quantity
    return PlanChoice(plan, quantity, has_trial, as_shown.max_minor_of(first_minor, plan.currency))


def plan_as_shown(owner: str) -> tuple[Plan, int]:
    """The plan that is chosen, and how many times over.

    :raises UnknownItem: It is not sold so, or was shown at another price or with other credits.
    """
    sent = forms.sent()
    plan, quantity = plan_named(owner, sent.get("plan", "")), forms.quantity(sent)
    as_shown.require_plan(plan, quantity)
    return plan, quantity


def plan_named(owner: str, slug: str) -> Plan:
    """The plan at its price in the customer's currency.

    :raises UnknownItem: There is no such plan, or its price was shown in another currency.
    """
    context = page.context()
    listed, shown = context.catalog.plan(slug), forms.chosen("currency")
    plan = listed.sold_in(currencies.of(context, owner, shown))
    if shown:
        wanted = shown if programs.is_api() else listed.sold_in(shown).currency
        currencies.require_as_shown(plan.currency, wanted)
    return plan
