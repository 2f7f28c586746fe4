"""Shipping rates: what it costs to send something. https://docs.stripe.com/api/shipping_rates"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "shipping_rate"


@register.post("/v1/shipping_rates")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/shipping_rates/create"""
    return new(form)


def new(form: Form, param: str = "") -> Json:
    """A shipping rate from creation parameters.

    :param param: The parameter that has them, where they are part of another form.
    """
    if form.get("type", "fixed_amount") != "fixed_amount" or not form.get("fixed_amount"):
        raise InvalidRequest(
            "Missing required param: fixed_amount.",
            code="parameter_missing",
            param=_within(param, "fixed_amount"),
        )
    given = form["fixed_amount"]
    if given["amount"] < 0:
        raise InvalidRequest(
            "Invalid non-negative integer",
            code="parameter_invalid_integer",
            param=_within(param, "fixed_amount[amount]"),
        )
    currency = money.currency(given["currency"], _within(param, "fixed_amount[currency]"))
    behavior = form.get("tax_behavior", "unspecified")
    own = {currency: {"amount": given["amount"], "tax_behavior": behavior}}
    return objects.create(
        KIND,
        active=True,
        delivery_estimate=_estimate(form.get("delivery_estimate")),
        display_name=form["display_name"],
        fixed_amount={"amount": given["amount"], "currency": currency},
        metadata=form.get("metadata"),
        tax_behavior=behavior,
        tax_code=form.get("tax_code"),
        type="fixed_amount",
        _options=_options(given.get("currency_options")) | own,
    )


@register.get("/v1/shipping_rates/{shipping_rate_token}")
def retrieve(form: Form, rate_id: str) -> Json:
    """https://docs.stripe.com/api/shipping_rates/retrieve"""
    return store.get(KIND, rate_id, param="shipping_rate_token")


@register.post("/v1/shipping_rates/{shipping_rate_token}")
def update(form: Form, rate_id: str) -> Json:
    """https://docs.stripe.com/api/shipping_rates/update; what it costs in its own currency never changes."""
    rate = store.get(KIND, rate_id, param="shipping_rate_token")
    if "tax_behavior" in form and rate["tax_behavior"] not in ("unspecified", form["tax_behavior"]):
        raise InvalidRequest("The tax_behavior can't be changed once it is set.", param="tax_behavior")
    changes = objects.patch(rate, form, ("active", "tax_behavior"))
    options = (form.get("fixed_amount") or {}).get("currency_options")
    if options:
        own = {rate["fixed_amount"]["currency"]: rate["_options"][rate["fixed_amount"]["currency"]]}
        changes["_options"] = rate["_options"] | _options(options) | own
    return objects.change(rate, **changes)


@register.get("/v1/shipping_rates")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/shipping_rates/list"""
    where: Json = {"fixed_amount.currency": form["currency"]} if "currency" in form else {}
    return lists.page(KIND, form, url="/v1/shipping_rates", where=where, only=("active",))


def _within(param: str, name: str) -> str:
    """A parameter's name within another: ``data[fixed_amount][amount]``."""
    first, bracket, rest = name.partition("[")
    return f"{param}[{first}]{bracket}{rest}" if param else name


def _options(given: Json | None) -> Json:
    """The rate in other currencies."""
    return {
        money.currency(code, "fixed_amount[currency_options]"): {
            "amount": option["amount"],
            "tax_behavior": option.get("tax_behavior", "unspecified"),
        }
        for code, option in (given or {}).items()
        if "amount" in option
    }


def _estimate(given: Json | None) -> Json | None:
    if not given:
        return None
    for name in ("minimum", "maximum"):
        if given.get(name) and given[name]["value"] < 1:
            raise InvalidRequest(
                "This value must be greater than or equal to 1.",
                code="parameter_invalid_integer",
                param=f"delivery_estimate[{name}][value]",
            )
    return {name: given.get(name) for name in ("maximum", "minimum")}
