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


def test_the_settings_of_a_customer_and_of_a_schedule_are_emptied_within_their_hash(shop: Shop) -> None:
    asks, customer = Old(shop.emulator, None), shop.customer()
    settings = {"default_payment_method": "", "footer": ""}

    emptied = asks.post(f"/v1/customers/{customer}", invoice_settings=settings)
    made = asks.post("/v1/customers", invoice_settings=settings)
    schedule = asks.post(
        "/v1/subscription_schedules",
        customer=shop.customer(),
        start_date="now",
        default_settings={"default_payment_method": ""},
        phases=[{"items": [{"price": shop.price()}], "default_payment_method": ""}],
    )

    for each in (emptied, made):
        shown = each["invoice_settings"]
        assert (shown["default_payment_method"], shown["footer"]) == (None, None)
    assert schedule["default_settings"]["default_payment_method"] is None
    assert schedule["phases"][0]["default_payment_method"] is None
