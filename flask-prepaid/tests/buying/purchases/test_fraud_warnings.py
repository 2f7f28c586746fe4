"""Early fraud warnings: kept, shown, and answered by a refund before they become a dispute."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from flask_prepaid.purchases import fraud_warnings
from flask_prepaid.signals import fraud_warned
from flask_prepaid.testing import Databases
from stripe_emulator import Emulator

from ..operations.test_webhooks import event, send
from ..shop import Shop
from .test_topups import setting, switch_on, topped_up

CREATED = "radar.early_fraud_warning.created"


class Warnings(stripe.HTTPClient):
    """Stripe on the emulator, where a bank has warned of charges."""

    name = "warnings"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.stripe = emulator.http_client()
        self.warnings: dict[str, dict[str, Any]] = {}

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        _, is_radar, name = url.partition("/v1/radar/early_fraud_warnings")
        if not is_radar:
            return self.stripe.request(method, url, headers, post_data)
        body: dict[str, Any]
        data = [self.warnings[name[1:]]] if name.startswith("/") else list(self.warnings.values())
        body = (
            data[0]
            if name.startswith("/")
            else {"object": "list", "data": data, "has_more": False, "url": url}
        )
        return json.dumps(body), 200, {"content-type": "application/json"}

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0

    def close(self) -> None:
        """Nothing is held open."""


class Warned(Shop):
    def __init__(self, databases: Databases, kind: str = "sqlite", **settings: Any) -> None:
        emulator = Emulator()
        self.bank = Warnings(emulator)
        super().__init__(databases.fresh(kind), emulator=emulator, http_client=self.bank, **settings)

    def warn(self, *, actionable: bool = True) -> str:
        """A bank suspects the last charge; the event arrives."""
        charge = self.charges()[0]
        warning = {
            "id": "issfr_1",
            "object": "radar.early_fraud_warning",
            "actionable": actionable,
            "charge": charge.id,
            "payment_intent": charge.payment_intent,
            "fraud_type": "made_with_stolen_card",
            "created": self.stripe.now(),
            "livemode": False,
        }
        self.bank.warnings["issfr_1"] = warning
        told = event(id=f"evt_{actionable}", type=CREATED, data={"object": {"id": "issfr_1"}})
        assert send(self, told).status_code == 200
        return "issfr_1"

    def waiting(self) -> int:
        return int(self.read(lambda: fraud_warnings.count(self.prepaid.session)))


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, databases: Databases) -> Any:
    shop = Warned(databases, request.param)
    yield shop
    shop.close()


def test_a_warning_is_kept_and_the_operator_is_told(shop: Warned) -> None:
    heard: list[Any] = []
    shop.pay(shop.buy())

    with fraud_warned.connected_to(lambda sender, **news: heard.append(news)):
        shop.warn()
        shop.warn()

    payment_id = shop.payments()[0].id
    assert heard == [{"owner": "user:1", "payment_id": payment_id, "fraud_type": "made_with_stolen_card"}]
    assert shop.waiting() == 1
    assert "1 payment is suspected by the card's bank" in shop.command("doctor").stderr
    assert shop.balance() == 100  # nothing is taken yet


def test_a_warning_stops_auto_top_up(shop: Warned) -> None:
    shop.keep_card()
    switch_on(shop)
    shop.tick()

    shop.warn()
    shop.put_right()

    assert setting(shop).stopped == "a bank has warned of a payment of yours"
    assert len(topped_up(shop)) == 1


def test_by_a_setting_the_payment_is_refunded_at_once_and_once(databases: Databases) -> None:
    shop = Warned(databases, PREPAID_REFUND_FRAUD_WARNINGS=True)
    shop.pay(shop.buy())
    shop.warn()

    shop.tick()
    shop.tick()

    assert [refund.amount for refund in shop.dashboard().v1.refunds.list().data] == [500]
    assert (shop.balance(), shop.waiting()) == (0, 0)
    shop.close()


def test_a_warning_that_is_answered_at_stripe_waits_no_more(shop: Warned) -> None:
    shop.pay(shop.buy())
    shop.warn()

    shop.warn(actionable=False)

    assert shop.waiting() == 0


def test_a_payment_that_is_disputed_by_now_is_not_refunded(databases: Databases) -> None:
    shop = Warned(databases, PREPAID_REFUND_FRAUD_WARNINGS=True)
    shop.pay(shop.buy())
    shop.warn()
    shop.stripe.dispute(charge=shop.charges()[0].id)

    shop.tick()

    assert shop.waiting() == 0
    assert shop.dashboard().v1.refunds.list().data == []
    shop.close()


def test_a_warning_of_somebody_elses_charge_is_nothing_of_ours(shop: Warned) -> None:
    shop.dashboard().v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": "https://shop.example/",
        }
    )

    shop.warn()

    assert shop.waiting() == 0
