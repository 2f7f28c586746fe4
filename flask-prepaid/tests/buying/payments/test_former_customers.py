"""What banks say of a charge whose customer is gone: the account was closed, or Stripe's customer deleted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flask_prepaid import Operator, Operators, Role
from flask_prepaid.payments.models import Dispute, PaymentState
from flask_prepaid.testing import Databases

from ..operations.test_refusals import Refusing
from ..purchases.test_fraud_warnings import WARNS, drift, pay_another, without_credits
from ..purchases.test_topups import switch_on
from ..shop import Shop, ShopWith
from ..subscriptions.plan_shop import PlanShop

GOOD = "4242424242424242"


def leave(shop: Shop) -> None:
    shop.read(lambda: shop.prepaid.remove_customer("user:1"))
    shop.stripe.deliver()


def disputes_of(shop: Shop) -> list[tuple[int, str]]:
    rows = shop.read(lambda: shop.prepaid.session.query(Dispute).all())
    return [(row.payment_id, row.state) for row in rows]


def doctor(shop: Shop) -> str:
    return shop.command("doctor").stderr


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_warning_of_a_second_charge_is_answered_after_its_customer_has_left(
    shop: Shop, comes_back: bool
) -> None:
    shop.pay(shop.buy())
    suspected = pay_another(shop)
    leave(shop)
    if comes_back:
        shop.pay(shop.buy())

    shop.dashboard().v1.refunds.create({"payment_intent": suspected})
    shop.stripe.deliver()

    assert without_credits(shop) == 0
    assert "suspected" not in doctor(shop)
    assert drift(shop) == []


def test_a_dispute_of_a_second_charge_is_won_after_its_customer_has_left(shop: Shop) -> None:
    shop.pay(shop.buy())
    opened = shop.stripe.dispute(pay_another(shop, card=GOOD))
    shop.stripe.deliver()
    leave(shop)

    shop.stripe.dispute(dispute=opened["id"], outcome="won")
    shop.stripe.deliver()

    assert disputes_of(shop) == [(1, "won")]
    assert "evidence" not in doctor(shop)
    assert "drifted" not in drift(shop)


@pytest.mark.each_database
@pytest.mark.parametrize("comes_back", [False, True])
def test_a_dispute_that_comes_after_the_customer_has_left_waits_for_evidence(
    shop: Shop, comes_back: bool
) -> None:
    shop.pay(shop.buy())
    twice = pay_another(shop, card=GOOD)
    leave(shop)
    if comes_back:
        shop.pay(shop.buy())

    shop.stripe.dispute(twice)
    shop.stripe.deliver()

    assert disputes_of(shop) == [(1, "needs_response")]
    assert "1 dispute waits for evidence" in doctor(shop)


def test_a_dispute_that_nobody_has_heard_of_is_named_after_the_customer_has_left(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    deaf_shop.come_back(session)
    twice = pay_another(deaf_shop, card=GOOD)
    leave(deaf_shop)
    deaf_shop.stripe.dispute(twice)

    assert "it is needs_response; here it is not known" in deaf_shop.command("reconcile").output
    deaf_shop.command("reconcile", "--fix")

    assert disputes_of(deaf_shop) == [(1, "needs_response")]


def test_a_dispute_comes_after_stripes_customer_was_deleted_and_made_anew(shop: Shop) -> None:
    shop.pay(shop.buy())
    twice = pay_another(shop, card=GOOD)
    shop.dashboard().v1.customers.delete(shop.read(lambda: shop.prepaid.customer_id("user:1")))
    shop.stripe.deliver()
    shop.pay(shop.buy())

    shop.stripe.dispute(twice)
    shop.stripe.deliver()

    assert disputes_of(shop) == [(1, "needs_response")]


@pytest.mark.parametrize("says", ["warning", "dispute"])
def test_what_is_kept_of_a_charge_is_answered_though_it_names_no_payment_any_more(
    shop: Shop, says: str
) -> None:
    shop.pay(shop.buy())
    twice = pay_another(shop, card=WARNS if says == "warning" else GOOD)
    opened = shop.stripe.dispute(twice) if says == "dispute" else {}
    shop.stripe.deliver()
    stripe = shop.dashboard().v1
    stripe.payment_intents.update(twice, {"metadata": {"prepaid_payment": ""}})

    if says == "warning":
        stripe.refunds.create({"payment_intent": twice})
    else:
        shop.stripe.dispute(dispute=opened["id"], outcome="won")
    shop.stripe.deliver()

    assert without_credits(shop) == 0
    assert [state for _, state in disputes_of(shop)] in ([], ["won"])
    assert "drifted" not in drift(shop)


class Leaving(Refusing):
    """Stripe, whose answer to a charge comes after its customer has left."""

    shop: Shop | None = None

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        answer = self.stripe.request(method, url, headers, post_data)
        if self.shop is not None and method == "post" and url.endswith("/v1/payment_intents"):
            shop, self.shop = self.shop, None
            with ThreadPoolExecutor(1) as other:
                other.submit(leave, shop).result()
        return answer


def test_a_top_up_whose_customer_leaves_meanwhile_is_reviewed_and_its_dispute_waits(
    shop_with: ShopWith,
) -> None:
    stripe = Leaving()
    olga = Operators(current=lambda: Operator("olga", Role.ADMIN))
    shop = shop_with(http_client=stripe, emulator=stripe.emulator, operators=olga)
    shop.keep_card()
    switch_on(shop)
    stripe.shop = shop

    shop.tick()

    (payment,) = shop.payments()
    assert payment.state is PaymentState.NEEDS_REVIEW
    assert "belongs to a customer who is gone" in str(payment.failure)
    refused = shop.command("review", "1", "--note", "Looked at", "--give").stderr
    assert "gives no credits: it belongs to a customer who is gone" in refused

    shop.stripe.dispute(shop.charges()[0].id)
    shop.stripe.deliver()

    assert disputes_of(shop) == [(1, "needs_response")]
    assert "1 dispute waits for evidence" in doctor(shop)
    assert "Disputes" in shop.browser().get("/prepaid/admin").text


def test_a_plan_that_was_paid_while_its_customer_left_is_mended_and_so_is_its_dispute(
    databases: Databases,
) -> None:
    shop = PlanShop(databases.fresh("sqlite"), webhooks=False)
    shop.stripe.pay(shop.choose("small"), GOOD)
    shop.change_subscriptions(session_id=None)  # the answer that named its page was lost
    leave(shop)
    shop.stripe.dispute(shop.charges()[0].id)

    shop.command("reconcile", "--fix")

    assert shop.state() == "canceled"
    assert [payment.paid_minor for payment in shop.payments()] == [1_000]
    assert disputes_of(shop) == [(1, "needs_response")]
    assert shop.drift() == []


def test_an_operator_finds_who_has_left_by_the_customers_old_id(shop_with: ShopWith) -> None:
    olga = Operators(current=lambda: Operator("olga", Role.ADMIN))
    shop = shop_with(operators=olga)
    shop.pay(shop.buy())
    old = shop.read(lambda: shop.prepaid.customer_id("user:1"))
    leave(shop)

    answer = shop.browser().get(f"/prepaid/admin/customers?q={old}")

    assert "user:1" in answer.text or "user:1" in answer.headers["Location"]


@pytest.mark.parametrize("way", ["by a card on file", "on a page"])
def test_what_was_paid_and_never_answered_is_found_after_the_customer_has_left(
    deaf_shop: Shop, way: str
) -> None:
    shop = deaf_shop
    if way == "on a page":
        shop.pay(shop.buy())
        shop.change_payments(session_id=None)  # the answer that named it was lost
    else:
        card = shop.keep_card()
        shop.stripe.chaos(lost_reply=1.0)
        shop.press(card)
        shop.stripe.chaos()
    leave(shop)

    shop.put_right()

    (payment,) = shop.payments()
    assert (payment.state, len(shop.charges())) == (PaymentState.NEEDS_REVIEW, 1)
    assert "belongs to a customer who is gone" in str(payment.failure)


def test_a_plan_that_was_begun_and_never_answered_is_found_after_its_customer_has_left(
    databases: Databases,
) -> None:
    shop = PlanShop(databases.fresh("sqlite"), webhooks=False)
    shop.stripe.pay(shop.choose("small"), GOOD)
    shop.change_subscriptions(session_id=None)
    leave(shop)

    shop.put_right()

    assert shop.state() == "canceled"
    assert [payment.paid_minor for payment in shop.payments()] == [1_000]
    shop.close()
