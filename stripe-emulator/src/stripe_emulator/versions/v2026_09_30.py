"""2026-09-30.endive: dynamic payment methods only; a billing cycle anchor is a hash.

https://docs.stripe.com/changelog/endive
"""

from __future__ import annotations

from stripe_emulator.contract import ParameterError
from stripe_emulator.core.wire import Form
from stripe_emulator.versions.change import VersionChange
from stripe_emulator.versions.form_part import Part

change = VersionChange("2026-09-30.endive")

#: Creating one of these with ``payment_method_types`` has an error of its own now.
DYNAMIC_ONLY = ("POST /v1/checkout/sessions", "POST /v1/payment_intents", "POST /v1/setup_intents")

change.took(
    *DYNAMIC_ONLY,
    "POST /v1/payment_intents/{intent}",
    "POST /v1/payment_intents/{intent}/confirm",
    "POST /v1/setup_intents/{intent}",
    payment_method_types=[str],
)
change.took(
    "POST /v1/subscriptions/{subscription_exposed_id}",
    "POST /v1/subscriptions/{subscription}/resume",
    billing_cycle_anchor=("now", "unchanged"),
)
change.took("POST /v1/invoices/create_preview", subscription_details={"billing_cycle_anchor": str})


@change.request(
    "POST /v1/subscriptions/{subscription_exposed_id}", "POST /v1/subscriptions/{subscription}/resume"
)
def anchor_as_a_word(form: Part) -> None:
    """``billing_cycle_anchor=now``."""
    if form.get("billing_cycle_anchor") in ("now", "unchanged"):
        form.move("billing_cycle_anchor", "billing_cycle_anchor[type]")


@change.request(
    "POST /v1/invoices/create_preview", "GET /v1/invoices/upcoming", "GET /v1/invoices/upcoming/lines"
)
def anchor_of_a_preview(form: Part) -> None:
    """``subscription_details[billing_cycle_anchor]`` may be a moment, too."""
    details = form.part("subscription_details")
    if details is None:
        return
    anchor_as_a_word(details)
    if isinstance(details.get("billing_cycle_anchor"), str):
        details.move("billing_cycle_anchor", "billing_cycle_anchor[timestamp]")
        details.put("billing_cycle_anchor[type]", "timestamp")


def refuse_retired(route: str, form: Form, version: str | None) -> None:
    """:raises ParameterError: ``payment_method_types``, from this version on."""
    if version is None or version < change.version:
        return
    if "payment_method_types" in form and route in DYNAMIC_ONLY:
        raise ParameterError(
            "The payment_method_types parameter is no longer supported. Leave it out to use the payment "
            "methods of your Dashboard, or narrow them with allowed_payment_method_types.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
