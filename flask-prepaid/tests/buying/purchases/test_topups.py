"""Auto top-up: off by default, one at a time, within a ceiling, and it gives up in the end."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from flask_prepaid import Pack
from flask_prepaid.errors import NoCard, UnknownItem
from flask_prepaid.payments.models import PaymentState, TopUp, Via
from flask_prepaid.purchases.auto_topup import topups
from flask_prepaid.signals import payment_failed, topup_done, topup_failed, topup_skipped, topup_stopped
from prepaid_ledger import Unit

from ..shop import Shop, ShopWith
from .test_cards import ASKS_ALWAYS, DECLINES_LATER, leave_card


def switch_on(shop: Shop, **changes: Any) -> None:
    wish: dict[str, Any] = {"pack": "starter", "threshold": 20, "ceiling_minor": 1_000, **changes}
    shop.read(lambda: topups.switch_on(shop.prepaid, "user:1", **wish))


def setting(shop: Shop) -> TopUp:
    return shop.read(lambda: topups.setting(shop.prepaid.session, "user:1"))  # type: ignore[no-any-return]


def spend(shop: Shop, credits: int, key: str) -> None:
    def take() -> None:
        shop.prepaid.spend("user:1", credits=credits, key=key)
        shop.prepaid.session.commit()

    shop.read(take)


def topped_up(shop: Shop) -> list[PaymentState]:
    return [payment.state for payment in shop.payments() if payment.via is Via.TOPUP]


def test_nobody_is_topped_up_unasked(shop: Shop) -> None:
    leave_card(shop)

    shop.tick()

    assert topped_up(shop) == []


def test_low_credits_are_topped_up_by_the_tick_once(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop)

    shop.tick()
    shop.tick()

    assert topped_up(shop) == [PaymentState.PAID]
    assert shop.balance() == 100
    assert shop.payments()[0].title == "100 credits"


def test_it_waits_until_the_credits_are_below_the_threshold(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop)
    shop.tick()
    spend(shop, 80, "report:1")
    shop.tick()
    assert len(topped_up(shop)) == 1

    spend(shop, 1, "report:2")
    shop.tick()

    assert len(topped_up(shop)) == 2
    assert shop.balance() == 119


@pytest.mark.each_database
def test_a_month_never_costs_more_than_its_ceiling(shop: Shop) -> None:
    leave_card(shop)
    shop.stripe.advance(to=int(shop.now().replace(day=2).timestamp()) + 40 * 86_400)
    switch_on(shop, ceiling_minor=1_000)
    for number in range(4):
        shop.tick()
        spend(shop, min(shop.balance(), 90), f"report:{number}") if shop.balance() else None
    assert len(topped_up(shop)) == 2

    shop.stripe.advance(months=1)
    shop.tick()

    assert len(topped_up(shop)) == 3


def test_what_was_charged_in_another_currency_is_no_part_of_the_ceiling(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop, ceiling_minor=500)
    shop.tick()
    assert topped_up(shop) == [PaymentState.PAID]

    switch_on(shop, pack="tokyo", threshold=150, ceiling_minor=2_100)
    shop.tick()

    assert topped_up(shop) == [PaymentState.PAID] * 2


def test_after_declines_it_waits_longer_each_time_and_then_stops(shop: Shop) -> None:
    heard: list[Any] = []
    leave_card(shop, DECLINES_LATER)
    switch_on(shop)
    with topup_stopped.connected_to(lambda sender, **news: heard.append(news)):
        tries = []
        for hours in (0, 0, 1, 1, 24, 24, 24):
            shop.stripe.advance(hours=hours)
            shop.tick()
            tries.append(len(topped_up(shop)))

    assert tries == [1, 1, 2, 2, 3, 3, 3]
    assert set(topped_up(shop)) == {PaymentState.FAILED}
    assert not setting(shop).on
    assert [(news["owner"], news["reason"]) for news in heard] == [("user:1", "the card was declined")]


def test_a_bank_that_wants_its_customer_stops_it_and_the_payment_can_be_confirmed(shop: Shop) -> None:
    leave_card(shop, ASKS_ALWAYS)
    switch_on(shop)
    shop.tick()
    assert topped_up(shop) == [PaymentState.OPEN]
    assert setting(shop).stopped == "your bank wants you to confirm a payment"

    payment = shop.payments()[0].id
    again = shop.send_form(
        shop.browser(), f"/prepaid/return?payment={payment}", to="/prepaid/confirm", payment=str(payment)
    )
    shop.answer_bank(again.location, "complete")

    assert shop.balance() == 100


def test_a_top_up_without_an_answer_is_found_out_before_another_begins(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop)
    shop.stripe.chaos(lost_reply=1.0)
    shop.tick()
    shop.stripe.chaos()
    assert topped_up(shop) == [PaymentState.UNKNOWN]

    shop.tick()

    assert topped_up(shop) == [PaymentState.PAID]
    client = shop.dashboard()
    assert len(client.v1.charges.list().data) == 1


def test_it_can_be_set_again_before_anything_was_bought(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop)

    switch_on(shop, threshold=30)

    assert (setting(shop).on, setting(shop).threshold) == (True, 30)


def test_the_host_hears_of_a_top_up_that_was_paid_once(shop: Shop) -> None:
    heard: list[Any] = []
    leave_card(shop)
    switch_on(shop)
    with topup_done.connected_to(lambda sender, **news: heard.append(news)):
        shop.tick()
        shop.stripe.deliver("payment_intent.succeeded", times=3)
        shop.pay(shop.buy())

    assert heard == [{"owner": "user:1", "payment_id": shop.payments()[0].id, "credits": 100}]


@pytest.mark.parametrize("meanwhile", ["switched off", "spent nothing more"])
def test_a_tick_that_comes_too_late_buys_nothing_and_tells_nothing(shop: Shop, meanwhile: str) -> None:
    """Another tick, or the owner, was faster than this one."""
    heard: list[Any] = []
    leave_card(shop)
    switch_on(shop)
    if meanwhile == "switched off":
        shop.read(lambda: topups.switch_off(shop.prepaid, "user:1"))
    else:
        shop.tick()
    before = topped_up(shop)

    with topup_skipped.connected_to(lambda sender, **news: heard.append(news)):
        assert shop.read(lambda: topups.top_up(shop.prepaid, "user:1")) is None

    assert (topped_up(shop), heard) == (before, [])


def test_the_host_hears_of_a_decline_once_however_often_stripe_tells_of_it(shop: Shop) -> None:
    heard: list[Any] = []
    leave_card(shop, DECLINES_LATER)
    switch_on(shop)
    with payment_failed.connected_to(lambda sender, **news: heard.append(news["payment_id"])):
        shop.tick()
        shop.stripe.deliver("payment_intent.payment_failed", times=3)

    assert heard == [shop.payments()[0].id]


def test_the_host_hears_of_a_top_up_that_stripe_refused(shop: Shop) -> None:
    heard: list[Any] = []
    card = leave_card(shop)
    switch_on(shop)
    shop.dashboard().v1.payment_methods.detach(card)  # and no event of it has come yet
    with topup_failed.connected_to(lambda sender, **news: heard.append(news)):
        shop.tick()

    assert topped_up(shop) == [PaymentState.FAILED]
    assert heard == [{"owner": "user:1", "payment_id": shop.payments()[0].id}]
    shop.tick()
    assert setting(shop).stopped == "no card is on file"


def test_without_a_card_it_is_not_switched_on(shop: Shop) -> None:
    with pytest.raises(NoCard, match="Save a card first"):
        switch_on(shop)


def test_a_card_removed_later_stops_it(shop: Shop) -> None:
    card = leave_card(shop)
    switch_on(shop)
    shop.send_form(shop.browser(), "/prepaid/cards", to=f"/prepaid/cards/{card}/remove", sure="1")

    shop.tick()

    assert setting(shop).stopped == "no card is on file"
    assert topped_up(shop) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"threshold": 0}, "1 or more"),
        ({"threshold": -1}, "1 or more"),
        ({"ceiling_minor": 499}, "at least what one top-up costs"),
        ({"threshold": 201, "ceiling_minor": 1_499}, r"takes 3 of this pack .* for \$15.00 at once"),
        ({"pack": "unknown"}, "no such pack"),
        ({"pack": "gift"}, "costs nothing"),
    ],
)
def test_what_makes_no_sense_is_refused(shop: Shop, change: dict[str, Any], words: str) -> None:
    leave_card(shop)

    with pytest.raises(UnknownItem, match=words):
        switch_on(shop, **change)


def test_switched_off_it_stays_off(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop)
    shop.read(lambda: topups.switch_off(shop.prepaid, "user:1"))

    shop.tick()

    assert topped_up(shop) == []


def test_its_owner_switches_it_on_and_off_on_the_page(shop: Shop) -> None:
    leave_card(shop)
    browser = shop.browser()
    form = {"pack": "starter", "threshold": "20", "times": "2"}

    shop.send_form(browser, "/prepaid/cards", to="/prepaid/cards/top-up", **form)
    assert (setting(shop).on, setting(shop).ceiling_minor) == (True, 1_000)
    page = browser.get("/prepaid/cards").text
    assert "We are buying 100 credits now for $5.00." in page
    assert "Auto top-up is on: it buys below 20 credits, for at most $10.00 a month." in page
    assert "Charged this month: $0.00 of $10.00 at most" in page
    assert re.search(r'name="times"[^>]* value="2"', page)

    shop.send_form(browser, "/prepaid/cards", to="/prepaid/cards/top-up", off="1")
    assert "Auto top-up is off" in browser.get("/prepaid/cards").text


def test_its_button_names_what_switching_on_charges_at_once(shop: Shop) -> None:
    leave_card(shop)
    assert "Switch on and buy now for $5.00</button>" in shop.browser().get("/prepaid/cards").text

    switch_on(shop)
    shop.tick()
    shop.read(lambda: topups.switch_off(shop.prepaid, "user:1"))

    assert "Switch on</button>" in shop.browser().get("/prepaid/cards").text


def test_its_threshold_is_written_and_read_in_the_unit_of_the_host(shop_with: ShopWith) -> None:
    shop = shop_with(unit=Unit("credit", scale=3), packs=[Pack("ten", credits=10_000, amount_minor=500)])
    leave_card(shop)
    browser = shop.browser()
    form = {"pack": "ten", "threshold": "2.5", "times": "2"}

    page = shop.send_form(browser, "/prepaid/cards", to="/prepaid/cards/top-up", **form)

    assert setting(shop).threshold == 2_500
    assert "it buys below 2.5 credits" in browser.get(page.location).text
    assert re.search(r'name="threshold"[^>]* value="2\.500"', browser.get("/prepaid/cards").text)


def test_its_form_says_what_a_month_costs_at_most_and_names_its_fields_as_they_are(shop: Shop) -> None:
    leave_card(shop)
    browser = shop.browser()
    before = html.unescape(browser.get("/prepaid/cards").text)
    assert ">At most $5.00 a month.</strong>" in before

    form = {"pack": "starter", "threshold": "201", "times": "2"}
    page = html.unescape(shop.send_form(browser, "/prepaid/cards", to="/prepaid/cards/top-up", **form).text)

    assert ">At most $10.00 a month.</strong>" in page
    words = "From 0 credits it takes 3 of this pack to reach 201 credits, for $15.00 at once."
    assert f'<div class="invalid-feedback" id="topup-times-error" role="alert">{words}' in page
    assert re.search(r'name="times"[^>]* aria-invalid="true"', page)
    assert not re.search(r'name="threshold"[^>]* aria-invalid', page)
    assert "that threshold" not in page


@pytest.mark.parametrize(
    "change", [{"threshold": "x"}, {"threshold": "0"}, {"times": "0"}, {"pack": "none"}, {"times": "9" * 12}]
)
def test_a_wrong_field_on_the_page_is_said_there(shop: Shop, change: dict[str, str]) -> None:
    leave_card(shop)
    form = {"pack": "starter", "threshold": "20", "times": "2", **change}

    page = shop.send_form(shop.browser(), "/prepaid/cards", to="/prepaid/cards/top-up", **form)

    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert f'value="{form["threshold"]}"' in page.text  # what was written is not lost
