"""Which plan a form or a call chooses, and how many times over."""

from __future__ import annotations

from ....catalog import Plan
from ....subscriptions import currencies
from ....subscriptions.beginning.beginnings import PlanChoice
from ... import forms, page, programs


def chosen_plan(owner: str) -> PlanChoice:
    """What the form chooses.

    :raises UnknownItem: It is not sold so.
    """
    sent = forms.sent()
    plan = plan_named(owner, sent.get("plan", ""))
    return PlanChoice(plan, forms.quantity(sent), bool(sent.get("trial")))


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
