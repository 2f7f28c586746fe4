"""What a Checkout Session sells, line by line. https://docs.stripe.com/api/checkout/sessions/line_items"""

from __future__ import annotations

from stripe_emulator.catalog import currency_options, prices, pricing
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, public
from stripe_emulator.events import objects

MAX_LINES, MAX_QUANTITY = 100, 999_999


def read(wanted: list[Form], param: str = "line_items", currency: str | None = None) -> list[Json]:
    """Lines from a form, each with its price in full.

    :param currency: What the customer pays in, if it is not the prices' own.
    :raises InvalidRequest: No such price, no quantity, or two currencies.
    """
    if len(wanted) > MAX_LINES:
        raise InvalidRequest(f"You can have up to {MAX_LINES} line items.", param=param)
    lines = [_line(form, f"{param}[{index}]", currency) for index, form in enumerate(wanted)]
    if len({line["currency"] for line in lines}) > 1:
        raise InvalidRequest("All prices of a Checkout Session must have the same currency.", param=param)
    return lines


def revise(lines: list[Json], wanted: list[Form]) -> list[Json]:
    """Lines after an update: one that is named by its id keeps it, one that is not named goes."""
    known = {line["id"]: line for line in lines}
    currency = lines[0]["currency"] if lines else None
    revised = []
    for index, form in enumerate(wanted):
        param = f"line_items[{index}]"
        if "id" not in form:
            revised.append(_line(form, param, currency))
            continue
        if form["id"] not in known:
            raise InvalidRequest(
                f"No such line item: '{form['id']}'", code="resource_missing", param=f"{param}[id]"
            )
        line = known[form["id"]]
        kept = {key: line[key] for key in ("quantity", "adjustable_quantity")}
        merged = {**kept, "tax_rates": line["_tax_rates"], **form}
        if "price" not in form and "price_data" not in form:
            merged["price"] = line["price"]["id"]
        revised.append(_line(merged, param, currency) | {"id": line["id"]})
    return revised


def totals(lines: list[Json], shipping: Json | None = None) -> Json:
    """A session's sums over its lines, and over what it costs to ship them (``shipping_cost``)."""
    cost = shipping or {"amount_subtotal": 0, "amount_tax": 0, "amount_total": 0}
    return {
        "amount_subtotal": sum(line["amount_subtotal"] for line in lines),
        "amount_total": sum(line["amount_total"] for line in lines) + cost["amount_total"],
        "total_details": {
            "amount_discount": sum(line["amount_discount"] for line in lines),
            "amount_shipping": cost["amount_subtotal"],
            "amount_tax": sum(line["amount_tax"] for line in lines) + cost["amount_tax"],
        },
    }


def _line(form: Form, param: str, currency: str | None) -> Json:
    sold = _price(form, param)
    if currency is not None:
        currency_options.must_support(sold, currency, "currency")
    price = sold if currency is None else currency_options.within(sold, currency)
    quantity = form.get("quantity")
    metered = (price["recurring"] or {}).get("usage_type") == "metered"
    if quantity is None and not metered:
        raise InvalidRequest(
            "Quantity is required. Add `quantity` to `" + param + "`.",
            code="parameter_missing",
            param=f"{param}[quantity]",
        )
    if quantity is not None and metered:
        raise InvalidRequest(
            f"Quantity should not be specified where usage_type is `metered`. Remove `quantity` from"
            f" `{param}`",
            param=f"{param}[quantity]",
        )
    if quantity is not None and not 1 <= quantity <= MAX_QUANTITY:
        raise InvalidRequest(
            f"Quantity must be between 1 and {MAX_QUANTITY}.",
            code="parameter_invalid_integer",
            param=f"{param}[quantity]",
        )
    if price["custom_unit_amount"] is not None:
        raise NotEmulated("prices whose amount the customer chooses", param=f"{param}[price]")
    amount = 0 if metered else pricing.total(price, quantity or 0)
    adjustable = form.get("adjustable_quantity")
    if adjustable and adjustable["enabled"]:
        _must_be_within(adjustable, quantity, param)
    return {
        "id": form.get("id") or ids.new("item"),
        "object": "item",
        "adjustable_quantity": {"enabled": False, "maximum": None, "minimum": None} | adjustable
        if adjustable
        else None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": price["currency"],
        "description": store.get("product", price["product"])["name"],
        "metadata": objects.merged({}, form.get("metadata")),
        "price": public(sold),
        "quantity": quantity,
        "_cuts": [],
        "_tax_rates": _tax_rates(form, param),
        "_taxes": [],
    }


def _must_be_within(adjustable: Json, quantity: int | None, param: str) -> None:
    """:raises InvalidRequest: The quantity is none that the customer could choose."""
    minimum, maximum = adjustable.get("minimum") or 0, adjustable.get("maximum")
    if maximum is not None and maximum < minimum:
        raise InvalidRequest(
            "`adjustable_quantity[maximum]` must be at least `adjustable_quantity[minimum]`.",
            param=f"{param}[adjustable_quantity][maximum]",
        )
    if quantity is not None and (quantity < minimum or (maximum is not None and quantity > maximum)):
        raise InvalidRequest(
            "The quantity must lie between `adjustable_quantity[minimum]` and"
            " `adjustable_quantity[maximum]`.",
            param=f"{param}[quantity]",
        )


def _tax_rates(form: Form, param: str) -> list[str]:
    if form.get("dynamic_tax_rates"):
        raise NotEmulated("line items with dynamic_tax_rates", param=f"{param}[dynamic_tax_rates]")
    rates = []
    for number, named in enumerate(form.get("tax_rates") or []):
        rate = store.named("tax_rate", named, f"{param}[tax_rates][{number}]")
        if not rate["active"] and "id" not in form:
            raise InvalidRequest(
                f"The tax rate {named} is inactive. Inactive tax rates can't be used with new Checkout"
                " Sessions.",
                param=f"{param}[tax_rates][{number}]",
            )
        rates.append(rate["id"])
    return rates


def _price(form: Form, param: str) -> Json:
    if "price" in form:
        price = store.named("price", form["price"], f"{param}[price]")
        if not price["active"] and "id" not in form:
            raise InvalidRequest(
                f"The price specified is inactive. This field only accepts active prices. (`{price['id']}`)",
                param=f"{param}[price]",
            )
        if "id" not in form and not store.get("product", price["product"])["active"]:
            raise InvalidRequest(
                f"Price `{price['id']}` is not available to be purchased because its product is not active.",
                param=f"{param}[price]",
            )
        return price
    if "price_data" not in form:
        raise InvalidRequest(
            "You must provide one of `price` or `price_data` for each line item.",
            code="parameter_missing",
            param=f"{param}[price]",
        )
    return prices.from_data(form["price_data"], f"{param}[price_data]")
