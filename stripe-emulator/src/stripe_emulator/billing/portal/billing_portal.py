"""The customer portal: what it offers, and a way in. https://docs.stripe.com/api/customer_portal

The page itself is ``pages/portal/portal.py``.
"""

from __future__ import annotations

from typing import Any

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.portal import portal_flows
from stripe_emulator.core import urls
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.ids import new
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

CONFIGURATION, SESSION = "billing_portal.configuration", "billing_portal.session"

#: What a configuration has where its form is silent; nothing is offered unless asked for.
OFF: Json = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {
            "interval_options": [{"interval": "month", "interval_count": 1}],
            "type": "interval_options",
        },
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "products": [],
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}

#: What the portal offers before anybody has configured it.
STANDARD: Json = {
    "customer_update": {"allowed_updates": ["email"], "enabled": True},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True},
    "subscription_update": {
        "default_allowed_updates": ["price", "quantity", "promotion_code"],
        "enabled": True,
        "proration_behavior": "create_prorations",
    },
}


@register.post("/v1/billing_portal/configurations")
def create_configuration(form: Form) -> Json:
    """https://docs.stripe.com/api/customer_portal/configurations/create"""
    _check(form)
    return _configuration(form)


@register.get("/v1/billing_portal/configurations/{configuration}")
def retrieve_configuration(form: Form, configuration_id: str) -> Json:
    """https://docs.stripe.com/api/customer_portal/configurations/retrieve"""
    return store.get(CONFIGURATION, configuration_id, param="configuration")


@register.post("/v1/billing_portal/configurations/{configuration}")
def update_configuration(form: Form, configuration_id: str) -> Json:
    """https://docs.stripe.com/api/customer_portal/configurations/update"""
    _check(form)
    configuration = store.get(CONFIGURATION, configuration_id, param="configuration")
    changes = objects.patch(configuration, form, ("active", "default_return_url", "name"))
    if "business_profile" in form:
        changes["business_profile"] = configuration["business_profile"] | form["business_profile"]
    if "features" in form:
        changes["features"] = _merged(configuration["features"], _offered(form["features"]))
    return objects.change(
        configuration, "billing_portal.configuration.updated", **changes, updated=clock.now()
    )


@register.get("/v1/billing_portal/configurations")
def list_configurations(form: Form) -> Json:
    """https://docs.stripe.com/api/customer_portal/configurations/list"""
    return lists.page(
        CONFIGURATION, form, url="/v1/billing_portal/configurations", only=("active", "is_default")
    )


@register.post("/v1/billing_portal/sessions")
def create_session(form: Form) -> Json:
    """https://docs.stripe.com/api/customer_portal/sessions/create"""
    for param in ("after_expiration", "customer_account", "on_behalf_of"):
        if form.get(param):
            raise NotEmulated(f"portal sessions with {param}", param=param)
    if "customer" not in form:
        raise InvalidRequest("Missing required param: customer.", code="parameter_missing", param="customer")
    urls.check(form.get("return_url"), "return_url")
    customer = store.named("customer", form["customer"], "customer")
    configuration = _chosen(form)
    session_id = new(SESSION)
    return objects.create(
        SESSION,
        id=session_id,
        event="billing_portal.session.created",
        configuration=configuration["id"],
        customer=customer["id"],
        flow=portal_flows.shown(form["flow_data"], customer, configuration["features"])
        if form.get("flow_data")
        else None,
        locale=form.get("locale"),
        return_url=form.get("return_url") or configuration["default_return_url"],
        url=f"{transactions.current().store.base_url}/portal/{session_id}",
    )


def _chosen(form: Form) -> Json:
    """The configuration that a session names, or the standard one, made when it is first needed."""
    if "configuration" in form:
        configuration = store.named(CONFIGURATION, form["configuration"], "configuration")
        if not configuration["active"]:
            raise InvalidRequest("This portal configuration is inactive.", param="configuration")
        return configuration
    standard = store.select(CONFIGURATION, {"is_default": True}, limit=1)
    return standard[0] if standard else _configuration({"features": STANDARD}, is_default=True)


def _configuration(form: Form, *, is_default: bool = False) -> Json:
    profile = {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None}
    return objects.create(
        CONFIGURATION,
        event="billing_portal.configuration.created",
        active=True,
        business_profile=profile | (form.get("business_profile") or {}),
        default_return_url=form.get("default_return_url") or None,
        features=_merged(OFF, _offered(form["features"])),
        is_default=is_default,
        login_page={"enabled": False, "url": None},
        metadata=form.get("metadata"),
        name=form.get("name") or None,
        updated=clock.now(),
    )


def _check(form: Form) -> None:
    """:raises NotEmulated: It asks for a feature that the portal's page lacks."""
    urls.check(form.get("default_return_url"), "default_return_url")
    features = form.get("features") or {}
    if (features.get("subscription_pause") or {}).get("enabled"):
        raise NotEmulated("a portal with subscription_pause", param="features[subscription_pause]")
    update = features.get("subscription_update") or {}
    if (update.get("schedule_at_period_end") or {}).get("conditions"):
        param = "features[subscription_update][schedule_at_period_end]"
        raise NotEmulated("a portal that schedules updates for the period's end", param=param)
    _check_products(update.get("products") or [])
    if (form.get("login_page") or {}).get("enabled"):
        raise NotEmulated("the portal's login page", param="login_page")


def _check_products(products: list[Json]) -> None:
    """:raises InvalidRequest: The customer could choose a price that is none, or not of its product."""
    param = "features[subscription_update][products]"
    for number, offered in enumerate(products):
        product = store.named("product", offered["product"], f"{param}[{number}][product]")
        for place, price_id in enumerate(offered["prices"]):
            price = store.named("price", price_id, f"{param}[{number}][prices][{place}]")
            if price["product"] != product["id"] or price["recurring"] is None:
                raise InvalidRequest(
                    f"The price {price_id} is no recurring price of the product {product['id']}.",
                    param=f"{param}[{number}][prices][{place}]",
                )


def _offered(features: Json) -> Json:
    """A form's features with all that is shown of the products whose prices the customer may choose."""
    update = features.get("subscription_update") or {}
    if not update.get("products"):
        return features
    fixed = {"enabled": False, "maximum": None, "minimum": 0}
    products = [
        {**product, "adjustable_quantity": fixed | (product.get("adjustable_quantity") or {})}
        for product in update["products"]
    ]
    return {**features, "subscription_update": {**update, "products": products}}


def _merged(before: Json, form: Json) -> Json:
    """A feature's settings with those of a form in them; "" empties a list."""
    after: dict[str, Any] = {}
    for name, value in before.items():
        given = form.get(name, value)
        if isinstance(value, dict):
            after[name] = _merged(value, given) if isinstance(given, dict) else value
        elif isinstance(value, list):
            after[name] = given or []
        else:
            after[name] = given
    return after
