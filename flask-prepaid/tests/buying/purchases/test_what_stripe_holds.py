"""What was paid at Stripe is compared with what was agreed: whose it is, which money, how much, which page.

Whoever has the Stripe key, a colleague or another program, can write our key into any object's metadata.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast

import pytest
from sqlalchemy import select

from flask_prepaid.context import write_now
from flask_prepaid.payments.models import Payment, PaymentState
from flask_prepaid.payments.outcome import comparison
from flask_prepaid.purchases import settling
from flask_prepaid.reports.models import Movement

from ..shop import Shop


@pytest.fixture
def begun(shop: Shop) -> Shop:
    """A customer has begun to buy 100 credits for $5.00."""
    shop.buy()
    return shop


def customer(shop: Shop) -> str:
    return str(shop.read(lambda: shop.prepaid.customer_id("user:1")))


def page(shop: Shop, **changes: Any) -> str:
    """Somebody opens a page that names the customer's payment; its id."""
    price = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "100 credits"}}
    price |= changes.pop("price", {})
    params = {
        "mode": "payment",
        "customer": customer(shop),
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": "https://shop.example/",
        "metadata": {"prepaid_payment": shop.payments()[0].idempotency_key},
        **changes,
    }
    given = {name: value for name, value in params.items() if value is not None}
    return shop.dashboard().v1.checkout.sessions.create(cast(Any, given)).id


def free(shop: Shop) -> list[dict[str, str]]:
    coupon = shop.dashboard().v1.coupons.create({"percent_off": 100, "duration": "once"})
    return [{"coupon": coupon.id}]


def pay_nothing(shop: Shop, session: str) -> None:
    shop.stripe.browser().post(f"/pay/{session}", data={"email": "pat@example.com", "name": "Pat"})
    shop.stripe.deliver()


def stands(shop: Shop) -> tuple[PaymentState, int]:
    """The payment's state, and what the customer has."""
    return shop.payments()[0].state, shop.balance()


def drift(shop: Shop) -> list[dict[str, Any]]:
    differences: list[dict[str, Any]] = json.loads(shop.command("reconcile", "--fix", "--json").stdout)[
        "drift"
    ]
    return differences


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        ({"currency": "jpy"}, "Stripe asked for ¥500"),
        ({"unit_amount": 400}, "Stripe asked for $4.00"),
        ({"unit_amount": 600}, "Stripe asked for $6.00"),
    ],
)
def test_other_money_than_was_agreed_gives_nothing(begun: Shop, price: dict[str, Any], reason: str) -> None:
    begun.pay(page(begun, price=price))

    assert stands(begun) == (PaymentState.NEEDS_REVIEW, 0)
    assert begun.payments()[0].failure == reason


def refund(shop: Shop, intent: str | None, **amount: int) -> None:
    params: Any = {"payment_intent": intent, **amount}
    shop.dashboard().v1.refunds.create(params)
    shop.stripe.deliver()


def owners_of_movements(shop: Shop) -> list[str | None]:
    return list(shop.read(lambda: shop.prepaid.session.scalars(select(Movement.owner)).all()))


def test_what_was_not_as_agreed_waits_for_an_operator_until_all_of_it_is_refunded(begun: Shop) -> None:
    begun.pay(page(begun, price={"unit_amount": 600}))
    payment = begun.payments()[0]
    refund(begun, payment.payment_intent_id, amount=100)
    assert stands(begun) == (PaymentState.NEEDS_REVIEW, 0)
    assert [each["kind"] for each in drift(begun)] == ["missed"]

    refund(begun, payment.payment_intent_id, amount=500)

    assert stands(begun) == (PaymentState.FAILED, 0)
    assert drift(begun) == []
    assert owners_of_movements(begun) == ["user:1"] * 3  # the charge and its two refunds
    shown = begun.come_back(str(payment.session_id)).text
    assert "all of it was sent back. No credits were added" in shown
    assert "othing was charged" not in shown


def test_a_refund_of_it_that_fails_at_the_bank_calls_the_operator_again(begun: Shop) -> None:
    begun.stripe.pay(page(begun, price={"unit_amount": 600}), card="4000000000005126")
    refund(begun, begun.payments()[0].payment_intent_id)
    assert stands(begun) == (PaymentState.FAILED, 0)

    begun.stripe.advance(days=30)

    assert stands(begun) == (PaymentState.NEEDS_REVIEW, 0)


def test_what_a_customer_has_paid_who_is_gone_is_settled_by_its_refund(deaf_shop: Shop) -> None:
    deaf_shop.pay(deaf_shop.buy())
    deaf_shop.change_payments(session_id=None)  # the answer that named it was lost
    deaf_shop.read(lambda: deaf_shop.prepaid.remove_customer("user:1"))
    assert [each["kind"] for each in drift(deaf_shop)] == ["missed"]
    assert stands(deaf_shop) == (PaymentState.NEEDS_REVIEW, 0)

    refund(deaf_shop, str(deaf_shop.charges()[0].payment_intent))

    assert drift(deaf_shop) == []
    assert stands(deaf_shop) == (PaymentState.FAILED, 0)


@pytest.mark.parametrize("total_minor", [499, 501])
def test_a_total_that_does_not_follow_from_the_prices_is_not_as_agreed(begun: Shop, total_minor: int) -> None:
    payment = begun.payments()[0]
    begun.pay(str(payment.session_id))
    page = begun.at_stripe(str(payment.session_id))
    assert page.intent is not None
    intent = replace(page.intent, amount_minor=total_minor, received_minor=total_minor)
    other = replace(page, amount_total_minor=total_minor, intent=intent)

    assert begun.read(lambda: comparison.not_as_agreed(begun.prepaid, payment, page)) is None
    reason = begun.read(lambda: comparison.not_as_agreed(begun.prepaid, payment, other))
    assert reason == f"${total_minor / 100} arrived of $5.00"


def test_a_page_that_fits_is_taken_up_even_where_ours_is_open(begun: Shop) -> None:
    begun.pay(page(begun))

    assert stands(begun) == (PaymentState.PAID, 100)


def test_another_customers_page_gives_nothing_whatever_it_names(begun: Shop) -> None:
    other = begun.dashboard().v1.customers.create({}).id
    session = page(begun, customer=other, discounts=free(begun))

    pay_nothing(begun, session)

    assert stands(begun) == (PaymentState.NEEDS_REVIEW, 0)
    assert begun.payments()[0].failure == f"{session} is another customer's"
    assert begun.payments()[0].session_id != session


def test_a_page_of_no_customer_is_not_of_an_owner_who_has_none_at_stripe_yet(shop: Shop) -> None:
    """Stripe did not answer as the customer was to be made, so the owner has none."""
    shop.stripe.chaos(api_500=1.0)
    shop.send_form(shop.browser(), "/prepaid/buy", pack="starter")
    shop.stripe.chaos()

    shop.pay(page(shop, customer=None))

    assert stands(shop) == (PaymentState.NEEDS_REVIEW, 0)


def test_the_customers_own_page_is_still_paid_after_it(begun: Shop) -> None:
    other = begun.dashboard().v1.customers.create({}).id
    ours = str(begun.payments()[0].session_id)
    begun.pay(page(begun, customer=other))

    begun.pay(ours)

    assert stands(begun) == (PaymentState.PAID, 100)


def test_a_coupon_on_a_page_that_is_not_ours_gives_nothing(begun: Shop) -> None:
    pay_nothing(begun, page(begun, discounts=free(begun)))

    assert stands(begun) == (PaymentState.NEEDS_REVIEW, 0)


def test_a_card_left_under_a_payments_name_is_no_payment(shop: Shop) -> None:
    shop.buy(pack="gift")
    left = shop.dashboard().v1.checkout.sessions.create(
        {
            "mode": "setup",
            "customer": customer(shop),
            "currency": "usd",
            "success_url": "https://shop.example/",
            "metadata": {"prepaid_payment": shop.payments()[0].idempotency_key},
        }
    )

    shop.pay(left.id)

    assert stands(shop) == (PaymentState.NEEDS_REVIEW, 0)


def test_another_page_that_expires_leaves_the_customers_open(begun: Shop) -> None:
    other, ours = page(begun), begun.payments()[0].session_id

    begun.dashboard().v1.checkout.sessions.expire(other)
    begun.stripe.deliver()

    assert stands(begun) == (PaymentState.OPEN, 0)
    assert begun.payments()[0].session_id == ours


def test_the_second_of_two_pages_is_refunded_without_the_credits_of_the_first(begun: Shop) -> None:
    ours = str(begun.payments()[0].session_id)
    second = page(begun)
    begun.pay(ours)
    begun.pay(second)
    (doubled,) = drift(begun)
    assert (doubled["kind"], doubled["id"]) != ("doubled", begun.payments()[0].payment_intent_id)

    begun.dashboard().v1.refunds.create({"payment_intent": doubled["id"]})
    begun.stripe.deliver()

    assert stands(begun) == (PaymentState.PAID, 100)
    assert drift(begun) == []


def test_the_first_of_two_pages_is_refunded_with_its_credits(begun: Shop) -> None:
    ours = str(begun.payments()[0].session_id)
    second = page(begun)
    begun.pay(ours)
    begun.pay(second)

    intent: Any = {"payment_intent": begun.payments()[0].payment_intent_id}
    begun.dashboard().v1.refunds.create(intent)
    begun.stripe.deliver()

    assert begun.balance() == 0


def test_a_page_of_which_a_part_was_captured_gives_nothing(begun: Shop) -> None:
    session = page(begun, payment_intent_data={"capture_method": "manual"})
    begun.pay(session)
    intents = begun.dashboard().v1.payment_intents
    intents.capture(intents.list().data[0].id, {"amount_to_capture": 300})
    begun.stripe.deliver()

    begun.read(lambda: write_now(begun.prepaid, settling.sync_checkout(begun.prepaid, session)))

    assert stands(begun) == (PaymentState.NEEDS_REVIEW, 0)
    assert begun.payments()[0].failure == "$3.00 arrived of $5.00"


def test_a_payment_in_the_other_mode_gives_nothing(begun: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    config = begun.read(lambda: begun.prepaid.config)
    monkeypatch.setattr(type(config), "livemode", True)
    ours = str(begun.payments()[0].session_id)
    begun.pay(ours)  # its event is ignored

    begun.come_back(ours)

    assert stands(begun) == (PaymentState.NEEDS_REVIEW, 0)


def test_nothing_charged_is_nothing_to_refund(shop: Shop) -> None:
    pay_nothing(shop, shop.buy(pack="gift"))

    payment: Payment = shop.payments()[0]
    assert (payment.state, payment.paid_minor, payment.charged_minor) == (PaymentState.PAID, 0, 0)
