"""Events on their way: signed, repeated, retried, and never in the middle of something."""

from __future__ import annotations

import time
from typing import Any

import pytest
import stripe

from stripe_emulator.events.deliveries import BACKOFF, Reply

from ..shop import Shop


def test_an_event_waits_until_the_shop_is_not_in_the_middle_of_a_call(shop: Shop) -> None:
    shop.v1.customers.create({})
    before = list(shop.heard)

    shop.emulator.deliver()

    assert (before, shop.heard) == ([], ["customer.created"])


def test_an_event_can_be_sent_again_by_its_type(shop: Shop) -> None:
    shop.emulator.pay(shop.checkout())
    shop.heard.clear()

    shop.emulator.deliver("checkout.session.completed", times=2)

    assert shop.heard == ["checkout.session.completed"] * 2
    assert len({event.id for event in shop.heard_events[-2:]}) == 1


def test_a_refused_event_comes_again_on_stripes_clock(shop: Shop) -> None:
    shop.answers = 500
    shop.v1.customers.create({})
    shop.emulator.deliver()
    pending = shop.v1.events.list({"type": "customer.created"}).data[0].pending_webhooks

    shop.answers = 200
    shop.emulator.deliver()
    too_early = len(shop.heard)
    shop.emulator.advance(minutes=1)

    assert (pending, too_early, len(shop.heard)) == (1, 1, 2)
    assert shop.emulator.state()["pending_deliveries"] == 0


def test_an_event_that_an_app_refuses_stands_in_the_log_with_its_answer(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.v1.customers.create({})
    shop.emulator.deliver()
    assert caplog.messages == []

    shop.answers = 404
    shop.v1.customers.create({})
    shop.emulator.deliver()

    (message,) = caplog.messages
    assert message.startswith("An event that was sent to /webhook was answered with 404: ")


def test_after_three_days_stripe_gives_up(shop: Shop) -> None:
    shop.answers = 500
    shop.v1.customers.create({})

    for _ in range(15):
        shop.emulator.advance(hours=10)

    assert shop.emulator.state()["deliveries"] == {"failed": 1}
    assert len(shop.heard) == 1 + len(BACKOFF)


def test_one_step_of_the_clock_brings_every_retry_that_falls_due_in_it(shop: Shop) -> None:
    shop.answers = 500
    shop.v1.customers.create({})
    shop.emulator.deliver()
    begun = shop.emulator.now()

    shop.emulator.advance(hours=1)

    assert len(shop.heard) == 5  # at once, and after 5 s, 1 min, 5 min and 30 min more
    with shop.emulator.store.transaction(write=False) as transaction:
        attempts = [moment for (moment,) in transaction.execute("SELECT at FROM attempt ORDER BY seq")]
    later = [attempt - begun for attempt in attempts]
    assert [round(seconds / 5) * 5 for seconds in later] == [0, 5, 65, 365, 2165]
    shop.answers = 200
    shop.emulator.advance(days=1)
    assert len(shop.heard) == 6
    assert shop.emulator.state()["deliveries"] == {"delivered": 1}


def test_a_receiver_that_breaks_does_not_break_the_rest(shop: Shop) -> None:
    def broken(body: bytes, headers: dict[str, str]) -> Reply:
        raise ValueError("a bug in the shop")

    (endpoint,) = shop.emulator.courier.connected
    shop.emulator.courier.connected[endpoint] = broken
    shop.v1.customers.create({})

    with pytest.raises(ValueError, match="a bug in the shop"):
        shop.emulator.deliver()

    assert shop.emulator.state()["pending_deliveries"] == 1


def test_signatures_are_of_the_wall_and_dates_of_stripes_clock(shop: Shop) -> None:
    shop.emulator.advance(days=400)

    shop.v1.customers.create({})

    assert shop.listen() == ["customer.created"]  # the shop checks the signature's age
    assert shop.heard_events[-1].created > time.time() + 399 * 86400


def test_an_endpoint_hears_only_what_it_asked_for(shop: Shop) -> None:
    shop.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["product.created"]}
    )
    shop.v1.customers.create({})
    shop.v1.products.create({"name": "Pen"})

    assert [event.pending_webhooks for event in shop.v1.events.list().data] == [2, 1]


def test_an_endpoints_secret_is_shown_once(shop: Shop) -> None:
    made = shop.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["*"]})

    seen = shop.v1.webhook_endpoints.retrieve(made.id)

    assert made.secret is not None
    assert made.secret.startswith("whsec_")
    assert "secret" not in seen.to_dict()


def test_duplicates_and_another_order_can_be_asked_for(shop: Shop) -> None:
    shop.emulator.chaos(duplicate=1, shuffle=True, seed=3)
    shop.emulator.pay(shop.checkout())

    assert sorted(shop.heard) == sorted(
        2
        * [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
            "checkout.session.completed",
        ]
    )
    assert shop.heard != sorted(shop.heard, key=shop.heard.index)


def test_a_dropped_event_is_never_heard_of_but_stands_in_the_log(shop: Shop) -> None:
    shop.emulator.chaos(drop=1)
    shop.v1.customers.create({})

    assert shop.listen() == []
    assert [event.type for event in shop.v1.events.list().data] == ["customer.created"]


def test_the_same_seed_makes_the_same_bad_day(shop: Shop) -> None:
    def day() -> list[str]:
        shop.emulator.reset()
        shop.emulator.chaos(duplicate=0.5, drop=0.3, shuffle=True, seed=7)
        for number in range(6):
            shop.v1.products.create({"name": str(number)})
        shop.listen()
        heard = [str(event.data.object["name"]) for event in shop.heard_events]
        shop.heard_events.clear()
        return heard

    first = day()

    assert day() == first
    assert sorted(first) != list("012345")


def test_a_lost_reply_is_found_by_the_sdks_own_retry_and_done_once(shop: Shop) -> None:
    shop.emulator.chaos(lost_reply=0.5, seed=1)

    for number in range(10):
        shop.v1.customers.create({"name": str(number)}, {"max_network_retries": 20})

    assert shop.emulator.state()["objects"]["customer"] == 10


def test_a_500_before_the_work_is_cured_by_a_retry_and_one_after_it_stays(shop: Shop) -> None:
    shop.emulator.chaos(api_500=1, seed=1)
    outcomes = set()
    for number in range(12):
        before = shop.emulator.state()["objects"].get("customer", 0)
        with pytest.raises(stripe.APIError):
            shop.v1.customers.create(
                {"name": str(number)}, {"max_network_retries": 0, "idempotency_key": str(number)}
            )
        outcomes.add(shop.emulator.state()["objects"].get("customer", 0) - before)

    assert outcomes == {0, 1}


def test_too_many_requests_are_429_and_nothing_is_done(shop: Shop) -> None:
    shop.emulator.chaos(api_429=1)

    with pytest.raises(stripe.RateLimitError):
        shop.v1.customers.create({})

    assert shop.emulator.state()["objects"] == {}


def test_a_call_that_times_out_did_nothing_and_the_sdks_retry_does_it(shop: Shop) -> None:
    shop.emulator.chaos(timeout=0.5, seed=1)

    for number in range(10):
        shop.v1.customers.create({"name": str(number)}, {"max_network_retries": 20})
    shop.emulator.chaos(timeout=1)
    with pytest.raises(stripe.APIConnectionError, match="timed out"):
        shop.v1.customers.create({})

    assert shop.emulator.state()["objects"]["customer"] == 10


def test_a_slow_answer_is_a_good_one(shop: Shop) -> None:
    shop.emulator.chaos(slow=0.2, seed=1)
    began = time.monotonic()

    for number in range(4):
        shop.v1.customers.create({}, {"idempotency_key": f"slow-{number}"})

    assert shop.emulator.state()["objects"]["customer"] == 4
    assert time.monotonic() - began > 0.1


def test_chaos_without_settings_ends(shop: Shop) -> None:
    shop.emulator.chaos(api_429=1)
    shop.emulator.chaos()

    assert shop.v1.customers.create({}).id


def test_a_reset_forgets_all_but_who_listens(shop: Shop) -> None:
    shop.emulator.pay(shop.checkout())

    shop.emulator.reset(now=1_900_000_000)
    shop.heard.clear()
    customer = shop.v1.customers.create({})

    assert shop.emulator.state()["objects"] == {"customer": 1, "event": 1}
    assert 1_900_000_000 <= customer.created < 1_900_000_100
    assert shop.listen() == ["customer.created"]


def test_an_endpoint_that_fails_for_nine_days_is_warned_of_and_then_disabled(shop: Shop) -> None:
    failing = Registered(shop, answers=500)
    failing.has_twin()
    shop.emulator.advance(days=8)
    failing.has_twin()
    warned, warning = failing.status(), shop.emulator.browser().get("/webhooks").text

    shop.emulator.advance(days=1)
    failing.has_twin()
    disabled, verdict = failing.status(), shop.emulator.browser().get("/webhooks").text
    heard = failing.heard
    failing.has_twin()

    assert (warned, disabled) == ("enabled", "disabled")
    assert "the next failure disables this endpoint" in warning
    assert "so Stripe stopped sending" in verdict
    assert failing.heard == heard


def test_one_success_in_nine_days_is_enough(shop: Shop) -> None:
    shaky = Registered(shop, answers=500)
    shaky.has_twin()
    shop.emulator.advance(days=8)
    shaky.answers = 200
    shaky.has_twin()
    shaky.answers = 500
    shop.emulator.advance(days=8)
    shaky.has_twin()

    assert shaky.status() == "enabled"


def test_a_disabled_endpoint_begins_anew_when_it_is_enabled(shop: Shop) -> None:
    failing = Registered(shop, answers=None)
    failing.has_twin()
    shop.emulator.advance(days=9)
    failing.has_twin()
    failing.answers = 200

    shop.v1.webhook_endpoints.update(failing.id, {"disabled": False})
    heard = failing.heard
    failing.has_twin()

    assert (failing.status(), failing.heard) == ("enabled", heard + 1)
    assert "stopped sending" not in shop.emulator.browser().get("/webhooks").text


class Registered:
    """An endpoint of the API. ``answers`` is the status that it answers with, None for nothing at all."""

    def __init__(self, shop: Shop, answers: int | None) -> None:
        self.shop, self.answers, self.heard = shop, answers, 0
        form: Any = {"url": "http://127.0.0.1:9/hook", "enabled_events": ["product.created"]}
        self.id = shop.v1.webhook_endpoints.create(form).id
        shop.emulator.courier.connected[self.id] = self.receive

    def receive(self, body: bytes, headers: dict[str, str]) -> Reply:
        self.heard += 1
        return Reply(self.answers, "")

    def has_twin(self) -> None:
        """Something happens that it wants to hear of."""
        self.shop.v1.products.create({"name": "Pen"})
        self.shop.emulator.deliver()

    def status(self) -> str:
        return self.shop.v1.webhook_endpoints.retrieve(self.id).status
