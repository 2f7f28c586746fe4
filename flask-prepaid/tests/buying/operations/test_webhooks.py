"""What comes in at the webhook: from Stripe or not, once or often, in order or not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import pytest
from sqlalchemy import URL
from stripe import WebhookSignature
from werkzeug.test import TestResponse

from flask_prepaid.payments.models import PaymentState
from flask_prepaid.signals import payment_needs_review

from ..gateway.answering import with_answers
from ..shop import SECRET, WEBHOOK, Shop, at_once

PAID = "checkout.session.completed"


def event(session_id: str = "cs_test_none", **changes: Any) -> dict[str, Any]:
    """A snapshot event, as Stripe writes it."""
    return {
        "id": "evt_1",
        "object": "event",
        "type": PAID,
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": session_id, "object": "checkout.session"}},
        **changes,
    }


def post(shop: Shop, body: bytes, signature: str | bytes | None) -> TestResponse:
    headers = {} if signature is None else {"Stripe-Signature": signature}
    return shop.app.test_client().post(WEBHOOK, data=body, headers=headers)


def send(shop: Shop, body: Any, *, secret: str = SECRET, at: float | None = None) -> TestResponse:
    """Post ``body`` with a good signature."""
    text = body if isinstance(body, str) else json.dumps(body)
    signature = WebhookSignature.generate_signature_header(text, secret, timestamp=int(at or time.time()))
    return post(shop, text.encode(), signature)


def tell(shop: Shop, session_id: str, *, id: str = "evt_1", secret: str = SECRET) -> int:
    """Deliver an event of four days ago, signed just now; the status of the answer."""
    late = event(session_id, id=id, created=int(time.time()) - 4 * 86_400)
    return send(shop, late, secret=secret).status_code


def test_an_event_is_kept_and_what_it_did_stands_beside_it(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)

    assert send(deaf_shop, event(session)).status_code == 200

    kept = deaf_shop.inbox()[0]
    assert (kept.id, kept.type, kept.object_id, kept.outcome) == ("evt_1", PAID, session, "done")
    assert kept.handled_at is not None
    assert deaf_shop.balance() == 100


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "t=1,v1=abc",
        "nonsense",
        "t=,v1=",
        b"t=1,v1=\xff\xfe",
        "t=99999999999999999999999,v1=00",
        "v1=00",
        "t=" + "9" * 5000 + ",v1=00",
    ],
)
def test_a_bad_signature_is_refused(shop: Shop, signature: str | bytes | None) -> None:
    answer = post(shop, json.dumps(event()).encode(), signature)

    assert answer.status_code == 400
    assert shop.inbox() == []


def test_a_signature_with_letters_beyond_ascii_is_refused(shop: Shop) -> None:
    answer = post(shop, json.dumps(event()).encode(), f"t={int(time.time())},v1=é")

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    ["null", "[]", "1", '"x"', "{}", "", "not json", "[" * 60_000, '{"id": null}', "NaN", '{"a": "\\ud800"}'],
)
def test_a_signed_body_that_is_no_event_is_refused(shop: Shop, body: str) -> None:
    assert send(shop, body).status_code == 400
    assert shop.inbox() == []


@pytest.mark.parametrize("change", [{"id": ""}, {"id": "evt\x00"}, {"id": 7}, {"type": None}, {"data": None}])
def test_an_event_with_a_field_that_is_no_word_is_refused(shop: Shop, change: dict[str, Any]) -> None:
    assert send(shop, event(**change)).status_code == 400


def test_a_body_that_is_not_utf_8_is_refused(shop: Shop) -> None:
    assert post(shop, b"\xff\xfe", "t=1,v1=00").status_code == 400


def test_one_changed_byte_is_refused(shop: Shop) -> None:
    text = json.dumps(event())
    signature = WebhookSignature.generate_signature_header(text, SECRET)

    assert post(shop, text.replace("evt_1", "evt_2").encode(), signature).status_code == 400


@pytest.mark.parametrize("off_s", [-400, 400, -86_400, 86_400])
def test_a_timestamp_too_old_or_in_the_future_is_refused(shop: Shop, off_s: int) -> None:
    assert send(shop, event(), at=time.time() + off_s).status_code == 400


@pytest.mark.parametrize("off_s", [-200, 0, 200])
def test_clocks_a_little_apart_are_no_reason_to_refuse(shop: Shop, off_s: int) -> None:
    assert send(shop, event(), at=time.time() + off_s).status_code == 200


def test_a_body_beyond_a_mebibyte_is_refused(shop: Shop) -> None:
    assert send(shop, event(padding="x" * 1_100_000)).status_code == 413


def test_while_the_secret_is_replaced_both_open(rotating_shop: Shop) -> None:
    assert send(rotating_shop, event(id="evt_old"), secret="whsec_old").status_code == 200
    assert send(rotating_shop, event(id="evt_new"), secret="whsec_new").status_code == 200
    assert send(rotating_shop, event(), secret="whsec_other").status_code == 400


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"livemode": True}, "ignored: it is of the other mode, test or live"),
        ({"type": "issuing_card.created"}, "ignored: nothing here hears this type"),
    ],
)
def test_what_is_not_for_us_is_counted_and_ignored(
    deaf_shop: Shop, change: dict[str, Any], outcome: str
) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)

    assert send(deaf_shop, event(session, **change)).status_code == 200

    assert [kept.outcome for kept in deaf_shop.inbox()] == [outcome]
    assert deaf_shop.balance() == 0
    assert deaf_shop.command("replay", "evt_1").exit_code == 0
    assert [kept.outcome for kept in deaf_shop.inbox()] == [outcome]
    assert deaf_shop.balance() == 0


def test_a_session_of_another_integration_is_none_of_ours(shop: Shop) -> None:
    assert send(shop, event("cs_test_of_another_shop")).status_code == 200


def test_an_event_of_an_older_version_only_points_at_what_is_fetched(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)

    send(deaf_shop, event(session, api_version="2019-01-01"))

    assert deaf_shop.balance() == 100


def test_a_thin_event_does_the_same_as_a_snapshot(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    thin = {
        "id": "evt_thin_1",
        "object": "v2.core.event",
        "type": "v1.checkout.session.completed",
        "livemode": False,
        "created": "2026-11-01T10:00:00.000Z",
        "related_object": {
            "id": session,
            "type": "checkout.session",
            "url": f"/v1/checkout/sessions/{session}",
        },
    }

    assert send(deaf_shop, thin).status_code == 200
    assert deaf_shop.balance() == 100


def test_a_hundred_copies_of_an_event_have_one_effect(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)

    answers = {send(deaf_shop, event(session)).status_code for _ in range(100)}

    assert answers == {200}
    assert deaf_shop.balance() == 100
    assert [kept.attempts for kept in deaf_shop.inbox()] == [1]


def test_one_payment_told_by_two_event_ids_gives_credits_once(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)

    send(deaf_shop, event(session, id="evt_of_endpoint_a"))
    send(deaf_shop, event(session, id="evt_of_endpoint_b"))

    assert deaf_shop.balance() == 100


def test_a_session_for_another_amount_needs_review_and_an_operator_is_called(deaf_shop: Shop) -> None:
    called: list[Any] = []
    session = deaf_shop.buy()
    deaf_shop.change_payments(amount_minor=400)
    deaf_shop.pay(session)

    with payment_needs_review.connected_to(lambda sender, **news: called.append(news)):
        send(deaf_shop, event(session))

    assert deaf_shop.balance() == 0
    assert [payment.state for payment in deaf_shop.payments()] == [PaymentState.NEEDS_REVIEW]
    assert called == [{"owner": "user:1", "payment_id": 1}]
    assert "Do not pay again" in deaf_shop.come_back(session).text


def test_a_failure_keeps_its_reason_and_asks_stripe_to_come_again(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    deaf_shop.stripe.chaos(api_500=1.0)

    assert send(deaf_shop, event(session)).status_code == 503
    assert deaf_shop.inbox()[0].handled_at is None
    assert str(deaf_shop.inbox()[0].outcome).startswith("GatewayUnavailable")

    deaf_shop.stripe.chaos()
    assert send(deaf_shop, event(session)).status_code == 200
    assert deaf_shop.balance() == 100


def test_replay_runs_what_had_failed(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    deaf_shop.stripe.chaos(api_500=1.0)
    send(deaf_shop, event(session))
    deaf_shop.stripe.chaos()

    result = deaf_shop.command("replay", "--failed")

    assert result.exit_code == 0
    assert deaf_shop.balance() == 100


def test_replay_of_what_never_came_says_so(shop: Shop) -> None:
    result = shop.command("replay", "evt_none")

    assert result.exit_code == 1
    assert "evt_none" in result.stderr


@pytest.mark.each_database
def test_the_same_event_in_eight_workers_at_once_has_one_effect(shop: Shop) -> None:
    shop.stripe.chaos(drop=1.0)
    session = shop.buy()
    shop.pay(session)

    # Two ids for one fact, four copies of each.
    answers = at_once(8, lambda worker: tell(shop, session, id=f"evt_{worker // 4}"))

    assert set(answers) <= {200, 503}  # 503 is: busy, send it again
    assert {tell(shop, session, id=f"evt_{number}") for number in range(2)} == {200}
    assert shop.balance() == 100
    assert [kept.outcome for kept in shop.inbox()] == ["done", "done"]


@pytest.mark.each_database
def test_every_door_at_once_gives_the_credits_once(shop: Shop) -> None:
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


def test_a_webhook_before_our_row_knows_its_session_gives_the_credits(database: URL) -> None:
    shop, between = with_answers(database)
    once = Lock()

    def customer_is_quicker(session_id: str) -> None:
        """Pay, and have the event arrive, while Stripe's answer to our request is still on its way."""
        assert once.acquire(blocking=False)
        shop.pay(session_id)
        assert tell(shop, session_id) == 200
        assert shop.balance() == 100

    between.before_answer = customer_is_quicker
    session = shop.buy()

    assert "100 credits added" in shop.come_back(session).text
    assert (shop.balance(), [payment.state for payment in shop.payments()]) == (100, [PaymentState.PAID])
    shop.close()


def test_an_event_four_days_late_and_signed_with_the_new_secret_is_taken(database: URL) -> None:
    shop = Shop(database, webhooks=False, PREPAID_STRIPE_WEBHOOK_SECRET="whsec_new, whsec_old")
    session = shop.buy()
    shop.pay(session)
    shop.stripe.advance(days=4)

    assert tell(shop, session, secret="whsec_gone") == 400
    assert tell(shop, session, secret="whsec_new") == 200

    assert shop.balance() == 100
    shop.close()
