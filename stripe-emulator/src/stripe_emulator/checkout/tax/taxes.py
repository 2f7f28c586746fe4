"""Taxes on a Checkout Session: rates that its lines name, or those that ``automatic_tax`` finds."""

from __future__ import annotations

from decimal import Decimal

from stripe_emulator.billing.invoices import automatic_tax
from stripe_emulator.billing.terms import items
from stripe_emulator.catalog import tax_codes
from stripe_emulator.catalog.sums import totals
from stripe_emulator.core import money
from stripe_emulator.core.database import store
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.payments.customers import tax_ids


def default_rates(form: Form, customer_id: str | None) -> list[str]:
    """Ids of the rates for the lines of a session that name none themselves."""
    if not automatic_tax.is_wanted(form):
        named = (form.get("subscription_data") or {}).get("default_tax_rates") or []
        return [rate["id"] for rate in items.tax_rates(named, "subscription_data[default_tax_rates]")]
    customer = store.get("customer", customer_id) if customer_id else None
    return [rate["id"] for rate in automatic_tax.rates(customer)]


def is_automatic(session: Json) -> bool:
    """Whether the taxes of a session follow from where its customer is."""
    return bool((session.get("automatic_tax") or {}).get("enabled"))


def locate(session: Json) -> None:
    """Choose the rates anew, by what the payer has filled in; the caller adds the session up."""
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    country, _ = _whereabouts(session, customer)
    session["_tax_rates"] = [rate["id"] for rate in automatic_tax.rates_of(country)]


def add(session: Json) -> None:
    """Put the tax on lines whose discounts are off. What a price contains already adds nothing."""
    customer = store.find("customer", session["customer"]) if session["customer"] else None
    exempt = customer is not None and customer.get("tax_exempt") in ("exempt", "reverse")
    is_reversed = is_automatic(session) and automatic_tax.reverses(*_whereabouts(session, customer))
    named = [] if exempt else session["_tax_rates"]
    for line in session["_lines"]:
        own = [] if exempt else line["_tax_rates"]
        rates = [(rate, rate["inclusive"]) for rate in _rates(own or named)]
        _tax(line, rates, is_reversed, money.coin(line["currency"]))
    if session.get("shipping_cost"):
        _add_to_shipping(session, _rates(named), is_reversed)


def _add_to_shipping(session: Json, rates: list[Json], is_reversed: bool) -> None:
    """What it costs to ship is taxed where taxes are automatic, unless its tax code says that it is not."""
    rate = store.get("shipping_rate", session["shipping_cost"]["shipping_rate"])
    if not is_automatic(session) or rate["tax_code"] == tax_codes.NONTAXABLE:
        rates = []
    within = {"inclusive": True, "exclusive": False}.get(rate["tax_behavior"])
    amount = session["shipping_cost"]["amount_subtotal"]
    line = {"amount_total": amount, "amount_subtotal": amount}
    each_within = [(each, each["inclusive"] if within is None else within) for each in rates]
    _tax(line, each_within, is_reversed, money.coin(session["currency"]))
    session["_shipping_taxes"] = line.pop("_taxes")
    session["shipping_cost"] = session["shipping_cost"] | line


def _rates(named: list[str]) -> list[Json]:
    return [store.get("tax_rate", rate_id) for rate_id in named]


def _tax(line: Json, rates: list[tuple[Json, bool]], is_reversed: bool, coin: int) -> None:
    """Put taxes on a line, in whole coins: each rate, and whether the amount contains it already."""
    taxes = totals.tax(
        line["amount_total"],
        [totals.Rate(Decimal(str(rate["percentage"])), inclusive) for rate, inclusive in rates],
        coin,
    )
    if is_reversed:
        taxes = [0] * len(taxes)
    line["_taxes"] = [
        {
            "rate": rate["id"],
            "amount": tax,
            "reason": "reverse_charge" if is_reversed else None,
            "taxable": line["amount_total"] - (tax if inclusive else 0),
        }
        for tax, (rate, inclusive) in zip(taxes, rates, strict=True)
    ]
    line["amount_tax"] = sum(taxes)
    line["amount_total"] += sum(
        tax for tax, (_, inclusive) in zip(taxes, rates, strict=True) if not inclusive
    )


def shown(form: Form) -> Json:
    """A session's ``automatic_tax``."""
    on = automatic_tax.is_wanted(form)
    return {
        "enabled": on,
        "liability": {"type": "self"} if on else None,
        "provider": "stripe" if on else None,
        "status": "complete" if on else None,
    }


def _whereabouts(session: Json, customer: Json | None) -> tuple[str | None, list[Json]]:
    """The payer's country and tax ids: as filled in on the page, or as the customer has them."""
    payer = session.get("_payer") or {}
    held = store.select(tax_ids.KIND, {"customer": customer["id"]}) if customer else []
    if payer.get("tax_id"):
        held = [payer["tax_id"]]
    country = automatic_tax.country_of(payer) or automatic_tax.country_of(customer or {})
    return country, held
