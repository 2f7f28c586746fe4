"""What pages say: how a payment was made, why credits went, against what a number stands, what to press."""

from __future__ import annotations

import re

from .running_shop import RunningShop


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))


def test_how_a_payment_was_made_is_said_in_words(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    pat.subscribe()

    for path in ("/admin/payments", f"/admin/customers/{pat.owner}"):
        page = text_of(finance.get(path).text)
        assert "Starter · Checkout" in page, path
        assert "Small · plan" in page, path
    assert "Paid by way of Checkout" in text_of(finance.get("/admin/payments/1").text)
    assert ",checkout," in finance.get("/admin/payments.csv").text


def test_where_credits_were_taken_back_it_says_why_and_of_which_payment(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    finance.send("/admin/payments/1/refund", amount="10.00", reason="half of it")
    shop.stripe.pay(pat.buy(pack="starter"), card="4000000000000259")

    for path in ("/usage", "/user-profile"):
        page = text_of(pat.get(path).text)
        assert "Refunded: payment of" in page, path
        assert "Disputed at your bank: payment of" in page, path
        assert "half of it" not in page, path


def test_nothing_has_no_sign(shop: RunningShop) -> None:
    """A bank takes money back whose credits are all spent: none are there to be taken."""
    pat = shop.customer(credits=0)
    shop.stripe.pay(pat.buy(pack="starter"))
    with shop.app.app_context():
        shop.prepaid.spend_now(pat.owner, credits=10, key="all")
    finance = shop.operator("finance")
    finance.send("/admin/payments/1/refund", amount="10.00", reason="asked for")

    assert "+0" not in text_of(pat.get("/usage").text)
    assert "+0" not in text_of(finance.get(f"/admin/customers/{pat.owner}").text)


def test_the_range_that_is_shown_is_marked(shop: RunningShop) -> None:
    page = shop.customer().get("/usage").text

    ranges = page.partition("flex-wrap gap-2 ranges")[2].partition("</p>")[0]
    assert re.findall(r'aria-current="true">([^<]+)<', ranges) == ["30 days"]


def test_a_change_says_against_what(shop: RunningShop) -> None:
    shop.buyer()
    finance = shop.operator("finance")
    finance.send("/admin/sync", form_of="/admin")
    shop.stripe.advance(days=8)
    shop.buyer("paul@rando.test")
    finance.send("/admin/sync", form_of="/admin")

    page = text_of(finance.get("/admin").text)

    assert "±0 % on the 7 days before" in page
    assert "none in the 30 days before" in page


def test_who_has_no_credits_is_led_to_buy_some(shop: RunningShop) -> None:
    poor, rich = shop.customer(credits=0), shop.customer("rich@rando.test")

    page = poor.get("/").text
    assert "You have no credits left." in page
    assert re.findall(r'class="btn btn-primary[^"]*"[^>]*>([^<]+)<', page) == ["Buy More Credits"]
    assert 'id="getnumber">Get Your Number<' in page
    assert re.findall(r'class="btn btn-primary[^"]*"[^>]*>([^<]+)<', rich.get("/").text) == [
        "Get Your Number"
    ]
