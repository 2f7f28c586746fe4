"""Rows 21 to 43: Stripe on a bad day, and money that moves without us.

What is not here is told where it belongs: rows 21 and 22 in test_crash, 27 in test_cards, 29 in test_orders,
31 in test_purchases, 32 in test_reconcile, 34 to 36 in test_webhooks, 37 to 40 in test_moneyback,
41 in plans, 42 in test_cards, 43 in operator.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import pytest
import stripe
from stripe import WebhookSignature

from flask_prepaid.payments.models import PaymentState
from flask_prepaid.testing import Databases
from stripe_emulator import Emulator

from ..shop import SECRET, WEBHOOK, Shop, at_once

Answer = tuple[str, int, dict[str, str]]


class Answering(stripe.HTTPClient):
    """Stripe's own client, with some answers of ours in between."""

    name = "answering"

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.stripe = emulator.http_client()
        self.first: list[Answer] = []
        self.keys: list[str] = []
        self.before_answer = no_more

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        if method == "post":
            self.keys.append(headers["Idempotency-Key"])
            if self.first:
                return self.first.pop(0)
        answer = self.stripe.request(method, url, headers, post_data)
        if url.endswith("/v1/checkout/sessions") and method == "post":
            self.before_answer(json.loads(answer[0])["id"])
        return answer

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0

    def close(self) -> None:
        """Nothing is held open."""


def no_more(session_id: str) -> None:
    """Nothing happens before Stripe answers."""


def refusal(status: int, code: str, type: str = "invalid_request_error") -> Answer:
    error = {"error": {"type": type, "code": code, "message": "Not now."}}
    return json.dumps(error), status, {"content-type": "application/json"}


def with_answers(databases: Databases) -> tuple[Shop, Answering]:
    emulator = Emulator()
    between = Answering(emulator)
    return Shop(databases.fresh("sqlite"), webhooks=False, emulator=emulator, http_client=between), between


def tell(shop: Shop, session_id: str, *, id: str = "evt_1", secret: str = SECRET) -> int:
    """Deliver the event that a session is complete, signed just now; the status of the answer."""
    event = {
        "id": id,
        "object": "event",
        "type": "checkout.session.completed",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()) - 4 * 86_400,
        "livemode": False,
        "data": {"object": {"id": session_id, "object": "checkout.session"}},
    }
    body = json.dumps(event)
    signature = WebhookSignature.generate_signature_header(body, secret, timestamp=int(time.time()))
    sent = shop.app.test_client().post(WEBHOOK, data=body, headers={"Stripe-Signature": signature})
    return sent.status_code


def test_a_key_in_use_is_asked_again_and_charges_once(databases: Databases) -> None:
    shop, between = with_answers(databases)
    card = shop.keep_card()
    between.keys.clear()
    between.first = [refusal(409, "idempotency_key_in_use", "idempotency_error")] * 4

    page = shop.press(card)

    assert "100 credits were added" in page.text
    assert len(between.keys) == 5
    assert len(set(between.keys)) == 1
    assert len(shop.charges()) == 1
    shop.close()


def test_a_busy_stripe_is_asked_a_few_times_and_then_the_customer_is_told_when(
    deaf_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = deaf_shop
    waits: list[float] = []
    monkeypatch.setattr("flask_prepaid.gateway.calls.time.sleep", waits.append)
    shop.stripe.chaos(api_429=1.0)

    busy = shop.send_form(shop.browser(), "/prepaid/buy", pack="starter", attempt="one-wish-0001")

    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "5")
    assert len(waits) == 4
    assert waits[0] < waits[-1]
    assert sum(waits) < 6
    shop.stripe.chaos()
    shop.pay(
        shop.session_of(
            shop.send_form(shop.browser(), "/prepaid/buy", pack="starter", attempt="one-wish-0001")
        )
    )
    shop.put_right()
    assert (shop.balance(), len(shop.charges())) == (100, 1)


def test_with_stripe_down_for_a_day_spending_works_and_what_waits_is_finished_after(
    deaf_shop: Shop,
) -> None:
    shop = deaf_shop
    card = shop.keep_card()
    shop.pay(shop.buy())
    shop.put_right()
    session = shop.buy()
    shop.pay(session)
    shop.stripe.chaos(api_500=1.0)

    assert "Do not pay again" in shop.press(card).text
    assert "do not know yet" in shop.come_back(session).text
    for day_part in range(4):
        shop.stripe.advance(hours=6)
        shop.tick()
        shop.read(lambda key=f"work:{day_part}": shop.prepaid.spend_now("user:1", credits=1, key=key))  # type: ignore[misc]
        assert shop.browser().get("/prepaid/buy").status_code == 200
    shop.stripe.chaos()
    shop.put_right(ticks=3)

    assert {payment.state for payment in shop.payments()} <= {PaymentState.PAID, PaymentState.FAILED}
    assert shop.balance() == 100 * len(shop.charges()) - 4


def test_after_a_day_a_charge_without_an_answer_is_looked_up_and_never_sent_again(
    databases: Databases,
) -> None:
    shop, between = with_answers(databases)
    card = shop.keep_card()
    shop.stripe.chaos(lost_reply=1.0)
    assert "Do not pay again" in shop.press(card, attempt="one-wish-0001").text
    between.keys.clear()

    shop.stripe.advance(hours=25)  # Stripe has forgotten the key
    shop.stripe.chaos()
    again = shop.press(card, attempt="one-wish-0001")
    shop.put_right()

    assert "100 credits were added" in again.text
    assert between.keys == []
    assert (shop.balance(), len(shop.charges())) == (100, 1)
    shop.close()


def test_the_same_event_in_eight_workers_at_once_has_one_effect(both_shops: Shop) -> None:
    shop = both_shops
    shop.stripe.chaos(drop=1.0)
    session = shop.buy()
    shop.pay(session)

    # Two ids for one fact, four copies of each.
    answers = at_once(8, lambda worker: tell(shop, session, id=f"evt_{worker // 4}"))

    assert set(answers) <= {200, 503}  # 503 is: busy, send it again
    assert {tell(shop, session, id=f"evt_{number}") for number in range(2)} == {200}
    assert shop.balance() == 100
    assert [kept.outcome for kept in shop.inbox()] == ["done", "done"]


def test_every_door_at_once_gives_the_credits_once(both_shops: Shop) -> None:
    shop = both_shops
    shop.stripe.chaos(drop=1.0)
    session = shop.buy()
    shop.pay(session)
    doors: tuple[Callable[[], Any], ...] = (
        lambda: shop.come_back(session),
        lambda: tell(shop, session),
        lambda: shop.command("tick"),
        lambda: shop.command("reconcile", "--fix"),
    )

    at_once(8, lambda number: doors[number % 4]())
    shop.tick()

    assert (shop.balance(), len(shop.charges())) == (100, 1)
    assert [payment.state for payment in shop.payments()] == [PaymentState.PAID]
    assert shop.command("reconcile").exit_code == 0


def test_ticks_at_once_top_up_once(both_shops: Shop) -> None:
    shop = both_shops
    shop.keep_card()
    form = {"pack": "starter", "threshold": "20", "times": "9"}
    shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/top-up", **form)

    at_once(6, lambda _: shop.command("tick"))
    shop.tick()

    assert (shop.balance(), len(shop.charges()), len(shop.payments())) == (100, 1, 1)


def test_a_webhook_before_our_row_knows_its_session_gives_the_credits(databases: Databases) -> None:
    shop, between = with_answers(databases)
    once = Lock()

    def customer_is_quicker(session_id: str) -> None:
        """Pay, and have the event arrive, while Stripe's answer to our request is still on its way."""
        assert once.acquire(blocking=False)
        shop.pay(session_id)
        assert tell(shop, session_id) == 200
        assert shop.balance() == 100

    between.before_answer = customer_is_quicker
    session = shop.buy()

    assert "100 credits were added" in shop.come_back(session).text
    assert (shop.balance(), [payment.state for payment in shop.payments()]) == (100, [PaymentState.PAID])
    shop.close()


def test_an_event_four_days_late_and_signed_with_the_new_secret_is_taken(databases: Databases) -> None:
    shop = Shop(
        databases.fresh("sqlite"), webhooks=False, PREPAID_STRIPE_WEBHOOK_SECRET="whsec_new, whsec_old"
    )
    session = shop.buy()
    shop.pay(session)
    shop.stripe.advance(days=4)

    assert tell(shop, session, secret="whsec_gone") == 400
    assert tell(shop, session, secret="whsec_new") == 200

    assert shop.balance() == 100
    shop.close()
