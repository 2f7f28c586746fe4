"""Events have the version of whoever hears of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stripe_emulator import Emulator
from stripe_emulator.core.database import store
from stripe_emulator.core.version import API_VERSION, SERVED
from stripe_emulator.events import listeners, shapes

from ..shop import Shop
from .old import ACACIA, BASIL, ENDIVE, Old


class Ear:
    """An endpoint of a version, registered by the API; ``heard`` are its events."""

    def __init__(self, emulator: Emulator, version: str | None, kind: str = "*") -> None:
        form: Any = {"url": "https://shop.example/hook", "enabled_events": [kind]}
        made = Old(emulator, None).post(
            "/v1/webhook_endpoints", **form, **({"api_version": version} if version else {})
        )
        self.id, self.shown = made["id"], made["api_version"]
        self._emulator = emulator

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """What is on its way there, as it would be sent."""
        with self._emulator.store.transaction(write=False):
            endpoint = store.get("webhook_endpoint", self.id)
            happened = store.select("event", {"type": kind})
            return [json.loads(json.dumps(shapes.as_heard(event, endpoint))) for event in happened]


@pytest.mark.parametrize("version", [None, *SERVED])
def test_an_endpoint_may_ask_for_every_version_that_is_served(
    stripe_emulator: Emulator, version: str | None
) -> None:
    assert Ear(stripe_emulator, version).shown == version


def test_a_version_newer_than_the_sdk_is_served_if_it_is_known(stripe_emulator: Emulator) -> None:
    ear = Ear(stripe_emulator, ENDIVE)
    Old(stripe_emulator, None).customer()

    assert ear.heard("customer.created")[0]["api_version"] == ENDIVE


def test_an_unknown_version_is_refused_by_name(stripe_emulator: Emulator) -> None:
    error = Old(stripe_emulator, None).refused(
        "POST",
        "/v1/webhook_endpoints",
        url="https://a.example",
        enabled_events=["*"],
        api_version="2020-08-27",
    )

    assert (error["status"], error["param"]) == (400, "api_version")
    assert "2020-08-27" in error["message"]


def test_each_endpoint_hears_its_own_shape(stripe_emulator: Emulator) -> None:
    old, today = Ear(stripe_emulator, ACACIA), Ear(stripe_emulator, None)
    subscription = Old(stripe_emulator, None).subscription()

    before, since = (
        old.heard("customer.subscription.created")[0],
        today.heard("customer.subscription.created")[0],
    )

    assert (before["api_version"], since["api_version"]) == (ACACIA, API_VERSION)
    assert before["data"]["object"]["current_period_end"] > before["data"]["object"]["current_period_start"]
    assert "current_period_end" not in since["data"]["object"]
    paid = old.heard("invoice.paid")[0]["data"]["object"]
    assert (paid["subscription"], paid["paid"]) == (subscription["id"], True)


def test_an_event_shows_the_object_as_it_was_when_it_happened(stripe_emulator: Emulator) -> None:
    old = Ear(stripe_emulator, ACACIA)
    Old(stripe_emulator, None).subscription()

    assert old.heard("invoice.created")[0]["data"]["object"]["payment_intent"] is None
    assert old.heard("invoice.paid")[0]["data"]["object"]["payment_intent"] is not None


def test_previous_attributes_have_the_older_names(stripe_emulator: Emulator) -> None:
    kind = "customer.subscription.updated"
    Old(stripe_emulator, None).subscription()
    old, today = Ear(stripe_emulator, ACACIA, kind), Ear(stripe_emulator, None, kind)
    stripe_emulator.advance(days=32)

    before = old.heard(kind)[-1]["data"]["previous_attributes"]
    since = today.heard(kind)[-1]["data"]["previous_attributes"]

    assert "current_period_end" in before
    assert "current_period_end" not in since
    assert "items" in since


def test_the_api_shows_events_as_they_were_made(stripe_emulator: Emulator) -> None:
    Ear(stripe_emulator, BASIL)
    Old(stripe_emulator, None).subscription()

    event = Old(stripe_emulator, ACACIA).get("/v1/events", type="customer.subscription.created")["data"][0]

    assert event["api_version"] == API_VERSION
    assert "current_period_end" not in event["data"]["object"]
    assert not [key for key in event if key.startswith("_")]


def test_all_that_happens_in_a_shop_is_told_at_the_first_version(shop: Shop) -> None:
    first = Ear(shop.emulator, "2022-11-15")
    price, customer = shop.price(), shop.customer()
    shop.v1.coupons.create({"id": "SALE", "percent_off": 10, "duration": "forever"})
    Old(shop.emulator, ACACIA).post(f"/v1/customers/{customer}", coupon="SALE")
    shop.v1.customers.delete_discount(customer)
    subscription = shop.subscribe(customer, price, discounts=[{"coupon": "SALE"}])
    shop.v1.subscription_schedules.create({"from_subscription": subscription.id})
    shop.v1.invoice_items.create({"customer": customer, "amount": 500, "currency": "usd"})
    line: Any = {"type": "invoice_line_item", "invoice_line_item": shop.latest(customer).lines.data[0].id}
    shop.v1.credit_notes.create({"invoice": shop.latest(customer).id, "lines": [line], "refund_amount": 900})
    shop.emulator.pay(shop.checkout())
    shop.charge("pm_card_createDispute", return_url="https://shop.example")
    shop.emulator.advance(months=1, hours=2)
    shop.v1.customers.delete(customer)

    kinds = set(shop.events())
    events = [event for kind in kinds for event in first.heard(kind)]

    assert len(kinds) > 30
    assert {event["api_version"] for event in events} == {"2022-11-15"}
    (ended,) = first.heard("customer.discount.deleted")
    assert ended["data"]["object"]["coupon"]["percent_off"] == 10


def test_an_endpoint_that_came_later_gets_its_shape_as_well(stripe_emulator: Emulator) -> None:
    Old(stripe_emulator, None).subscription()
    late = Ear(stripe_emulator, ACACIA)

    assert "current_period_end" in late.heard("customer.subscription.created")[0]["data"]["object"]
    with stripe_emulator.store.transaction(write=False):
        assert late.id in [endpoint["id"] for endpoint in listeners.wanting("customer.created")]
