"""What Stripe answers on a bad day: busy, down, or a key that is in use."""

from __future__ import annotations

import pytest
from sqlalchemy import URL

from flask_prepaid.payments.models import PaymentState

from ..shop import Shop, at_once
from .answering import refusal, with_answers


def test_a_key_in_use_is_asked_again_and_charges_once(database: URL) -> None:
    shop, between = with_answers(database)
    card = shop.keep_card()
    between.keys.clear()
    between.first = [refusal(409, "idempotency_key_in_use", "idempotency_error")] * 4

    page = shop.press(card)

    assert "100 credits added" in page.text
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


def test_after_a_day_a_charge_without_an_answer_is_checked_and_never_sent_again(
    database: URL,
) -> None:
    shop, between = with_answers(database)
    card = shop.keep_card()
    shop.stripe.chaos(lost_reply=1.0)
    assert "Do not pay again" in shop.press(card, attempt="one-wish-0001").text
    between.keys.clear()

    shop.stripe.advance(hours=25)  # Stripe has forgotten the key
    shop.stripe.chaos()
    again = shop.press(card, attempt="one-wish-0001")
    shop.put_right()

    assert "100 credits added" in again.text
    assert between.keys == []
    assert (shop.balance(), len(shop.charges())) == (100, 1)
    shop.close()


@pytest.mark.each_database
def test_ticks_at_once_top_up_once(shop: Shop) -> None:
    shop.keep_card()
    form = {"pack": "starter", "threshold": "20", "times": "9"}
    shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/top-up", **form)

    at_once(4, lambda _: shop.command("tick"))
    shop.tick()

    assert (shop.balance(), len(shop.charges()), len(shop.payments())) == (100, 1, 1)
