"""Tax rates: a percentage on invoice lines. https://docs.stripe.com/api/tax_rates"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KEPT = ("country", "description", "jurisdiction", "state", "tax_type")


@register.post("/v1/tax_rates")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/tax_rates/create"""
    if not 0 <= form["percentage"] <= 100:
        raise InvalidRequest("Invalid percentage: must be between 0 and 100.", param="percentage")
    return objects.create(
        "tax_rate",
        event="tax_rate.created",
        active=form.get("active", True),
        display_name=form["display_name"],
        inclusive=form["inclusive"],
        metadata=form.get("metadata"),
        percentage=form["percentage"],
        rate_type="percentage",
        **{key: form.get(key) for key in KEPT},
    )


@register.get("/v1/tax_rates/{tax_rate}")
def retrieve(form: Form, tax_rate_id: str) -> Json:
    """https://docs.stripe.com/api/tax_rates/retrieve"""
    return store.get("tax_rate", tax_rate_id, param="tax_rate")


@register.post("/v1/tax_rates/{tax_rate}")
def update(form: Form, tax_rate_id: str) -> Json:
    """https://docs.stripe.com/api/tax_rates/update; the percentage never changes."""
    tax_rate = store.get("tax_rate", tax_rate_id, param="tax_rate")
    changes = objects.patch(tax_rate, form, ("active", "display_name", *KEPT))
    return objects.change(tax_rate, "tax_rate.updated", **changes)


@register.get("/v1/tax_rates")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/tax_rates/list"""
    return lists.page("tax_rate", form, url="/v1/tax_rates", only=("active", "inclusive"))
