"""Flows of the portal: a link that leads to one thing to do, and back.

https://docs.stripe.com/customer-management/portal-deep-links
"""

from __future__ import annotations

from stripe_emulator.billing.lifecycle import states
from stripe_emulator.billing.terms import items
from stripe_emulator.catalog.discounts import redemption
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.types import Json

#: The feature of the configuration that a flow needs, and how Stripe's refusal names it.
_NEEDS = {
    "payment_method_update": ("payment_method_update", "payment method update"),
    "subscription_cancel": ("subscription_cancel", "subscription cancellation"),
    "subscription_update": ("subscription_update", "subscription update"),
    "subscription_update_confirm": ("subscription_update", "subscription update"),
}


def shown(form: Json, customer: Json, features: Json) -> Json:
    """A new session's ``flow``, from its ``flow_data``.

    :raises InvalidRequest: The configuration does not offer it, or the subscription can't be changed so.
    """
    kind = form["type"]
    if kind not in _NEEDS:
        raise NotEmulated(f"portal sessions with a flow of {kind}", param="flow_data[type]")
    feature, name = _NEEDS[kind]
    verb = "canceled" if kind == "subscription_cancel" else "updated"
    if not features[feature]["enabled"]:
        raise InvalidRequest(
            f"This flow cannot be opened because the {name} feature in the portal configuration is disabled."
            if kind == "payment_method_update"
            else f"This subscription cannot be {verb} because the {name} feature in the portal configuration"
            " is disabled.",
            param="flow_data[type]",
        )
    details: Json | None = form.get(kind)
    if details is None and kind != "payment_method_update":
        param = f"flow_data[{kind}]"
        raise InvalidRequest(f"Missing required param: {param}.", code="parameter_missing", param=param)
    names = ("subscription_cancel", "subscription_update", "subscription_update_confirm")
    return {
        "after_completion": _after_completion(form.get("after_completion")),
        **dict.fromkeys(names),
        **({kind: _details(kind, details, customer)} if details else {}),
        "type": kind,
    }


def subscription_of(session: Json) -> str | None:
    """The id of the subscription that a session's flow is about."""
    flow = session["flow"] or {}
    details = flow.get(flow.get("type", "")) or {}
    subscription_id: str | None = details.get("subscription")
    return subscription_id


def _details(kind: str, form: Json, customer: Json) -> Json:
    param = f"flow_data[{kind}]"
    subscription = store.named("subscription", form["subscription"], f"{param}[subscription]")
    if subscription["customer"] != customer["id"] or subscription["status"] in states.ENDED:
        raise InvalidRequest(
            f"No such subscription: '{subscription['id']}'",
            code="resource_missing",
            param=f"{param}[subscription]",
        )
    if kind == "subscription_cancel":
        return _cancel(form, subscription, param)
    if subscription["schedule"] is not None:
        raise InvalidRequest(
            f"The subscription {subscription['id']} is managed by a schedule and can't be updated here.",
            param=f"{param}[subscription]",
        )
    if kind == "subscription_update":
        return {"subscription": subscription["id"]}
    return _update_confirm(form, subscription, customer, param)


def _cancel(form: Json, subscription: Json, param: str) -> Json:
    if subscription["cancel_at_period_end"] or subscription["cancel_at"]:
        raise InvalidRequest(
            f"The subscription `{subscription['id']}` is already set to be canceled at period end.",
            param=f"{param}[subscription]",
        )
    retention = form.get("retention")
    if retention:
        coupon = retention["coupon_offer"]["coupon"]
        redemption.usable_coupon(coupon, f"{param}[retention][coupon_offer][coupon]")
    return {"retention": retention, "subscription": subscription["id"]}


def _update_confirm(form: Json, subscription: Json, customer: Json, param: str) -> Json:
    held = {item["id"]: item for item in subscription["items"]["data"]}
    if len(form["items"]) != 1:
        raise InvalidRequest("This flow takes one item.", param=f"{param}[items]")
    (wanted,) = form["items"]
    item = held.get(wanted["id"])
    if item is None:
        raise InvalidRequest(
            f"No such subscription item: '{wanted['id']}'",
            code="resource_missing",
            param=f"{param}[items][0][id]",
        )
    price = items.named_price(wanted, f"{param}[items][0]") if "price" in wanted else item["price"]
    quantity = wanted.get("quantity", item.get("quantity"))
    if (price["id"], quantity) == (item["price"]["id"], item.get("quantity")) and not form.get("discounts"):
        raise InvalidRequest(
            "The items given are those that the subscription has already: nothing would be updated.",
            param=f"{param}[items]",
        )
    return {
        "discounts": _discounts(form["discounts"], customer, f"{param}[discounts]")
        if form.get("discounts")
        else None,
        "items": [{"id": wanted["id"], "price": price["id"], "quantity": quantity}],
        "subscription": subscription["id"],
    }


def _discounts(wanted: list[Json], customer: Json, param: str) -> list[Json]:
    """:raises InvalidRequest: One of them can't be redeemed any more, or not by this customer."""
    for number, discount in enumerate(wanted):
        if discount.get("promotion_code"):
            redemption.usable_code(discount["promotion_code"], customer, f"{param}[{number}][promotion_code]")
        else:
            redemption.usable_coupon(discount.get("coupon", ""), f"{param}[{number}][coupon]")
    return [{key: discount.get(key) for key in ("coupon", "promotion_code")} for discount in wanted]


def _after_completion(given: Json | None) -> Json:
    kind = (given or {}).get("type", "portal_homepage")
    details = (given or {}).get(kind)
    if kind == "redirect" and not details:
        param = "flow_data[after_completion][redirect]"
        raise InvalidRequest(f"Missing required param: {param}.", code="parameter_missing", param=param)
    return {
        "hosted_confirmation": {"custom_message": None, **(details or {})}
        if kind == "hosted_confirmation"
        else None,
        "redirect": details if kind == "redirect" else None,
        "type": kind,
    }
