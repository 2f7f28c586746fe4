"""Early fraud warnings: a card's bank suspects a payment, before anybody disputes it.

https://docs.stripe.com/api/radar/early_fraud_warnings
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects
from stripe_emulator.payments.methods import payment_methods

register = Register()

KIND = "radar.early_fraud_warning"


@register.get("/v1/radar/early_fraud_warnings/{early_fraud_warning}")
def retrieve(form: Form, warning_id: str) -> Json:
    """https://docs.stripe.com/api/radar/early_fraud_warnings/retrieve"""
    return store.get(KIND, warning_id, param="early_fraud_warning")


@register.get("/v1/radar/early_fraud_warnings")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/radar/early_fraud_warnings/list"""
    only = ("charge", "payment_intent")
    return lists.page(KIND, form, url="/v1/radar/early_fraud_warnings", only=only)


def send_for_card(charge: Json, method: Json) -> None:
    """Send the warning of a test card whose bank warns as soon as it has paid."""
    if payment_methods.card_of(method).bank_warns:
        objects.create(
            KIND,
            event="radar.early_fraud_warning.created",
            actionable=not charge["disputed"],
            charge=charge["id"],
            fraud_type="made_with_stolen_card",
            payment_intent=charge["payment_intent"],
        )


def sync(charge: Json) -> None:
    """A warning is actionable while a refund could still prevent a dispute: neither has happened."""
    for warning in store.select(KIND, {"charge": charge["id"]}):
        actionable = not (charge["disputed"] or charge["refunded"])
        objects.change(warning, "radar.early_fraud_warning.updated", actionable=actionable)
