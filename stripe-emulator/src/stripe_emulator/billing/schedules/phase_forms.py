"""Phases of a schedule, as they are read from a form and shown.

https://docs.stripe.com/api/subscription_schedules/object#subscription_schedule_object-phases
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stripe_emulator.billing.lifecycle import cycle
from stripe_emulator.billing.terms import items
from stripe_emulator.catalog import currency_options
from stripe_emulator.catalog.discounts import redemption
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.time import clock, periods
from stripe_emulator.core.types import Json, copied
from stripe_emulator.events import objects

#: How many intervals a phase may last.
LONGEST = 120

#: A phase where nothing was asked for.
BLANK: Json = {
    "add_invoice_items": [],
    "application_fee_percent": None,
    "billing_cycle_anchor": None,
    "billing_thresholds": None,
    "collection_method": None,
    "default_payment_method": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "invoice_settings": None,
    "metadata": {},
    "on_behalf_of": None,
    "proration_behavior": "create_prorations",
    "transfer_data": None,
    "trial_end": None,
}


def read(forms: list[Json], first_start: int, known: Sequence[Json] = ()) -> list[Json]:
    """Phases from a form, each beginning where the one before it ends.

    :param known: The phases so far: their discounts and tax rates stay, though one is over since.
    :raises InvalidRequest: A phase ends before it begins, or names no price.
    """
    made: list[Json] = []
    begins = first_start
    for number, form in enumerate(forms):
        param = f"phases[{number}]"
        given = form.get("start_date")
        if isinstance(given, int):
            begins = clock.check(given, f"{param}[start_date]") if number == 0 else begins
        elif given == "now":
            begins = clock.now()
        phase = _phase(form, begins, param, made[0]["currency"] if made else None, known)
        if phase["end_date"] <= begins:
            raise InvalidRequest("A phase must end after it begins.", param=f"{param}[end_date]")
        if number and phase["end_date"] <= clock.now():
            raise InvalidRequest("A phase cannot end in the past.", param=f"{param}[end_date]")
        made.append(phase)
        begins = phase["end_date"]
    if not made:
        raise InvalidRequest("A schedule needs at least one phase.", param="phases")
    return made


def of_subscription(subscription: Json) -> Json:
    """The phase that a running subscription is in, until its period's end."""
    data = subscription["items"]["data"]
    return {
        **copied(BLANK),
        "currency": subscription["currency"],
        "discounts": [
            {"coupon": None, "discount": discount, "promotion_code": None}
            for discount in subscription["discounts"]
        ],
        "end_date": cycle.next_renewal(subscription),
        "items": [_shown_item(item["price"]["id"], item.get("quantity")) for item in data],
        "metadata": {},
        "start_date": min(item["current_period_start"] for item in data),
        "trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None,
    }


def _phase(form: Json, begins: int, param: str, first: str | None, known: Sequence[Json]) -> Json:
    """One phase of a form.

    :param first: The currency of the first phase, in which all are billed; None for that one.
    """
    wanted = [
        _item(item, f"{param}[items][{number}]", known) for number, item in enumerate(form.get("items") or [])
    ]
    if not wanted:
        raise InvalidRequest(
            f"Missing required param: {param}[items].", code="parameter_missing", param=f"{param}[items]"
        )
    price = store.get("price", wanted[0]["price"])
    given = {key: form[key] for key in BLANK if form.get(key) not in (None, "")}
    phase = {**copied(BLANK), **given}
    phase["discounts"] = _discounts(form, param, known)
    phase["add_invoice_items"] = [
        _shown_extra(extra, f"{param}[add_invoice_items][{number}]", known)
        for number, extra in enumerate(form.get("add_invoice_items") or [])
    ]
    phase["default_tax_rates"] = _tax_rates(form, "default_tax_rates", param, known)
    if form.get("invoice_settings"):
        phase["invoice_settings"] = {"account_tax_ids": None, "days_until_due": None, "issuer": None} | form[
            "invoice_settings"
        ]
    end = _end_date(form, begins, price)
    trial_end = end if form.get("trial") else form.get("trial_end")
    return phase | {
        "currency": _currency(form, wanted, f"{param}[currency]", first),
        "end_date": end,
        "items": wanted,
        "start_date": begins,
        "trial_end": trial_end if isinstance(trial_end, int) else None,
    }


def _currency(form: Json, wanted: list[Json], param: str, first: str | None) -> str:
    """What a phase is billed in: what it says, or what the first one is.

    :raises InvalidRequest: A price has no such currency, or the phases differ.
    """
    named = form.get("currency") or first
    currency = currency_options.chosen([store.get("price", item["price"]) for item in wanted], named, param)
    if first not in (None, currency):
        raise InvalidRequest(
            f"The phases of a schedule must all be in one currency. The first one is in {first}.", param=param
        )
    return currency


def _end_date(form: Json, begins: int, price: Json) -> int:
    """Given, or so much later; one period of its price where nothing is said."""
    end = form.get("end_date")
    if end is not None:
        return clock.now() if end == "now" else clock.check(end, "phases[end_date]")
    duration = form.get("duration")
    if duration is not None:
        count = _small(duration.get("interval_count", 1), "phases[duration][interval_count]")
        if duration["interval"] not in periods.UNITS:
            raise InvalidRequest(
                f"Invalid interval: {duration['interval']}", param="phases[duration][interval]"
            )
        return periods.Interval(duration["interval"], count).after(begins)
    iterations = str(form.get("iterations") or 1)  # older versions count periods
    times = _small(int(iterations) if re.fullmatch(r"\d{1,4}", iterations) else 0, "phases[iterations]")
    return periods.of_price(price).after(begins, times)


def _small(count: int, param: str) -> int:
    """:raises InvalidRequest: A phase that lasts for ever, or not at all."""
    if not 1 <= count <= LONGEST:
        raise InvalidRequest(
            f"A phase lasts 1 to {LONGEST} intervals.", code="parameter_invalid_integer", param=param
        )
    return count


def _item(form: Json, param: str, known: Sequence[Json]) -> Json:
    price = items.named_price(_agreed(form, "items", known), param)
    shown = _shown_item(price["id"], items.counted(price, form, param).get("quantity"))
    return shown | {
        "discounts": _discounts(form, param, known),
        "metadata": objects.merged({}, form.get("metadata")),
        "tax_rates": _tax_rates(form, "tax_rates", param, known),
    }


def _agreed(form: Json, kind: str, known: Sequence[Json]) -> Json:
    """A form whose price a phase has already: it stays, whatever was archived since."""
    held = {part["price"] for phase in known for part in phase[kind]}
    return {**form, items.AGREED: True} if form.get("price") in held else form


def _shown_item(price_id: str, quantity: int | None) -> Json:
    counted: Json = {} if quantity is None else {"quantity": quantity}
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "plan": price_id,
        "price": price_id,
        **counted,
        "tax_rates": [],
    }


def _discounts(form: Json, param: str, known: Sequence[Json]) -> list[Json]:
    """:raises InvalidRequest: One is over, or there is no such thing; those of ``known`` phases stay."""
    wanted = [
        {key: discount.get(key) for key in ("coupon", "discount", "promotion_code")}
        for discount in form.get("discounts") or []
    ]
    held = [
        discount
        for phase in known
        for part in (phase, *phase["items"], *phase["add_invoice_items"])
        for discount in part["discounts"]
    ]
    for number, discount in enumerate(wanted):
        name = f"{param}[discounts][{number}]"
        if discount in held:
            continue
        if discount["coupon"]:
            redemption.usable_coupon(discount["coupon"], f"{name}[coupon]")
        if discount["promotion_code"]:
            redemption.running_code(discount["promotion_code"], f"{name}[promotion_code]")
    return wanted


def _tax_rates(form: Json, name: str, param: str, known: Sequence[Json]) -> list[Json]:
    """:raises InvalidRequest: One is archived, or there is no such thing; those of ``known`` phases stay."""
    held = [
        rate
        for phase in known
        for part in (*phase["items"], *phase["add_invoice_items"], {"tax_rates": phase["default_tax_rates"]})
        for rate in part["tax_rates"]
    ]
    return items.tax_rates(form.get(name), f"{param}[{name}]", held)


def _shown_extra(form: Json, param: str, known: Sequence[Json]) -> Json:
    period = {"start": {"type": "phase_start"}, "end": {"type": "phase_end"}}
    agreed = _agreed(form, "add_invoice_items", known)
    return {
        "discountable": form.get("discountable"),
        "discounts": _discounts(form, param, known),
        "metadata": form.get("metadata") or {},
        "period": form.get("period") or period,
        "price": items.price_paid_once(agreed, f"{param}[price]", f"{param}[price_data]")["id"],
        "quantity": form.get("quantity", 1),
        "tax_rates": _tax_rates(form, "tax_rates", param, known),
    }


def default_settings(given: Json) -> Json:
    """What holds in phases that say nothing else."""
    invoice_settings = {
        "account_tax_ids": None,
        "custom_fields": None,
        "days_until_due": None,
        "description": None,
        "footer": None,
        "issuer": {"type": "self"},
    }
    return {
        "application_fee_percent": given.get("application_fee_percent"),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": given.get("billing_cycle_anchor", "automatic"),
        "billing_thresholds": None,
        "collection_method": given.get("collection_method", "charge_automatically"),
        "default_payment_method": given.get("default_payment_method") or None,
        "description": given.get("description") or None,
        "invoice_settings": invoice_settings | (given.get("invoice_settings") or {}),
        "on_behalf_of": None,
        "transfer_data": None,
    }
