"""A link that sells the same thing to whoever follows it."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from stripe_emulator.core.errors import InvalidRequest

from ..shop import Shop


def link_of(shop: Shop, price: str | None = None, **more: Any) -> stripe.PaymentLink:
    line: Any = {"price": price or shop.price(500, recurring=None), "quantity": 2}
    form: Any = {"line_items": [line], **more}
    return shop.v1.payment_links.create(form)


def follow(shop: Shop, link: stripe.PaymentLink, query: str = "") -> stripe.checkout.Session:
    """Somebody's browser follows the link; the session that it is led to."""
    answer = shop.emulator.browser().get(f"{link.url}{query}")
    assert answer.status_code == 303
    return shop.v1.checkout.sessions.retrieve(answer.headers["Location"].rpartition("/")[2])


def test_everyone_who_follows_a_link_gets_a_page_of_their_own(shop: Shop) -> None:
    link = link_of(shop, metadata={"campaign": "spring"}, phone_number_collection={"enabled": True})
    first, second = follow(shop, link), follow(shop, link)
    shop.emulator.pay(first)

    assert first.id != second.id
    assert (first.payment_link, first.amount_total, first.mode) == (link.id, 1000, "payment")
    assert first.metadata is not None
    assert first.metadata.to_dict() == {"campaign": "spring"}
    assert first.phone_number_collection is not None
    assert first.phone_number_collection.enabled
    assert [
        each.id
        for each in shop.v1.checkout.sessions.list({"payment_link": link.id, "status": "complete"}).data
    ] == [first.id]
    lines = shop.v1.payment_links.line_items.list(link.id).data
    assert [(line.quantity, line.amount_total) for line in lines] == [(2, 1000)]
    assert shop.listen()[-1] == "checkout.session.completed"


def test_a_link_begins_subscriptions(shop: Shop) -> None:
    link = link_of(shop, shop.price(900), subscription_data={"trial_period_days": 7, "metadata": {"a": "b"}})
    session = follow(shop, link)
    shop.emulator.pay(session)

    done = shop.v1.checkout.sessions.retrieve(session.id)
    subscription = shop.subscription(str(done.subscription))
    assert (subscription.status, subscription.metadata.to_dict()) == ("trialing", {"a": "b"})


def test_the_link_prefills_what_its_query_says(shop: Shop) -> None:
    coupon = shop.v1.coupons.create({"percent_off": 50})
    shop.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"})
    link = link_of(shop, allow_promotion_codes=True)
    session = follow(
        shop, link, "?prefilled_email=jo%40example.com&prefilled_promo_code=HALF&client_reference_id=user_1"
    )
    page = shop.emulator.browser().get(f"/pay/{session.id}").get_data(as_text=True)

    assert (session.amount_total, session.client_reference_id) == (500, "user_1")
    assert session.customer_email is None
    assert "jo@example.com" in page
    odd = follow(
        shop, link, "?prefilled_promo_code=NONE&client_reference_id=a%20b&locked_prefilled_email=a%40b.c"
    )
    assert (odd.amount_total, odd.client_reference_id, odd.customer_email) == (1000, None, "a@b.c")


def test_after_paying_one_stays_with_a_word_or_goes_on_to_the_shop(shop: Shop) -> None:
    stays = link_of(
        shop,
        after_completion={
            "type": "hosted_confirmation",
            "hosted_confirmation": {"custom_message": "We will write to you."},
        },
    )
    goes = link_of(
        shop,
        after_completion={
            "type": "redirect",
            "redirect": {"url": "https://shop.example/{CHECKOUT_SESSION_ID}"},
        },
    )
    card = {
        "card_number": "4242424242424242",
        "card_expiry": "12/34",
        "card_cvc": "123",
        "email": "jo@example.com",
    }
    browser = shop.emulator.browser()
    here, there = follow(shop, stays), follow(shop, goes)
    stayed = browser.post(f"/pay/{here.id}", data=card)
    went = browser.post(f"/pay/{there.id}", data=card)

    assert "We will write to you." in browser.get(stayed.headers["Location"]).get_data(as_text=True)
    assert went.headers["Location"] == f"https://shop.example/{there.id}"


def test_a_link_closes_by_hand_or_when_enough_have_bought(shop: Shop) -> None:
    closed = link_of(shop, inactive_message="Sold out.")
    shop.v1.payment_links.update(closed.id, {"active": False})
    limited = link_of(shop, restrictions={"completed_sessions": {"limit": 1}})
    shop.emulator.pay(follow(shop, limited))
    browser = shop.emulator.browser()
    page = browser.get(closed.url)

    assert (page.status_code, browser.get(limited.url).status_code) == (410, 410)
    assert "Sold out." in page.get_data(as_text=True)
    restrictions = shop.v1.payment_links.retrieve(limited.id).restrictions
    assert restrictions is not None
    assert restrictions.completed_sessions.to_dict() == {"count": 1, "limit": 1}
    assert [each.id for each in shop.v1.payment_links.list({"active": False}).data] == [closed.id]
    assert browser.get("/buy/nothing").status_code == 404
    assert [each for each in shop.listen() if each.startswith("payment_link")] == [
        "payment_link.created",
        "payment_link.updated",
        "payment_link.created",
    ]


def test_a_link_takes_new_quantities(shop: Shop) -> None:
    link = link_of(shop)
    (line,) = shop.v1.payment_links.line_items.list(link.id).data
    shop.v1.payment_links.update(link.id, {"line_items": [{"id": line.id, "quantity": 5}]})

    assert follow(shop, link).amount_total == 2500


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"after_completion": {"type": "redirect"}}, "after_completion[redirect][url]"),
        (
            {"after_completion": {"type": "redirect", "redirect": {"url": "shop.example"}}},
            "after_completion[redirect][url]",
        ),
        ({"restrictions": {"completed_sessions": {"limit": 0}}}, "restrictions[completed_sessions][limit]"),
        ({"currency": "eur"}, "currency"),
    ],
)
def test_a_link_that_cannot_be_is_refused(shop: Shop, form: Any, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        link_of(shop, **form)

    assert refused.value.param == param


def test_a_link_with_what_its_page_lacks_says_so(shop: Shop) -> None:
    with pytest.raises(stripe.APIError, match="payment links with name_collection"):
        link_of(shop, name_collection={"business": {"enabled": True}})


@pytest.mark.parametrize("what", ["product", "price", "plan"])
def test_a_link_closes_as_what_it_sells_is_archived(shop: Shop, what: str) -> None:
    product = shop.v1.products.create({"name": "Box"}).id
    form: Any = {
        "product": product,
        "currency": "usd",
        "unit_amount": 500,
        "recurring": {"interval": "month"},
    }
    price = shop.v1.prices.create(form).id
    link, other = link_of(shop, price), link_of(shop)

    if what == "product":
        shop.v1.products.update(product, {"active": False})
    elif what == "price":
        shop.v1.prices.update(price, {"active": False})
    else:
        shop.v1.plans.update(price, {"active": False})

    browser = shop.emulator.browser()
    assert (browser.get(link.url).status_code, browser.get(other.url).status_code) == (410, 303)
    assert [each.id for each in shop.v1.payment_links.list({"active": False}).data] == [link.id]
    assert shop.listen().count("payment_link.updated") == 1


@pytest.mark.parametrize("answer", ["success", "", "FAIL"])
def test_the_bank_is_answered_by_two_words_alone(shop: Shop, answer: str) -> None:
    session = follow(shop, link_of(shop))

    with pytest.raises(InvalidRequest, match='must be one of "complete" or "fail"'):
        shop.emulator.pay(session, card="4000002760003184", challenge=answer)

    assert shop.v1.checkout.sessions.retrieve(session.id).status == "open"
