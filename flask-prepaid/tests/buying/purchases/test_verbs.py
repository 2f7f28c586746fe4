"""A host's code sells, refunds, reads payments, and takes over a customer, with no form and no page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flask_prepaid import Plan
from flask_prepaid.errors import UnknownItem
from prepaid_ledger import KeyReused, NothingToReverse

from ..shop import Shop, ShopWith

URLS: dict[str, Any] = {"success_url": "https://api.example/paid", "cancel_url": "https://api.example/left"}


def session_in(url: str) -> str:
    session = re.search(r"cs_test_\w+", url)
    assert session, url
    return session[0]


def checkout(shop: Shop, **wish: Any) -> str:
    return str(shop.read(lambda: shop.prepaid.checkout("user:1", **{**URLS, **wish})))


@pytest.mark.parametrize(("wish", "credits"), [({"pack": "starter"}, 100), ({"credits": 7}, 7)])
def test_a_program_sells_by_an_address(shop: Shop, wish: dict[str, Any], credits: int) -> None:
    shop.pay(session_in(checkout(shop, **wish)))

    assert shop.balance() == credits


@pytest.mark.parametrize("owner", ["", "x" * 65, "a\0b", "\ud800", None])
@pytest.mark.parametrize("wish", [{"pack": "starter"}, {"credits": 7}, {"plan": "monthly"}])
def test_nothing_is_sold_to_whom_the_ledger_can_give_no_credits(
    shop_with: ShopWith, owner: Any, wish: dict[str, Any]
) -> None:
    shop = shop_with(plans=[Plan("monthly", credits=50, amount_minor=300)])

    with pytest.raises(ValueError, match="an owner is a text of 1 to 64 characters"):
        shop.read(lambda: shop.prepaid.checkout(owner, **{**URLS, **wish}))

    assert list(shop.dashboard().v1.checkout.sessions.list()) == []


def test_a_program_sells_a_plan(shop_with: ShopWith) -> None:
    shop = shop_with(plans=[Plan("monthly", credits=50, amount_minor=300, max_quantity=3)])

    page = checkout(shop, plan="monthly", quantity=2, key="order-18")
    assert checkout(shop, plan="monthly", quantity=2, key="order-18") == page
    with pytest.raises(KeyReused, match="'order-18' has already"):
        checkout(shop, plan="monthly", quantity=1, key="order-18")
    shop.pay(session_in(page))

    assert shop.balance() == 100


def test_the_same_key_leads_to_the_same_page_and_after_paying_to_where_it_leads(shop: Shop) -> None:
    first, again = (checkout(shop, pack="starter", key="order-17-pack") for _ in range(2))
    assert first == again
    with pytest.raises(KeyReused):
        checkout(shop, pack="bonus", key="order-17-pack")

    shop.pay(session_in(first))

    paid = checkout(
        shop, pack="starter", key="order-17-pack", success_url="https://api.example/{CHECKOUT_SESSION_ID}"
    )
    assert paid == f"https://api.example/{session_in(first)}"
    assert len(shop.charges()) == 1


@pytest.mark.parametrize("wish", [{"pack": "starter"}, {"plan": "monthly"}])
def test_a_repeat_under_a_key_is_answered_alike_though_it_is_paid_and_not_sold_any_more(
    shop_with: ShopWith, wish: dict[str, Any]
) -> None:
    shop = shop_with(plans=[Plan("monthly", credits=50, amount_minor=300)])
    wish |= {"key": "order-19", "success_url": "https://api.example/{CHECKOUT_SESSION_ID}"}
    page = checkout(shop, **wish)
    shop.prepaid.catalog.packs.clear()
    shop.prepaid.catalog.plans.clear()

    assert checkout(shop, **wish) == page
    shop.pay(session_in(page))

    assert checkout(shop, **wish) == f"https://api.example/{session_in(page)}"
    with pytest.raises(UnknownItem):
        checkout(shop, **{**wish, "key": "order-20"})


@pytest.mark.parametrize(
    ("wish", "error", "sentence"),
    [
        ({}, UnknownItem, "one of the three"),
        ({"pack": "starter", "credits": 5}, UnknownItem, "one of the three"),
        ({"pack": "nothing"}, UnknownItem, "There is no such pack"),
        ({"plan": "nothing"}, UnknownItem, "There is no such plan"),
        ({"plan": ["monthly"]}, UnknownItem, "There is no such plan"),
        ({"pack": "starter", "quantity": 2}, UnknownItem, "Only a plan"),
        ({"pack": "starter", "success_url": "/paid"}, ValueError, "success_url is '/paid'"),
        ({"pack": "starter", "cancel_url": None}, ValueError, "cancel_url is None"),
        (
            {"pack": "starter", "success_url": "https://a example/x"},
            ValueError,
            "success_url is 'https://a e",
        ),
        ({"pack": "starter", "cancel_url": "https://a.example/\n"}, ValueError, "cancel_url is"),
        ({"pack": "starter", "key": 5}, ValueError, "key is 5. Write a text of 1 to 255 characters"),
        ({"pack": "starter", "key": ""}, ValueError, "key is ''"),
        ({"plan": "monthly", "key": "a\0"}, ValueError, "key is"),
        ({"pack": "starter", "key": "\ud800"}, ValueError, "key is"),
        ({"credits": "5"}, UnknownItem, "Choose a whole number of credits"),
        ({"credits": True}, UnknownItem, "Choose a whole number of credits"),
        ({"pack": 5}, UnknownItem, "There is no such pack"),
        ({"plan": "monthly", "quantity": "2"}, UnknownItem, "can be taken 1 to 3 times over"),
    ],
)
def test_a_wish_that_cannot_be_names_its_field(
    shop_with: ShopWith, wish: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    shop = shop_with(plans=[Plan("monthly", credits=50, amount_minor=300, max_quantity=3)])
    with pytest.raises(error, match=sentence):
        checkout(shop, **wish)

    assert shop.payments() == []


def test_a_program_refunds_once_by_money_and_by_credits(shop: Shop) -> None:
    shop.pay(shop.buy())

    def refund(**what: Any) -> int:
        with shop.app.app_context():
            (payment,) = shop.prepaid.payments("user:1")
            return shop.prepaid.refund(payment, reason="too many", **what).amount_minor

    assert [refund(amount_minor=200, key="a→"), refund(amount_minor=200, key="a→")] == [200, 200]
    for other in ({"amount_minor": 100}, {"credits": 7}, {}):
        with pytest.raises(KeyReused, match="'a→' has already asked for another refund"):
            refund(**other, key="a→")
    assert shop.balance() == 60
    assert refund(credits=7) == 35
    assert shop.balance() == 53
    assert [refund(key="rest"), refund(key="rest")] == [265, 265]
    assert (shop.balance(), shop.payments()[0].refunded_minor) == (0, 500)


@pytest.mark.parametrize(
    ("what", "error", "sentence"),
    [
        ({"amount_minor": 1, "credits": 1}, ValueError, "one of the two"),
        ({"amount_minor": 2.5}, ValueError, "amount_minor is 2.5"),
        ({"amount_minor": 0}, ValueError, "amount_minor is 0"),
        ({"credits": -1}, ValueError, "credits is -1"),
        ({"credits": 101}, NothingToReverse, "Payment 1 brought 100 credits, not 101"),
        ({"amount_minor": 9_900}, NothingToReverse, r"has \$5\.00 left to refund, not \$99\.00"),
        ({"payment": 9}, NothingToReverse, "There is no payment 9"),
        ({"payment": 9, "credits": 1}, NothingToReverse, "There is no payment 9"),
        ({"reason": " "}, ValueError, "reason is empty"),
        ({"reason": None}, ValueError, "reason is empty"),
        ({"payment": "1"}, ValueError, "payment is '1'. Give one of prepaid.payments"),
        ({"payment": True}, ValueError, "payment is True"),
        ({"payment": None}, ValueError, "payment is None"),
        ({"payment": 10**30}, ValueError, "payment is 1000"),
        ({"payment": 10**30, "credits": 1}, ValueError, "payment is 1000"),
        ({"payment": -1}, ValueError, "payment is -1"),
        ({"payment": 99}, NothingToReverse, "There is no payment 99"),
        ({"amount_minor": 10**30}, ValueError, "amount_minor is 1000"),
        ({"amount_minor": 10**15}, NothingToReverse, "left to refund, not"),
        ({"key": 5}, ValueError, "key is 5"),
    ],
)
def test_a_refund_that_cannot_be_names_its_field(
    shop: Shop, what: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    shop.pay(shop.buy())

    with pytest.raises(error, match=sentence), shop.app.app_context():
        shop.prepaid.refund(**{"payment": 1, "reason": "x", **what})

    assert shop.balance() == 100


def test_payments_are_the_owners_newest_first(shop: Shop) -> None:
    shop.buy()
    shop.pay(shop.buy(pack="bonus"))
    shop.buy("user:2")

    rows = shop.read(lambda: shop.prepaid.payments("user:1"))

    assert [(row.pack, row.state) for row in rows] == [("bonus", "paid"), ("starter", "open")]
    assert shop.read(lambda: len(shop.prepaid.payments("user:1", limit=1))) == 1
    for wrong in (0, -1, "5", None, 1.5, True, 10**30):
        with pytest.raises(ValueError, match=r"limit is .* Write a whole number from 1 to 1,000"):
            shop.read(lambda limit=wrong: shop.prepaid.payments("user:1", limit=limit))  # type: ignore[misc]


@pytest.mark.parametrize(
    "verb", ["payments", "cards", "plan", "customer_id", "sync_customer", "remove_customer"]
)
def test_a_question_about_whom_no_wallet_can_be_is_refused(shop: Shop, verb: str) -> None:
    for owner in (None, 5, "", "a\0b", "\ud800", "x" * 65):
        with pytest.raises(ValueError, match="an owner is a text of 1 to 64 characters"):
            shop.read(lambda o=owner: getattr(shop.prepaid, verb)(o))  # type: ignore[misc]


def test_a_customer_of_before_is_adopted_with_the_saved_cards(shop: Shop) -> None:
    stripe = shop.dashboard().v1
    old = stripe.customers.create({"email": "pat@mail.example"}).id
    stripe.payment_methods.attach("pm_card_visa", {"customer": old})

    for _ in range(2):
        shop.read(lambda: shop.prepaid.adopt_customer("user:1", old))

    assert shop.read(lambda: shop.prepaid.customer_id("user:1")) == old
    assert [card.last4 for card in shop.read(lambda: shop.prepaid.cards("user:1"))] == ["4242"]
    assert stripe.customers.retrieve(old).to_dict()["metadata"] == {"owner": "user:1"}
    shop.pay(shop.buy())
    assert [charge.customer for charge in shop.charges()] == [old]


def test_a_customer_is_adopted_by_one_owner_who_has_none(shop: Shop) -> None:
    stripe = shop.dashboard().v1
    mine, other = (stripe.customers.create({}).id for _ in range(2))
    shop.read(lambda: shop.prepaid.adopt_customer("user:1", mine))

    for owner, customer, sentence in [
        ("user:2", mine, "stands for 'user:1' already"),
        ("user:1", other, "has the customer"),
        ("user:2", "cus_gone", "Stripe has no customer 'cus_gone'"),
    ]:
        with pytest.raises(UnknownItem, match=sentence):
            shop.read(lambda o=owner, c=customer: shop.prepaid.adopt_customer(o, c))  # type: ignore[misc]

    for nobody in (None, 5, "", "cus_/../x", "cus_1?a=b", "x" * 500, "cus_\0"):
        with pytest.raises(ValueError, match="Write the id of a customer at Stripe"):
            shop.read(lambda c=nobody: shop.prepaid.adopt_customer("user:2", c))  # type: ignore[misc]
    assert shop.read(lambda: shop.prepaid.customer_id("user:2")) is None
