"""Where the account's business is, and how its prices are taxed. https://docs.stripe.com/api/tax/settings"""

from __future__ import annotations

from stripe_emulator import contract
from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices.automatic_tax import HOME
from stripe_emulator.catalog import tax_codes
from stripe_emulator.core.database.settings import get_setting, put_setting
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import events
from stripe_emulator.payments.account import country_specs

register = Register()

#: Name of the setting, and what it is until somebody sets it.
SETTING = "tax_settings"
LINES = ("city", "country", "line1", "line2", "postal_code", "state")
AT_FIRST: Json = {
    "defaults": {"provider": "stripe", "tax_behavior": None, "tax_code": tax_codes.GENERAL},
    "head_office": {"address": dict.fromkeys(LINES) | {"country": HOME}},
}


@register.get("/v1/tax/settings")
def retrieve(form: Form) -> Json:
    """https://docs.stripe.com/api/tax/settings/retrieve"""
    return _shown(known())


@register.post("/v1/tax/settings")
def update(form: Form) -> Json:
    """https://docs.stripe.com/api/tax/settings/update"""
    settings, before = known(), _shown(known())
    given = form.get("defaults") or {}
    if "tax_code" in given:
        tax_codes.checked(given["tax_code"], "defaults[tax_code]")
    address = (form.get("head_office") or {}).get("address")
    if address and address.get("country"):
        country_specs.must_be_country(address["country"], "head_office[address][country]")
    changed = {
        "defaults": settings["defaults"] | given,
        "head_office": {"address": dict.fromkeys(LINES) | address} if address else settings["head_office"],
    }
    put_setting(SETTING, changed)
    shown = _shown(changed)
    if shown != before:
        previous = {name: before[name] for name in shown if shown[name] != before[name]}
        events.emit("tax.settings.updated", shown, previous=previous)
    return shown


def known() -> Json:
    """The settings that now hold."""
    settings: Json = get_setting(SETTING, AT_FIRST)
    return settings


def _shown(settings: Json) -> Json:
    return (
        contract.blank("tax.settings")
        | settings
        | {
            "livemode": False,
            "status": "active",
            "status_details": {"active": {}},
        }
    )
