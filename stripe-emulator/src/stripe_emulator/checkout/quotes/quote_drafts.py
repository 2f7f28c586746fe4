"""A quote as long as it is a draft: what its form asks for, added up."""

from __future__ import annotations

from stripe_emulator.billing.invoices import automatic_tax
from stripe_emulator.billing.metering import usage
from stripe_emulator.billing.terms import items, terms
from stripe_emulator.catalog.discounts import discounts, redemption
from stripe_emulator.catalog.sums import totals
from stripe_emulator.checkout.lines import line_items
from stripe_emulator.checkout.tax import taxes
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, NotEmulated
from stripe_emulator.core.time import clock, periods
from stripe_emulator.core.types import Json, copied
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

#: Parameters that are kept as they come; "" empties them.
KEPT = ("description", "expires_at", "footer", "header")

#: Parameters that promise more than is done here.
NOT_YET = (
    "application_fee_amount",
    "application_fee_percent",
    "customer_account",
    "on_behalf_of",
    "transfer_data",
)


def change(quote: Json, form: Form) -> None:
    """Give a draft what a form says, and add it up."""
    for name in NOT_YET:
        if form.get(name):
            raise NotEmulated(f"quotes with {name}", param=name)
    if automatic_tax.is_wanted(form):
        raise NotEmulated("quotes with automatic_tax", param="automatic_tax")
    changes = _kept(quote, form)
    if "invoice_settings" in form:
        given = {key: value or None for key, value in form["invoice_settings"].items()}
        changes["invoice_settings"] = quote["invoice_settings"] | given
    if "subscription_data" in form:
        mode = {"billing_mode": quote["subscription_data"]["billing_mode"]}  # only a creation chooses
        changes["subscription_data"] = subscription_data(form) | mode
    if "default_tax_rates" in form:
        held = items.agreed_rates(quote["default_tax_rates"] or [])
        rates = items.tax_rates(form["default_tax_rates"], "default_tax_rates", held)
        changes["default_tax_rates"] = [rate["id"] for rate in rates]
    if "discounts" in form:
        changes["_wanted"] = _checked_discounts(form["discounts"] or [])
    if "line_items" in form:
        changes["_lines"] = _lines(quote, form["line_items"])
        changes["currency"] = changes["_lines"][0]["currency"] if changes["_lines"] else None
    objects.change(quote, **changes)
    _add_up(quote)


def _kept(quote: Json, form: Form) -> Json:
    changes = objects.patch(quote, form, KEPT)
    if "expires_at" in form:
        changes["expires_at"] = later(form["expires_at"])
    if "collection_method" in form:
        changes["collection_method"] = form["collection_method"]
    if "customer" in form:
        changes["customer"] = _belongs_to(quote, form["customer"])
    return changes


def _belongs_to(quote: Json, customer_id: str) -> str:
    """The customer that a draft gets, once and for all.

    :raises InvalidRequest: It has another one.
    :raises NotEmulated: The customer lives on another test clock than the quote.
    """
    customer = store.named("customer", customer_id, "customer")
    if quote["customer"] not in (None, customer_id):
        raise InvalidRequest("You cannot change the customer of a quote once it is set.", param="customer")
    if customer.get("test_clock") != quote["test_clock"]:
        raise NotEmulated("a quote on another test clock than its customer", param="customer")
    return customer_id


def _lines(quote: Json, wanted: list[Form]) -> list[Json]:
    for number, form in enumerate(wanted):
        if form.get("discounts"):
            raise NotEmulated("discounts of a quote's line", param=f"line_items[{number}][discounts]")
    lines = line_items.revise(quote["_lines"], [_counted(form) for form in wanted])
    for line in lines:
        line["discounts"] = []
    if len({line["currency"] for line in lines}) > 1:
        raise InvalidRequest("All lines must have the same currency.", param="line_items")
    items.check_mode(recurring_in(lines), quote["subscription_data"]["billing_mode"], "line_items")
    return lines


def _counted(form: Form) -> Form:
    """A line that says no number keeps its own, or is one; what is counted as it is used has none."""
    price = store.find("price", form.get("price", ""))
    if "id" in form or (price is not None and usage.is_metered(price)):
        return form
    return {"quantity": 1, **form}


def _add_up(quote: Json) -> None:
    """Take the discounts off, put the taxes on, and sum up what is due at once and each period."""
    lines = quote["_lines"]
    for line in lines:
        line |= {"amount_discount": 0, "amount_tax": 0, "amount_total": line["amount_subtotal"], "_cuts": []}
    for form in quote["_wanted"]:
        for line in lines:
            line["_cuts"].append(0)
        cut = discounts.cut(_coupon(form), quote["currency"] or "usd")
        if cut is None:
            continue
        parts = totals.discounted([line["amount_total"] for line in lines], cut)
        for line, part in zip(lines, parts, strict=True):
            line["_cuts"][-1] = part
            line["amount_discount"] += part
            line["amount_total"] -= part
    taxes.add(
        {"customer": quote["customer"], "_lines": lines, "_tax_rates": quote["default_tax_rates"] or []}
    )
    upfront = _sums(lines)
    objects.change(
        quote,
        **{key: upfront[key] for key in ("amount_subtotal", "amount_total", "total_details")},
        computed=computed(lines),
        _lines=lines,
    )


def _sums(lines: list[Json]) -> Json:
    return {key: copied(value) for key, value in line_items.totals(lines).items()}


def recurring_in(lines: list[Json]) -> list[Json]:
    return [line for line in lines if line["price"]["recurring"]]


def computed(lines: list[Json]) -> Json:
    """What is due at once and each period. Lines of several intervals have no period in common."""
    recurring = recurring_in(lines)
    intervals = {periods.of_price(line["price"]) for line in recurring}
    if len(intervals) != 1:
        return {"recurring": None, "upfront": _sums(lines)}
    (every,) = intervals
    each = {"interval": every.unit, "interval_count": every.count, **_sums(recurring)}
    return {"recurring": each, "upfront": _sums(lines)}


def subscription_data(form: Form) -> Json:
    given = form.get("subscription_data") or {}
    effective = given.get("effective_date")
    if effective not in (None, ""):
        raise NotEmulated("quotes with an effective_date", param="subscription_data[effective_date]")
    return {
        "billing_mode": {key: value for key, value in terms.billing_mode(given).items() if value},
        "description": given.get("description"),
        "effective_date": None,
        "metadata": objects.merged({}, given.get("metadata")),
        "trial_period_days": given.get("trial_period_days") or None,
    }


def _checked_discounts(forms: list[Json]) -> list[Json]:
    for number, form in enumerate(forms):
        if "discount" in form:
            raise NotEmulated(
                "a quote with a discount of its customer", param=f"discounts[{number}][discount]"
            )
        if "promotion_code" in form:
            redemption.usable_code(form["promotion_code"], None, f"discounts[{number}][promotion_code]")
        else:
            redemption.usable_coupon(form.get("coupon", ""), f"discounts[{number}][coupon]")
    return forms


def _coupon(form: Json) -> Json:
    if "promotion_code" in form:
        code = store.get("promotion_code", form["promotion_code"])
        return store.get("coupon", code["promotion"]["coupon"])
    return store.get("coupon", form["coupon"])


def later(moment: int) -> int:
    if clock.check(moment, "expires_at") <= clock.now():
        raise InvalidRequest("expires_at must be in the future.", param="expires_at")
    return moment
