"""What tax there is on some things for somebody somewhere. https://docs.stripe.com/api/tax/calculations

Stripe has the rates of each place where one is registered. Here the rule is that of an invoice's
``automatic_tax``: every active tax rate of the country; and of the state, where a rate names one.
"""

from __future__ import annotations

from decimal import Decimal

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.billing.invoices import automatic_tax
from stripe_emulator.catalog import tax_codes
from stripe_emulator.catalog.sums import totals
from stripe_emulator.checkout.tax import tax_settings
from stripe_emulator.core import ids, money
from stripe_emulator.core.database import store, transactions
from stripe_emulator.core.errors import InvalidRequest, NotFound, no_such
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form, public
from stripe_emulator.events import objects
from stripe_emulator.payments.account import country_specs
from stripe_emulator.payments.customers import tax_id_formats

register = Register()

KIND = "tax.calculation"
#: Seconds for which a calculation is kept.
LIVES = 90 * clock.DAY
#: Seconds before and after now that its rates may be of.
AROUND = 31 * clock.DAY
#: Why nothing is taken of whoever is exempt.
OVERRIDES = {"customer_exempt": "customer_exempt", "reverse_charge": "reverse_charge"}
_OF_CUSTOMER = {"exempt": "customer_exempt", "reverse": "reverse_charge"}


@register.post("/v1/tax/calculations")
def create(form: Form) -> Json:
    """https://docs.stripe.com/api/tax/calculations/create"""
    currency = money.currency(form["currency"])
    customer = store.named("customer", form["customer"], "customer") if "customer" in form else None
    details = _details(form, customer)
    when = form.get("tax_date", clock.now())
    if abs(when - clock.now()) > AROUND:
        raise InvalidRequest(
            "The tax date must be within 31 days of today.", code="tax_date_invalid", param="tax_date"
        )
    if not form["line_items"]:
        raise InvalidRequest(
            "Missing required param: line_items.", code="parameter_missing", param="line_items"
        )
    rates = _rates(details["address"])
    lines = [
        _line(each, number, details, rates, f"line_items[{number}]")
        for number, each in enumerate(form["line_items"])
    ]
    references = [line["reference"] for line in lines]
    if len(set(references)) < len(references):
        raise InvalidRequest("Each line item needs a reference of its own.", param="line_items")
    shipping = _shipping(form.get("shipping_cost"), currency, details, rates)
    taxed = [*lines, *([shipping] if shipping else [])]
    taxes = [each for line in taxed for each in line["_taxes"]]
    exclusive = sum(each["amount"] for each in taxes if not each["inclusive"])
    ship_from = form.get("ship_from_details")
    return objects.create(
        KIND,
        amount_total=sum(line["amount"] for line in taxed) + exclusive,
        currency=currency,
        customer=customer and customer["id"],
        customer_details=details,
        expires_at=clock.now() + LIVES,
        ship_from_details=ship_from and {"address": _whole(ship_from["address"])},
        shipping_cost=shipping and public(shipping),
        tax_amount_exclusive=exclusive,
        tax_amount_inclusive=sum(each["amount"] for each in taxes if each["inclusive"]),
        tax_breakdown=_breakdown(taxes, details["address"]),
        tax_date=when,
        _lines=lines,
        _shipping_breakdown=shipping and shipping["_breakdown"],
    )


@register.get("/v1/tax/calculations/{calculation}")
def retrieve(form: Form, calculation_id: str) -> Json:
    """https://docs.stripe.com/api/tax/calculations/retrieve"""
    return alive(calculation_id)


@register.get("/v1/tax/calculations/{calculation}/line_items")
def list_line_items(form: Form, calculation_id: str) -> Json:
    """https://docs.stripe.com/api/tax/calculations/line_items"""
    url = f"/v1/tax/calculations/{calculation_id}/line_items"
    return lists.slice_of(alive(calculation_id)["_lines"], form, url=url)


@register.includable(KIND, "line_items")
def line_items_of(calculation: Json) -> Json:
    """The first lines, shown when asked for."""
    url = f"/v1/tax/calculations/{calculation['id']}/line_items"
    return lists.slice_of(calculation["_lines"], {}, url=url)


@register.includable("tax.calculation_line_item", "tax_breakdown")
def breakdown_of_line(line: Json) -> list[Json]:
    """What each rate takes of a line, shown when asked for."""
    transactions.current().flush()
    sql = "SELECT id FROM object WHERE kind = ? AND instr(body, ?)"
    (calculation,) = transactions.current().execute(sql, (KIND, f'"{line["id"]}"')).fetchone()
    lines = {each["id"]: each for each in store.get(KIND, calculation)["_lines"]}
    taxes: list[Json] = lines[line["id"]]["_breakdown"]
    return taxes


@register.includable(KIND, "shipping_cost.tax_breakdown")
def breakdown_of_shipping(calculation: Json) -> list[Json]:
    """What each rate takes of the shipping, shown when asked for."""
    taxes: list[Json] = calculation["_shipping_breakdown"]
    return taxes


def alive(calculation_id: str) -> Json:
    """A calculation that has not expired.

    :raises NotFound: There is none.
    """
    calculation = store.get(KIND, calculation_id, param="calculation")
    if calculation["expires_at"] <= clock.now():
        raise NotFound(no_such(KIND, calculation_id), code="resource_missing", param="calculation")
    return calculation


def _details(form: Form, customer: Json | None) -> Json:
    """Who buys, and where: as the form says, or as the customer says of themselves.

    :raises InvalidRequest: The place is not known.
    """
    given = form.get("customer_details")
    if (given is None) == (customer is None):
        raise InvalidRequest(
            "You must specify exactly one of `customer` or `customer_details`.", param="customer_details"
        )
    if customer is not None:
        sent_to = (customer.get("shipping") or {}).get("address")
        given = {
            "address": sent_to or customer["address"],
            "address_source": "shipping" if sent_to else "billing",
            "taxability_override": _OF_CUSTOMER.get(customer["tax_exempt"], "none"),
        }
    given = given or {}
    for number, tax_id in enumerate(given.get("tax_ids") or []):
        tax_id_formats.check(tax_id["type"], tax_id["value"], f"customer_details[tax_ids][{number}]")
    address = _whole(given.get("address") or {})
    _must_be_somewhere(address)
    return {
        "address": address,
        "address_source": given.get("address_source", "billing"),
        "ip_address": given.get("ip_address"),
        "tax_ids": [{"type": each["type"], "value": each["value"]} for each in given.get("tax_ids") or []],
        "taxability_override": given.get("taxability_override", "none"),
    }


def _must_be_somewhere(address: Json) -> None:
    country = address["country"]
    enough = address["postal_code"] or address["state"] if country in ("US", "CA") else country
    if not enough:
        raise InvalidRequest(
            "We could not determine the customer's tax location based on the provided customer address.",
            code="customer_tax_location_invalid",
            param="customer_details[address]",
        )
    country_specs.must_be_country(country, "customer_details[address][country]")


def _rates(address: Json) -> list[Json]:
    """The rates of a country, but for those of another state."""
    rates = automatic_tax.rates_of(address["country"])
    return [rate for rate in rates if rate["state"] in (None, address["state"])]


def _whole(address: Json) -> Json:
    return dict.fromkeys(tax_settings.LINES) | {key: address[key] or None for key in address}


def _line(form: Form, number: int, details: Json, rates: list[Json], param: str) -> Json:
    amount, quantity = form["amount"], form.get("quantity", 1)
    if amount < 0 or quantity < 1:
        raise InvalidRequest(
            "Invalid non-negative integer",
            code="parameter_invalid_integer",
            param=f"{param}[{'amount' if amount < 0 else 'quantity'}]",
        )
    product = store.named("product", form["product"], f"{param}[product]") if "product" in form else {}
    code = form.get("tax_code") or product.get("tax_code")
    behavior = form.get("tax_behavior")
    taxed = _taxed(amount, code, behavior, details, rates, f"{param}[tax_code]")
    return taxed | {
        "id": ids.new("tax.calculation_line_item"),
        "object": "tax.calculation_line_item",
        "livemode": False,
        "metadata": objects.merged({}, form["metadata"]) if form.get("metadata") else None,
        "product": product.get("id"),
        "quantity": quantity,
        "reference": form.get("reference", f"L{number + 1}"),
    }


def _shipping(form: Form | None, currency: str, details: Json, rates: list[Json]) -> Json | None:
    if not form:
        return None
    if ("amount" in form) == ("shipping_rate" in form):
        raise InvalidRequest(
            "You must specify exactly one of `amount` or `shipping_rate`.", param="shipping_cost"
        )
    if "amount" in form:
        code = form.get("tax_code", tax_codes.SHIPPING)
        return _taxed(
            form["amount"], code, form.get("tax_behavior"), details, rates, "shipping_cost[tax_code]"
        )
    rate = store.named("shipping_rate", form["shipping_rate"], "shipping_cost[shipping_rate]")
    if currency not in rate["_options"]:
        raise InvalidRequest(
            f"The shipping rate `{rate['id']}` has no amount in {currency}.",
            param="shipping_cost[shipping_rate]",
        )
    behavior = form.get("tax_behavior") or rate["tax_behavior"]
    if behavior == "unspecified":
        behavior = None
    code = rate["tax_code"] or tax_codes.SHIPPING
    amount = rate["_options"][currency]["amount"]
    taxed = _taxed(amount, code, behavior, details, rates, "shipping_cost[shipping_rate]")
    return taxed | {"shipping_rate": rate["id"]}


def _taxed(
    amount: int, code: str | None, behavior: str | None, details: Json, rates: list[Json], param: str
) -> Json:
    """A sum with its tax."""
    defaults = tax_settings.known()["defaults"]
    code = tax_codes.checked(code or defaults["tax_code"] or tax_codes.GENERAL, param)
    if behavior is None:
        behavior = "inclusive" if defaults["tax_behavior"] == "inclusive" else "exclusive"
    reason = OVERRIDES.get(details["taxability_override"]) or (
        "product_exempt" if code == tax_codes.NONTAXABLE else "standard_rated" if rates else "not_collecting"
    )
    inclusive = behavior == "inclusive"
    taxes = _taxes(amount, inclusive, reason, rates)
    return {
        "amount": amount,
        "amount_tax": sum(each["amount"] for each in taxes),
        "tax_behavior": behavior,
        "tax_code": code,
        "_breakdown": [_of_line(each, details["address"]) for each in taxes],
        "_taxes": taxes,
    }


def _taxes(amount: int, inclusive: bool, reason: str, rates: list[Json]) -> list[Json]:
    """What each rate takes, and of how much."""
    if reason != "standard_rated":
        return [{"amount": 0, "inclusive": inclusive, "rate": None, "reason": reason, "taxable": 0}]
    parts = totals.tax(amount, [totals.Rate(Decimal(str(rate["percentage"])), inclusive) for rate in rates])
    taxable = amount - sum(parts) if inclusive else amount
    return [
        {"amount": part, "inclusive": inclusive, "rate": rate["id"], "reason": reason, "taxable": taxable}
        for part, rate in zip(parts, rates, strict=True)
    ]


def _breakdown(taxes: list[Json], address: Json) -> list[Json]:
    """The taxes of all lines, those of one rate and one reason together."""
    groups: dict[tuple[object, ...], Json] = {}
    for each in taxes:
        key = each["rate"], each["reason"], each["inclusive"]
        if key not in groups:
            groups[key] = {
                "amount": 0,
                "inclusive": each["inclusive"],
                "tax_rate_details": _rate_details(each["rate"], address),
                "taxability_reason": each["reason"],
                "taxable_amount": 0,
            }
        groups[key]["amount"] += each["amount"]
        groups[key]["taxable_amount"] += each["taxable"]
    return list(groups.values())


def _rate_details(rate_id: str | None, address: Json) -> Json:
    rate = store.get("tax_rate", rate_id) if rate_id else None
    return {
        "country": address["country"],
        "flat_amount": None,
        "percentage_decimal": str(float(rate["percentage"])) if rate else "0.0",
        "rate_type": "percentage" if rate else None,
        "state": (rate or {}).get("state") or (address["state"] if address["country"] == "US" else None),
        "tax_type": rate["tax_type"] if rate else None,
    }


def _of_line(each: Json, address: Json) -> Json:
    rate = store.get("tax_rate", each["rate"]) if each["rate"] else None
    state = (rate or {}).get("state")
    return {
        "amount": each["amount"],
        "jurisdiction": {
            "country": address["country"],
            "display_name": (rate or {}).get("jurisdiction") or address["country"],
            "level": "state" if state else "country",
            "state": state,
        },
        "sourcing": "destination",
        "tax_rate_details": rate
        and {
            "display_name": rate["display_name"],
            "percentage_decimal": str(float(rate["percentage"])),
            "tax_type": rate["tax_type"] or "sales_tax",
        },
        "taxability_reason": each["reason"],
        "taxable_amount": each["taxable"],
    }
