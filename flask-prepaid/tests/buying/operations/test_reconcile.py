"""Stripe and the books side by side, after everything that can go wrong between them."""

from __future__ import annotations

import json
from datetime import timedelta
from math import ceil
from typing import Any

import pytest

from flask_prepaid.context import transaction
from flask_prepaid.operations.reconcile import MOMENT, reconcile
from flask_prepaid.payments import payments, timing
from flask_prepaid.payments.models import PaymentState, Via
from flask_prepaid.payments.wishes import NAMELESS
from flask_prepaid.purchases.money_back import refunds

from ..shop import Shop
from .storm import storm

#: How many purchases the storm has; ``./dev campaign storm`` has twenty times as many.
PURCHASES = 8


def drift(shop: Shop, *options: str) -> list[dict[str, Any]]:
    """What ``flask prepaid reconcile --json`` finds; its exit code agrees."""
    result = shop.command("reconcile", "--json", *options)
    answer = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    assert result.exit_code == (0 if answer["ok"] else 1), result.output
    return list(answer["drift"])


def kinds(drift: list[dict[str, Any]]) -> list[tuple[str, int | None]]:
    return [(difference["kind"], difference["payment"]) for difference in drift]


def test_books_that_agree_are_clean(shop: Shop) -> None:
    shop.pay(shop.buy())
    shop.buy()

    assert drift(shop) == []


def test_with_every_webhook_dropped_one_fix_brings_the_books_to_stripes(deaf_shop: Shop) -> None:
    for _ in range(3):
        deaf_shop.pay(deaf_shop.buy())
    client = deaf_shop.dashboard()
    newest = client.v1.payment_intents.list().data[0]
    client.v1.refunds.create({"payment_intent": newest.id, "amount": 250})
    deaf_shop.stripe.dispute(client.v1.payment_intents.list().data[2].latest_charge)
    assert sorted(kinds(drift(deaf_shop))) == [("drifted", 1), ("missed", 1), ("missed", 2), ("missed", 3)]

    fixed = deaf_shop.command("reconcile", "--fix")

    assert fixed.exit_code == 0, fixed.output
    assert fixed.stderr.count("mended: missed pi_") == 3
    assert f"mended: missed {newest.id} (payment 3): $5.00 is paid; here it is open\n" in fixed.stderr
    assert deaf_shop.balance() == 0 + 100 + 50


def test_what_stripe_refuses_is_left_and_the_rest_is_mended(
    deaf_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We were killed before we asked for a refund, and somebody has made one in the dashboard since."""
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    deaf_shop.come_back(session)
    with monkeypatch.context() as killed:
        killed.setattr(refunds, "_ask", lambda *_: None)
        deaf_shop.read(lambda: deaf_shop.prepaid.refund(1, reason="asked for"))
    deaf_shop.dashboard().v1.refunds.create(
        {"payment_intent": deaf_shop.payments()[0].payment_intent_id or ""}
    )
    assert "$5.00 was asked to go back" in " ".join(each["detail"] for each in drift(deaf_shop))

    assert drift(deaf_shop, "--fix") == []

    assert (deaf_shop.balance(), deaf_shop.payments()[0].refunded_minor) == (0, 500)


def test_a_refund_that_was_not_heard_of_is_drift_and_is_mended(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    deaf_shop.come_back(session)
    client = deaf_shop.dashboard()
    client.v1.refunds.create({"payment_intent": client.v1.payment_intents.list().data[0].id, "amount": 250})

    assert kinds(drift(deaf_shop)) == [("drifted", 1)]
    assert drift(deaf_shop, "--fix") == []
    assert deaf_shop.balance() == 50


def test_a_purchase_that_nothing_was_left_to_pay_for_is_found_by_its_page(deaf_shop: Shop) -> None:
    deaf_shop.pay(deaf_shop.buy(pack="gift"))

    assert kinds(drift(deaf_shop)) == [("missed", 1)]
    assert drift(deaf_shop, "--fix") == []
    assert (deaf_shop.balance(), deaf_shop.payments()[0].paid_minor) == (5, 0)


def test_one_payment_paid_twice_at_stripe_is_doubled(shop: Shop) -> None:
    shop.pay(shop.buy())
    key = shop.payments()[0].idempotency_key
    shop.dashboard().v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": "https://shop.example/",
            "metadata": {"prepaid_payment": key},
        }
    )
    shop.stripe.deliver()

    assert kinds(drift(shop, "--fix")) == [("doubled", 1)]
    assert shop.balance() == 100


def test_credits_without_money_at_stripe_are_unpaid(shop: Shop) -> None:
    shop.pay(shop.buy())
    shop.stripe.reset()

    assert kinds(drift(shop, "--fix")) == [("unpaid", 1)]


def test_money_for_a_payment_that_the_database_has_lost_is_missed(shop: Shop) -> None:
    shop.dashboard().v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": "https://shop.example/",
            "metadata": {"prepaid_payment": "of yesterday's backup"},
        }
    )

    (missed,) = drift(shop, "--fix")
    assert (missed["kind"], missed["payment"]) == ("missed", None)
    assert missed["detail"].endswith(f"grant OWNER CREDITS --reason TEXT --key {missed['id']}")
    shop.dashboard().v1.refunds.create({"payment_intent": missed["id"]})
    assert drift(shop) == []


def test_a_lost_payment_of_a_customer_who_is_lost_too_is_settled_by_a_grant_with_its_id(shop: Shop) -> None:
    """The customer at Stripe says whose it is. Another grant, or that to somebody else, settles nothing."""
    customer = shop.dashboard().v1.customers.create({"metadata": {"owner": "user:9"}})
    charge = shop.dashboard().v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": "https://shop.example/",
            "metadata": {"prepaid_payment": "of yesterday's backup"},
        }
    )
    (missed,) = drift(shop)
    assert f"grant user:9 CREDITS --reason TEXT --key {charge.id}" in missed["detail"]

    assert shop.command("grant", "user:9", "100", "--reason", "Lost").exit_code == 0
    assert shop.command("grant", "user:8", "100", "--reason", "Lost", "--key", charge.id).exit_code == 0
    assert kinds(drift(shop)) == [("missed", None)]

    assert shop.command("grant", "user:9", "100", "--reason", "Lost", "--key", charge.id).exit_code == 0
    assert drift(shop) == []


def test_a_payment_whose_answer_was_lost_is_unresolved_until_it_is_looked_up(deaf_shop: Shop) -> None:
    deaf_shop.stripe.chaos(lost_reply=1.0)
    deaf_shop.send_form(deaf_shop.browser(), "/prepaid/buy", pack="starter")
    deaf_shop.stripe.chaos()
    assert kinds(drift(deaf_shop)) == [("unresolved", 1)]

    deaf_shop.stripe.advance(minutes=10)

    assert drift(deaf_shop, "--fix") == []
    assert deaf_shop.payments()[0].state in (PaymentState.FAILED, PaymentState.OPEN)


def test_fix_waits_for_what_was_asked_for_a_moment_ago_and_mends_it(deaf_shop: Shop) -> None:
    """The process was killed when the payment was written down, or Stripe while it was asked."""
    offer = deaf_shop.prepaid.catalog.offer(pack="starter")
    waited = []

    def wait(left: timedelta) -> None:
        waited.append(left)
        deaf_shop.stripe.advance(seconds=ceil(left.total_seconds()))

    def begin() -> None:
        with transaction(deaf_shop.prepaid):
            payments.write_down(
                deaf_shop.prepaid, "user:1", offer, via=Via.CARD, wish=NAMELESS, card_id="pm_1"
            )

    deaf_shop.read(begin)
    assert kinds(drift(deaf_shop)) == [("unresolved", 1)]
    left = deaf_shop.read(lambda: reconcile(deaf_shop.prepaid, fix=True, wait=wait))

    assert (left, deaf_shop.payments()[0].state) == ([], PaymentState.FAILED)
    assert [timedelta(minutes=4) < time <= timing.IN_FLIGHT + MOMENT for time in waited] == [True]


def test_a_refund_whose_answer_was_lost_is_unresolved_until_it_is_looked_up(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    deaf_shop.come_back(session)
    deaf_shop.stripe.chaos(lost_reply=1.0)
    deaf_shop.command("refund", "1", "--reason", "asked for")
    deaf_shop.stripe.chaos()
    assert ("unresolved", 1) in kinds(drift(deaf_shop))

    assert drift(deaf_shop, "--fix") == []
    assert deaf_shop.balance() == 0


def test_since_leaves_older_things_alone(deaf_shop: Shop) -> None:
    deaf_shop.pay(deaf_shop.buy())
    deaf_shop.stripe.advance(days=3)
    later = f"{deaf_shop.now():%Y-%m-%d}"

    assert drift(deaf_shop, "--since", later) == []
    assert kinds(drift(deaf_shop)) == [("missed", 1)]


def test_when_stripe_is_away_reconcile_says_so_and_claims_nothing(shop: Shop) -> None:
    shop.stripe.chaos(api_500=1.0)

    result = shop.command("reconcile")

    assert result.exit_code == 1
    assert "Stripe does not answer" in result.stderr
    assert result.stdout == ""


@pytest.mark.each_database
def test_in_a_storm_nothing_is_lost_and_nothing_is_doubled(shop: Shop) -> None:
    """Every webhook three times and shuffled, one API call in twenty failing before or after its work."""
    toll = storm(shop, PURCHASES)

    assert toll.bought == PURCHASES
    assert (toll.lost, toll.doubled, toll.drift) == (0, 0, 0)
    assert toll.charged_minor == 500 * toll.bought
