"""What the customer may add to a Checkout Session. https://docs.stripe.com/payments/checkout/optional-items"""

from __future__ import annotations

from stripe_emulator.checkout.lines import line_items
from stripe_emulator.checkout.sessions import session_changes
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form

MAX_ITEMS = 10
#: How many lines and optional items a session has at most: without a plan, and of each kind with one.
MAX_TOGETHER, MAX_OF_A_KIND = 100, 20


def read(form: Form, lines: list[Json]) -> Json:
    """``optional_items`` of a form, as a session or a payment link shows them: absent without any.

    :param lines: What is sold in any case.
    :raises InvalidRequest: They are too many, or can't be sold with the lines.
    """
    wanted = form.get("optional_items")
    if not wanted:
        return {}
    if len(wanted) > MAX_ITEMS:
        raise InvalidRequest(f"You can have up to {MAX_ITEMS} optional items.", param="optional_items")
    items = line_items.read(wanted, "optional_items", form.get("currency"))
    is_plan = any(line["price"]["recurring"] for line in lines)
    _must_not_be_too_many([*lines, *items], is_plan)
    for number, item in enumerate(items):
        param = f"optional_items[{number}][price]"
        if lines and item["currency"] != lines[0]["currency"]:
            raise InvalidRequest("All prices of a Checkout Session must have the same currency.", param=param)
        if item["price"]["recurring"] and not is_plan:
            raise InvalidRequest(
                "You specified `payment` mode but passed a recurring price. Either switch to `subscription`"
                " mode or use only one-time prices.",
                param=param,
            )
    return {"optional_items": [_shown(item) for item in items]}


def as_form(items: list[Json] | None) -> list[Form]:
    """What a payment link offers, as a parameter of its sessions."""
    return [{name: value for name, value in item.items() if value is not None} for item in items or []]


def left(session: Json) -> list[Json]:
    """What the customer has not added yet."""
    taken = {line["price"]["id"] for line in session["_lines"]}
    return [item for item in session.get("optional_items") or [] if item["price"] not in taken]


def add(session: Json, price_id: str) -> None:
    """The customer wants one of them, too.

    :raises InvalidRequest: It is not offered, or was added before.
    """
    item = next((item for item in left(session) if item["price"] == price_id), None)
    if item is None:
        raise InvalidRequest("Choose one of the items that are offered.", param="optional_item")
    line = {"price": price_id, "quantity": item["quantity"]}
    if item["adjustable_quantity"]:
        line["adjustable_quantity"] = item["adjustable_quantity"]
    session_changes.update(session, {"line_items": [*_kept(session), line]})


def remove(session: Json, price_id: str) -> None:
    """The customer does not want it after all.

    :raises InvalidRequest: It was not added.
    """
    offered = {item["price"] for item in session.get("optional_items") or []}
    line = next((line for line in session["_lines"] if line["price"]["id"] == price_id), None)
    if line is None or price_id not in offered:
        raise InvalidRequest("This item can't be removed.", param="optional_item")
    session_changes.update(
        session, {"line_items": [kept for kept in _kept(session) if kept["id"] != line["id"]]}
    )


def shown_on_page(session: Json) -> list[Json]:
    """What the page offers: each item with its product's name and what it costs."""
    offered = []
    for item in left(session):
        price = store.get("price", item["price"])
        wanted = [{"price": price["id"], "quantity": item["quantity"]}]
        (line,) = line_items.read(wanted, currency=session["currency"])
        offered.append({"price": price, "name": line["description"], "amount": line["amount_total"]})
    return offered


def _must_not_be_too_many(together: list[Json], is_plan: bool) -> None:
    recurring = sum(bool(line["price"]["recurring"]) for line in together)
    most = MAX_OF_A_KIND if is_plan else MAX_TOGETHER
    if max(recurring, len(together) - recurring) > most:
        raise InvalidRequest(
            f"You can have up to {most} line items and optional items.", param="optional_items"
        )


def _shown(item: Json) -> Json:
    return {name: item[name] for name in ("adjustable_quantity", "quantity")} | {"price": item["price"]["id"]}


def _kept(session: Json) -> list[Form]:
    return [{"id": line["id"], "quantity": line["quantity"]} for line in session["_lines"]]
