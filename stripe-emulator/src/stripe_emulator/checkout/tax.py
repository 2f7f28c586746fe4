"""Taxes on a Checkout Session: rates that its lines name, or those that ``automatic_tax`` finds.

Stripe finds rates by the seller's registrations and the buyer's address. Here the rule is: every
active tax rate of the country that the customer's address names, of "US" where there is none. A rate that
names a state is that state's.
"""

from __future__ import annotations

from decimal import Decimal

from stripe_emulator.catalog import totals
from stripe_emulator.core import store
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

HOME = "US"


def default_rates(form: Form, customer_id: str | None) -> list[str]:
    """Ids of the rates for the lines of a session that name none themselves."""
    if not is_automatic(form):
        named = (form.get("subscription_data") or {}).get("default_tax_rates") or []
        return [
            store.named("tax_rate", rate_id, "subscription_data[default_tax_rates]")["id"]
            for rate_id in named
        ]
    customer = store.get("customer", customer_id) if customer_id else {}
    return [rate["id"] for rate in rates_of(customer.get("address") or {})]


def rates_of(address: Json) -> list[Json]:
    """The tax rates of an address: those of its country, but for those of another state."""
    country, state = address.get("country") or HOME, address.get("state")
    rates = store.select("tax_rate", {"active": True, "country": country})
    return [rate for rate in rates if rate["state"] in (None, state)]


def add(session: Json) -> None:
    """Put the tax on lines whose discounts are off. What a price contains already adds nothing."""
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    exempt = customer is not None and customer.get("tax_exempt") in ("exempt", "reverse")
    for line in session["_lines"]:
        named = [] if exempt else line["_tax_rates"] or session["_tax_rates"]
        rates = [store.get("tax_rate", rate_id) for rate_id in named]
        taxes = totals.tax(
            line["amount_total"],
            [totals.Rate(Decimal(str(rate["percentage"])), rate["inclusive"]) for rate in rates],
        )
        line["_taxes"] = [
            {
                "rate": rate["id"],
                "amount": tax,
                "taxable": line["amount_total"] - (tax if rate["inclusive"] else 0),
            }
            for tax, rate in zip(taxes, rates, strict=True)
        ]
        line["amount_tax"] = sum(taxes)
        line["amount_total"] += sum(
            tax for tax, rate in zip(taxes, rates, strict=True) if not rate["inclusive"]
        )


def shown(form: Form) -> Json:
    """A session's ``automatic_tax``."""
    on = is_automatic(form)
    return {
        "enabled": on,
        "liability": {"type": "self"} if on else None,
        "provider": "stripe" if on else None,
        "status": "complete" if on else None,
    }


def is_automatic(form: Form) -> bool:
    """Whether the form asks for taxes without naming rates."""
    return bool((form.get("automatic_tax") or {}).get("enabled"))
