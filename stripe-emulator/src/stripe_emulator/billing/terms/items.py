"""A subscription's items: from forms to what is billed. https://docs.stripe.com/api/subscription_items"""

from __future__ import annotations

from collections.abc import Sequence

from stripe_emulator import contract
from stripe_emulator.billing.metering import usage
from stripe_emulator.catalog import currency_options, plans, prices, pricing
from stripe_emulator.catalog.discounts import redemption
from stripe_emulator.core import ids
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest, several_intervals
from stripe_emulator.core.time import clock, due_work, periods
from stripe_emulator.core.types import Json, copied
from stripe_emulator.core.wire import public
from stripe_emulator.events import objects

MAX_ITEMS, MAX_QUANTITY = 20, 999_999

#: In a form of ours, not of a caller's: its price was agreed before, in a session, a quote or a schedule's
#: phase. It may have been described there, so that it is not for sale again, or been archived since.
AGREED = "_agreed"


def named_price(form: Json, param: str) -> Json:
    """The recurring price that an item's form names or describes.

    :raises InvalidRequest: There is none, or it is paid once.
    """
    if "price_data" in form:
        price = prices.from_data(form["price_data"], f"{param}[price_data]")
    else:
        key = "price" if "price" in form else "plan"
        if key not in form:
            raise InvalidRequest(
                f"Missing required param: {param}[price].", code="parameter_missing", param=f"{param}[price]"
            )
        price = store.named("price", form[key], f"{param}[{key}]")
    if price["recurring"] is None:
        raise InvalidRequest(
            f"The price specified is set to `type=one_time` but this field only accepts prices with"
            f" `type=recurring`. Price ID: {price['id']}",
            param=f"{param}[price]",
        )
    _must_be_for_sale(price, form, f"{param}[price]")
    return price


def price_paid_once(form: Json, named: str, described: str) -> Json:
    """The price that a form names or describes, which is not paid again.

    :param named: What the caller calls the parameter ``price`` of this form.
    :param described: What the caller calls its ``price_data``.
    :raises InvalidRequest: There is none, it recurs, or it is no longer for sale.
    """
    if "price_data" in form:
        return prices.from_data(form["price_data"], described)
    price = store.named("price", form.get("price", ""), named)
    if price["recurring"]:
        raise InvalidRequest(
            "The price specified is set to `type=recurring` but this field only accepts prices with"
            f" `type=one_time`. Price ID: {price['id']}",
            param=named,
        )
    _must_be_for_sale(price, form, named)
    return price


def _must_be_for_sale(price: Json, form: Json, named: str) -> None:
    """:raises InvalidRequest: The price, or its product, was archived before it was agreed to."""
    if form.keys() & {"price_data", AGREED} or not due_work.somebody_asks():
        return
    if not price["active"]:
        raise InvalidRequest(
            f"The price specified is inactive. This field only accepts active prices. Price ID:"
            f" {price['id']}",
            param=named,
        )
    product = store.find("product", price["product"])
    if product is not None and not product["active"]:
        raise InvalidRequest(
            f"The product {product['id']} is marked as inactive, and thus no new subscriptions can be created"
            f" to any plans of this product. You provided the plan {price['id']}.",
            param=named,
        )


def new(form: Json, subscription_id: str, customer: Json, param: str) -> Json:
    """An item from a form, without its period. The store remembers whose it is."""
    price = named_price(form, param)
    item_id = ids.new("subscription_item")
    item = contract.blank("subscription_item") | {
        "id": item_id,
        "created": clock.now(),
        "metadata": objects.merged({}, form.get("metadata")),
        **counted(price, form, param),
        "subscription": subscription_id,
        "tax_rates": tax_rates(form.get("tax_rates"), f"{param}[tax_rates]"),
        **_priced(price),
    }
    item["discounts"] = redemption.redeem_all(
        form.get("discounts"), customer, f"{param}[discounts]", subscription_item=item_id
    )
    store.save(
        {
            "object": "subscription_item",
            "id": item_id,
            "created": clock.now(),
            "subscription": subscription_id,
        }
    )
    return item


def changed(subscription: Json, forms: list[Json], customer: Json) -> list[Json]:
    """A subscription's items after ``items[]`` of an update; what the form leaves out stays.

    :raises InvalidRequest: An item is not this subscription's, or none would be left.
    """
    after: list[Json] = copied(subscription["items"]["data"])
    for number, form in enumerate(forms):
        param = f"items[{number}]"
        if "id" not in form:
            if form.get("deleted"):
                raise InvalidRequest(
                    "Missing required param: id.", code="parameter_missing", param=f"{param}[id]"
                )
            after.append(new(form, subscription["id"], customer, param))
            continue
        item = next((other for other in after if other["id"] == form["id"]), None)
        if item is None:
            raise InvalidRequest(
                f"No such subscription item: '{form['id']}'", code="resource_missing", param=f"{param}[id]"
            )
        if form.get("deleted"):
            after.remove(item)
        else:
            _change(item, form, customer, param)
    check(after, subscription["currency"])
    return after


def check(items: list[Json], wanted: str | None = None) -> str:
    """The currency in which the items are billed: the one that is wanted, or the first price's own.

    :raises InvalidRequest: No items, too many, the same price twice, or a price without that currency.
    """
    if not items:
        raise InvalidRequest("A subscription must have at least one active plan.", param="items")
    if len(items) > MAX_ITEMS:
        raise InvalidRequest(f"Subscriptions can have up to {MAX_ITEMS} items.", param="items")
    named = [item["price"]["id"] for item in items]
    if len(named) != len(set(named)):
        raise InvalidRequest(
            "Cannot add multiple subscription items with the same plan:"
            f" {next(price_id for price_id in named if named.count(price_id) > 1)}",
            param="items",
        )
    prices = [store.find("price", item["price"]["id"]) or item["price"] for item in items]
    if wanted is None and len({price["currency"] for price in prices}) > 1:
        raise InvalidRequest(
            "The prices of a subscription must all be in one currency.",
            code="currency_mismatch",
            param="items",
        )
    return currency_options.chosen(prices, wanted, "currency" if wanted else "items")


def worth(items: list[Json], currency: str) -> int:
    """What the items cost for a period each in a currency, before discounts."""
    prices = [
        (store.find("price", item["price"]["id"]) or item["price"], item.get("quantity") or 0)
        for item in items
    ]
    return sum(
        pricing.total(currency_options.within(price, currency), quantity) for price, quantity in prices
    )


def check_mode(items: list[Json], billing_mode: Json, param: str = "items") -> None:
    """:raises InvalidRequest: Several intervals, which only flexible billing bills together."""
    if billing_mode["type"] == "classic" and len({periods.of_price(item["price"]) for item in items}) > 1:
        raise several_intervals(param)


def place(item: Json, anchor: int, moment: int) -> None:
    """Give an item the period that ``moment`` lies in."""
    start, end = periods.of_price(item["price"]).around(moment, anchor)
    item["current_period_start"], item["current_period_end"] = start, end


def as_list(subscription_id: str, data: list[Json]) -> Json:
    """``subscription.items``."""
    return {
        "object": "list",
        "data": data,
        "has_more": False,
        "total_count": len(data),
        "url": f"/v1/subscription_items?subscription={subscription_id}",
    }


def shown(subscription_id: str, data: list[Json]) -> Json:
    """The fields of a subscription that show its items: ``plan`` and ``quantity`` as before there were any.

    A subscription of several items has neither.
    """
    only = data[0] if len(data) == 1 else {"plan": None, "quantity": None}
    return {
        "items": as_list(subscription_id, data),
        "plan": only["plan"],
        "quantity": only.get("quantity"),
    }


def tax_rates(named: Sequence[str | Json] | str | None, param: str, held: Sequence[Json] = ()) -> list[Json]:
    """The tax rates that a form names, each as an object; "" names none.

    :param named: Their ids; one that was agreed to before comes as an object.
    :param held: Those that are there so far: they stay, though one was archived since.
    :raises InvalidRequest: There is no such tax rate, or it is archived.
    """
    if not named or isinstance(named, str):
        return []
    return [
        public(rate if isinstance(rate, dict) else _rate_for_new(rate, f"{param}[{number}]", held))
        for number, rate in enumerate(named)
    ]


def _rate_for_new(rate_id: str, param: str, held: Sequence[Json]) -> Json:
    rate = store.named("tax_rate", rate_id, param)
    if not rate["active"] and all(rate_id != each["id"] for each in held) and due_work.somebody_asks():
        raise InvalidRequest(
            f"The tax rate {rate_id} is inactive. Inactive tax rates can't be used with new subscriptions or"
            " invoices.",
            param=param,
        )
    return rate


def agreed_rates(rate_ids: Sequence[str]) -> list[Json]:
    """Tax rates as a form names them that were agreed to before."""
    return [public(store.get("tax_rate", rate_id)) for rate_id in rate_ids]


def _change(item: Json, form: Json, customer: Json, param: str) -> None:
    if form.get("price", form.get("plan")) == item["price"]["id"]:
        form = {AGREED: True, **form}  # it stays, whatever was archived since
    if form.keys() & {"price", "plan", "price_data"}:
        item |= _priced(named_price(form, param))
        if usage.is_metered(item["price"]):
            item.pop("quantity", None)
    if "quantity" in form or "quantity" not in item:
        item |= counted(item["price"], form, param)
    if "metadata" in form:
        item["metadata"] = objects.merged(item["metadata"], form["metadata"])
    if "tax_rates" in form:
        item["tax_rates"] = tax_rates(form["tax_rates"], f"{param}[tax_rates]", item["tax_rates"])
    if "discounts" in form:
        item["discounts"] = redemption.redeem_all(
            form["discounts"], customer, f"{param}[discounts]", subscription_item=item["id"]
        )


def counted(price: Json, form: Json, param: str) -> Json:
    """An item's quantity; one that a meter counts has none.

    :raises InvalidRequest: A quantity where a meter counts.
    """
    if not usage.is_metered(price):
        return {"quantity": quantity(form.get("quantity", 1), param)}
    if "quantity" in form:
        raise InvalidRequest(
            f"Quantity should not be specified where usage_type is `metered`. Remove `quantity` from"
            f" `{param}`",
            param=f"{param}[quantity]",
        )
    return {}


def _priced(price: Json) -> Json:
    return {"price": public(price), "plan": plans.shown(price)}


def quantity(number: int, param: str) -> int:
    """:raises InvalidRequest: Negative, or too many."""
    if not 0 <= number <= MAX_QUANTITY:
        raise InvalidRequest(
            "Invalid non-negative integer", code="parameter_invalid_integer", param=f"{param}[quantity]"
        )
    return number
