"""Where a Checkout Session sends its goods, and what that costs.

https://docs.stripe.com/payments/during-payment/charge-shipping
"""

from __future__ import annotations

import re

from stripe_emulator.catalog import shipping_rates
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

MAX_OPTIONS = 5
#: What a customer's address must have.
NEEDED = ("line1", "city", "country")


def collection(form: Form) -> Json | None:
    """``shipping_address_collection`` of a form.

    :raises InvalidRequest: It names no country.
    """
    given = form.get("shipping_address_collection")
    if not given:
        return None
    if not given["allowed_countries"]:
        raise InvalidRequest(
            "At least one country is needed.", param="shipping_address_collection[allowed_countries]"
        )
    return {"allowed_countries": list(given["allowed_countries"])}


def countries(session: Json) -> list[str]:
    """Where the goods of a session may go; nowhere if it ships nothing."""
    return list((session["shipping_address_collection"] or {}).get("allowed_countries", []))


def choose(session: Json, form: Form) -> None:
    """Offer ``shipping_options`` of a form; the first is chosen until the customer takes another.

    :raises InvalidRequest: They are not for this mode or currency, or are too many.
    """
    options = form.get("shipping_options")
    if options is None:
        return
    if options and session["mode"] != "payment":
        raise InvalidRequest(
            "You can only pass `shipping_options` in `payment` mode.", param="shipping_options"
        )
    ways = offered(form, session["currency"])
    objects.change(session, shipping_options=ways)
    _take(session, ways[0] if ways else None)


def offered(form: Form, currency: str) -> list[Json]:
    """``shipping_options`` of a form, as a session or a payment link shows them.

    :raises InvalidRequest: They are too many, or have no amount in the currency.
    """
    options = form.get("shipping_options") or []
    if len(options) > MAX_OPTIONS:
        raise InvalidRequest(f"You can have up to {MAX_OPTIONS} shipping options.", param="shipping_options")
    return [_option(each, currency, f"shipping_options[{number}]") for number, each in enumerate(options)]


def take(session: Json, rate_id: str) -> None:
    """The customer takes one of the options.

    :raises InvalidRequest: It is not offered.
    """
    ways = {option["shipping_rate"]: option for option in session["shipping_options"]}
    if rate_id not in ways:
        raise InvalidRequest("Choose one of the ways of shipping.", param="shipping_rate")
    _take(session, ways[rate_id])


def address(session: Json, name: str | None, typed: Json | None) -> Json | None:
    """``shipping_details`` of where the customer wants it sent; None where nobody asks.

    :raises InvalidRequest: A part is missing, or nothing is sent to that country.
    """
    asks = session["shipping_address_collection"]
    if not asks:
        return None
    whole = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")) | (typed or {})
    for part in NEEDED:
        if not whole[part]:
            raise InvalidRequest(
                f"Enter your shipping address: {part.replace('line1', 'street')} is missing.",
                param=f"shipping_{part}",
            )
    if whole["country"] not in asks["allowed_countries"]:
        raise InvalidRequest(
            f"Nothing is shipped to {re.sub('[^A-Za-z]', '', str(whole['country']))[:2]}.",
            param="shipping_country",
        )
    return {"address": whole, "name": name or ""}


def _option(form: Form, currency: str, param: str) -> Json:
    if "shipping_rate" in form:
        rate = store.named("shipping_rate", form["shipping_rate"], f"{param}[shipping_rate]")
        if not rate["active"]:
            raise InvalidRequest(
                f"The shipping rate `{rate['id']}` is inactive.", param=f"{param}[shipping_rate]"
            )
    elif "shipping_rate_data" in form:
        rate = shipping_rates.new(form["shipping_rate_data"], f"{param}[shipping_rate_data]")
    else:
        raise InvalidRequest(
            "You must pass one of `shipping_rate` or `shipping_rate_data`.",
            code="parameter_missing",
            param=f"{param}[shipping_rate]",
        )
    if currency not in rate["_options"]:
        raise InvalidRequest(
            f"The shipping rate `{rate['id']}` has no amount in {currency}.", param=f"{param}[shipping_rate]"
        )
    return {"shipping_amount": rate["_options"][currency]["amount"], "shipping_rate": rate["id"]}


def _take(session: Json, option: Json | None) -> None:
    cost = option and {
        "amount_subtotal": option["shipping_amount"],
        "amount_tax": 0,
        "amount_total": option["shipping_amount"],
        "shipping_rate": option["shipping_rate"],
    }
    objects.change(session, shipping_cost=cost)
