"""2026-03-25.dahlia: other names for the modes of a Checkout page.

https://docs.stripe.com/changelog/dahlia
"""

from __future__ import annotations

from stripe_emulator.core.types import Json
from stripe_emulator.versions.change import Find, VersionChange
from stripe_emulator.versions.form_part import Part

change = VersionChange("2026-03-25.dahlia")

#: The name before -> the name since.
UI_MODES = {"custom": "elements", "embedded": "embedded_page", "hosted": "hosted_page"}

change.took(
    "POST /v1/checkout/sessions",
    ui_mode=tuple(UI_MODES),
    line_items=[{"dynamic_tax_rates": [str]}],
)
change.took(
    "POST /v1/payment_intents",
    "POST /v1/payment_intents/{intent}",
    "POST /v1/payment_intents/{intent}/confirm",
    payment_method_options={"us_bank_account": {"preferred_settlement_speed": ("fastest", "standard")}},
)


@change.request("POST /v1/checkout/sessions")
def mode_by_its_older_name(form: Part) -> None:
    """``ui_mode=hosted``."""
    form.move("ui_mode", "ui_mode", UI_MODES.get(form.get("ui_mode")))


@change.answer("checkout.session")
def older_mode(session: Json, find: Find) -> None:
    """The mode as it was called."""
    older = {since: before for before, since in UI_MODES.items()}
    session["ui_mode"] = older.get(session["ui_mode"], session["ui_mode"])
