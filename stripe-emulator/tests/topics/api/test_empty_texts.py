"""A form field that was left empty, as shops send it with every customer."""

from __future__ import annotations

from typing import Any

import pytest

from ..shop import Shop
from ..versions.old import Old


@pytest.mark.parametrize("version", [None, "2024-06-20"])
@pytest.mark.parametrize(
    ("path", "form", "texts"),
    [
        ("/v1/customers", {}, ("description", "email", "name", "phone")),
        ("/v1/products", {"name": "Pen"}, ("description", "unit_label")),
        ("/v1/payment_intents", {"amount": 500, "currency": "usd"}, ("description", "receipt_email")),
    ],
)
def test_a_new_object_is_without_the_texts_that_came_empty(
    shop: Shop, version: str | None, path: str, form: dict[str, Any], texts: tuple[str, ...]
) -> None:
    made = Old(shop.emulator, version).post(path, **form, **dict.fromkeys(texts, ""))

    assert [made[name] for name in texts] == [None] * len(texts)


def test_a_subscription_without_a_method_takes_the_customers(shop: Shop) -> None:
    subscription = Old(shop.emulator, None).post(
        "/v1/subscriptions",
        customer=shop.customer(),
        items=[{"price": shop.price()}],
        default_payment_method="",
        description="",
    )

    assert (subscription["status"], subscription["default_payment_method"]) == ("active", None)


def test_an_update_empties_what_comes_empty(shop: Shop) -> None:
    customer = shop.v1.customers.create({"name": "Jo", "phone": "1"})

    emptied = Old(shop.emulator, None).post(f"/v1/customers/{customer.id}", name="", phone="")

    assert (emptied["name"], emptied["phone"], emptied["email"]) == (None, None, None)
