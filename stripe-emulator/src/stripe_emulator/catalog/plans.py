"""Plans: recurring prices by their older name. https://docs.stripe.com/api/plans

A plan is a price that recurs, in another shape and under the same id.
"""

from __future__ import annotations

from stripe_emulator import contract
from stripe_emulator.api import lists
from stripe_emulator.api.expand import LEFT_OUT
from stripe_emulator.api.register import Register
from stripe_emulator.catalog import pricing, products
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events, objects

register = Register()

#: What a plan's form calls otherwise than a price's: the plan's word, and the price's.
_RENAMED = {
    "amount": "unit_amount",
    "amount_decimal": "unit_amount_decimal",
    "transform_usage": "transform_quantity",
}
_KEPT = ("active", "billing_scheme", "currency", "metadata", "nickname", "tiers", "tiers_mode")
_RECURRING = ("interval", "interval_count", "meter", "trial_period_days", "usage_type")


@register.post("/v1/plans")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/plans/create"""
    plan_id = form.get("id") or f"plan_{ids.token(14)}"
    if store.find("price", plan_id):
        raise InvalidRequest("Plan already exists.", code="resource_already_exists", param="id")
    wanted: Json = {key: form[key] for key in _KEPT if key in form}
    wanted |= {price: form[plan] for plan, price in _RENAMED.items() if plan in form}
    wanted["recurring"] = {key: form[key] for key in _RECURRING if key in form}
    wanted["product"] = _product(form)
    with ids.chosen("price", plan_id):
        price = pricing.new(wanted)
    plan = shown(price)
    events.emit("plan.created", plan)
    events.emit("price.created", price)
    return plan


@register.get("/v1/plans/{plan}")
def retrieve(form: Form, plan_id: str) -> Json:
    """https://docs.stripe.com/api/plans/retrieve"""
    return shown(_price(plan_id))


@register.post("/v1/plans/{plan}")
def update(form: Form, plan_id: str) -> Json:
    """https://docs.stripe.com/api/plans/update; what it costs never changes."""
    price = _price(plan_id)
    before = shown(price)
    changes = objects.patch(price, form, ("active", "nickname"))
    if "product" in form:
        changes["product"] = store.named("product", form["product"], "product")["id"]
    if "trial_period_days" in form:
        changes["recurring"] = price["recurring"] | {"trial_period_days": form["trial_period_days"]}
    objects.change(price, **changes)
    plan = shown(price)
    previous = {key: value for key, value in before.items() if plan[key] != value}
    if previous:
        events.emit("plan.updated", plan, previous=previous)
        events.emit("price.updated", price, previous=previous)
    if form.get("active") is False:
        pricing.archived(price)
    return plan


@register.get("/v1/plans")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/plans/list"""
    only = ("active", "product")
    page = lists.page("price", form, url="/v1/plans", where={"type": "recurring"}, only=only)
    return {**page, "data": [shown(price) for price in page["data"]]}


@register.delete("/v1/plans/{plan}")
def remove(form: Form, plan_id: str) -> Json:
    """https://docs.stripe.com/api/plans/delete; whoever pays by it goes on."""
    price = _price(plan_id)
    events.emit("plan.deleted", shown(price))
    objects.delete(price, "price.deleted")
    return {"id": plan_id, "object": "plan", "deleted": True}


@register.includable("plan", "tiers")
def tiers(plan: Json) -> list[Json]:
    """The steps of a tiered plan, shown when asked for."""
    steps: list[Json] = store.get("price", plan["id"]).get("_tiers") or LEFT_OUT
    return steps


def shown(price: Json) -> Json:
    """A recurring price in the shape that plans have; items of subscriptions show it, too."""
    recurring = price["recurring"]
    return contract.blank("plan") | {
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "id": price["id"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": dict(price["metadata"]),
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }


def _price(plan_id: str) -> Json:
    price = store.find("price", plan_id)
    if price is None or price["recurring"] is None:
        raise NotFound(no_such("plan", plan_id), code="resource_missing", param="plan")
    return price


def _product(form: Form) -> str:
    wanted = form.get("product")
    if wanted is None:
        raise InvalidRequest("Missing required param: product.", code="parameter_missing", param="product")
    if isinstance(wanted, str):
        product_id: str = store.named("product", wanted, "product")["id"]
        return product_id
    product = products.new(wanted, param="product")
    events.emit("product.created", product)
    return str(product["id"])
