"""What a customer owes, where the link to pay it stands, and what of their money went back."""

from __future__ import annotations

import re

import pytest

from ..running_shop import RunningShop, Visitor


def shown_texts(page: str) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page).split())


@pytest.fixture
def pat(shop: RunningShop) -> Visitor:
    """A customer whose card is kept, and declines when the free trial is over."""
    pat = shop.customer()
    [session] = re.findall(r"cs_test_\w+", pat.send("/subscription", plan="large", trial="1").location)
    shop.stripe.pay(session, card="4000000000000341")
    pat.get("/subscription", session_id=session)
    shop.stripe.advance(days=15)
    shop.stripe.deliver()
    return pat


@pytest.mark.parametrize("path", ["/admin/customers/{owner}", "/admin/plan"])
def test_the_link_to_pay_what_is_owed_can_be_copied_and_leads_to_stripes_page(
    shop: RunningShop, pat: Visitor, path: str
) -> None:
    finance, own_page = shop.operator("finance"), pat.get("/subscription").text

    page = finance.get(path.format(owner=pat.owner), owner=pat.owner).text

    [link] = re.findall(r'<pre data-copy="main" [^>]*><code>([^<]+)</code>', page)
    assert f'href="{link}"' in own_page
    assert 'data-copy="Copy payment link"' in page


def test_what_a_customers_state_asks_for_is_the_one_main_button(shop: RunningShop, pat: Visitor) -> None:
    kim, admin = shop.customer("kim@rando.test"), shop.operator("admin")

    def main(customer: Visitor) -> list[str]:
        page = admin.get(f"/admin/customers/{customer.owner}").text
        buttons = re.findall(r'<summary class="btn btn-primary btn-sm">([^<]+)<', page)
        return [*["copy" for _ in re.findall('<pre data-copy="main"', page)], *buttons]

    assert main(pat) == ["copy"], "who owes gets the link to pay it"
    assert main(kim) == ["Give credits"]
    form = f"/admin/customers/{kim.owner}"
    admin.send("/admin/block", form_of=form, owner=kim.owner, do="block", reason="stolen cards")
    assert main(kim) == ["Let in again"]


@pytest.mark.usefixtures("pat")
def test_the_overview_says_how_much_is_overdue(shop: RunningShop) -> None:
    page = shown_texts(shop.operator("finance").get("/admin").text)

    assert "1 plan payment overdue , $120.00" in page


def test_money_that_went_back_is_in_the_customers_sums_by_the_way_that_it_went(shop: RunningShop) -> None:
    pat, finance = shop.customer(), shop.operator("finance")
    for card in ("4242424242424242", "4000000000007726", "4000000000000259"):
        shop.stripe.pay(pat.buy(pack="starter"), card=card)
    finance.send("/admin/payments/1/refund", amount="3.00", reason="asked for")
    finance.send("/admin/payments/2/refund", amount="4.00", reason="asked for")

    def sums() -> str:
        page = shown_texts(finance.get(f"/admin/customers/{pat.owner}").text)
        return page.partition("Paid in all ")[2].partition(" Joined")[0]

    assert sums() == "$30.00 $3.00 refunded · $4.00 refund under way · $10.00 held by disputes"
    [dispute] = set(re.findall(r"d[up]_\w+", finance.get("/admin/payments/3").text))
    shop.stripe.dispute(dispute=dispute, outcome="lost")
    shop.stripe.advance(days=10)
    shop.stripe.deliver()

    assert sums() == "$30.00 $7.00 refunded · $10.00 lost to disputes"
    page = finance.get(f"/admin/customers/{pat.owner}").text
    assert '<span class="quiet">0 of 10 credits</span>' in page, "the bank took those back"


def test_a_refund_without_an_answer_is_not_kept_and_no_second_one_is_offered(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    finance.send("/admin/sync", form_of="/admin")
    assert "/payments/1/refund" in finance.get(f"/admin/customers/{pat.owner}").text
    shop.stripe.chaos(lost_reply=1.0)
    finance.send("/admin/payments/1/refund", amount="4.00", reason="half of it")
    shop.stripe.chaos()

    page = finance.get("/admin/payments/1").text

    assert re.findall(r"<dt>([^<]+)</dt><dd>(-?\$[\d.]+)</dd>", page) == [
        *[("Paid", "$10.00"), ("Refund under way", "-$4.00")],
        *[("Fee", "-$0.59"), ("Net kept", "$5.41")],
    ]
    assert "/payments/1/refund" not in finance.get(f"/admin/customers/{pat.owner}").text


def test_of_a_payment_that_is_all_under_way_the_refund_page_says_so_once(shop: RunningShop) -> None:
    pat, finance = shop.customer(), shop.operator("finance")
    shop.stripe.pay(pat.buy(pack="starter"), card="4000000000007726")
    finance.send("/admin/payments/1/refund", amount="10.00", reason="asked for")

    page = shown_texts(finance.get("/admin/payments/1/refund").text)

    assert "Nothing of it is left to refund: $10.00 is under way." in page
    assert "can be refunded" not in page


def test_the_plan_that_a_customer_has_is_not_offered_again(shop: RunningShop) -> None:
    pat = shop.customer()
    pat.subscribe()

    page = shop.operator("finance").get("/admin/plan", owner=pat.owner).text

    offered = re.findall(r'<option value="([^"]+)"', page)
    assert offered
    assert "small" not in offered
    assert "a month" in shown_texts(page)


def test_payments_with_a_dispute_are_found_before_and_after_their_bank_has_decided(shop: RunningShop) -> None:
    pat, finance = shop.buyer(), shop.operator("finance")
    shop.stripe.pay(pat.buy(pack="starter"), card="4000000000000259")

    def listed(state: str) -> list[str]:
        page = finance.get("/admin/payments", state=state).text
        return re.findall(r'data-label="No\."><a [^>]+>(\d+)<', page)

    assert (listed("with_dispute"), listed("disputed"), listed("dispute_lost")) == (["2"], ["2"], [])
    [dispute] = set(re.findall(r"d[up]_\w+", finance.get("/admin/payments/2").text))
    shop.stripe.dispute(dispute=dispute, outcome="lost")
    shop.stripe.deliver()

    assert (listed("with_dispute"), listed("disputed"), listed("dispute_lost")) == (["2"], [], ["2"])
    assert "with a dispute, open or decided" in finance.get("/admin/payments").text
