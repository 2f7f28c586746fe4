"""What a recorded story takes for granted: prices, coupons, customers and cards made before it began."""

from __future__ import annotations

from typing import Any

#: Where the clock starts: before the oldest price.
EARLIEST = 1_571_000_000

#: Both names are seen in the descriptions of the recorded lines.
PRODUCT = {"name": "Test Subscription", "unit_label": "user"}

#: A price that no recorded answer shows in full.
ONE_TIME: dict[str, Any] = {
    "id": "price_1ILVZaKXBGcbgpbZQ26kgXWG",
    "created": 1_613_500_000,
    "currency": "usd",
    "product": "prod_EYTX7RYhRjcwKD",
    "unit_amount": 1500,
}

#: Whose making was not recorded; all of them have the same name.
CUSTOMER = {"email": "stripe@example.org", "name": "Stripe User"}


def shown(answers: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The objects of a kind that the answers show in full, each once, oldest first."""
    by_id = {value["id"]: value for answer in answers for value in objects_in(answer, kind)}
    return sorted(by_id.values(), key=lambda value: int(value["created"]))


def objects_in(value: Any, kind: str | None = None) -> list[dict[str, Any]]:
    """Every object within an answer, itself included."""
    if isinstance(value, list):
        return [each for item in value for each in objects_in(item, kind)]
    if not isinstance(value, dict):
        return []
    inner = [each for item in value.values() for each in objects_in(item, kind)]
    is_one = "id" in value and value.get("object") not in (None, "list")
    return [value, *inner] if is_one and kind in (None, value["object"]) else inner


def of_price(price: dict[str, Any]) -> dict[str, Any]:
    """The form that makes a price that was shown."""
    form = {key: price[key] for key in ("currency", "product", "unit_amount")}
    recurring = price.get("recurring")
    if recurring:
        form["recurring"] = {key: recurring[key] for key in ("interval", "interval_count")}
    return form | {key: price[key] for key in ("nickname", "tax_behavior") if price.get(key)}


def of_coupon(coupon: dict[str, Any]) -> dict[str, Any]:
    """The form that makes a coupon that was shown."""
    return {key: coupon[key] for key in ("id", "duration", "name", "percent_off")}
