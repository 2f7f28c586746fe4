"""Auto top-up follows what its owner spends. What we correct, and what the host forbids, charges nobody."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from flask_prepaid import Operators
from flask_prepaid.errors import BuyingPaused
from flask_prepaid.payments.models import PaymentState
from flask_prepaid.purchases import stop_reasons
from flask_prepaid.purchases.auto_topup import topups
from flask_prepaid.purchases.money_back import refunds
from flask_prepaid.signals import topup_skipped, topup_stopped

from ..beginnings import beginning
from ..operations.test_refusals import Refusing
from ..shop import Shop, ShopWith
from .test_cards import DECLINES_LATER, leave_card
from .test_topups import setting, spend, switch_on, topped_up

PAID, FAILED = PaymentState.PAID, PaymentState.FAILED


def adjust(shop: Shop, credits: int, key: str = "operator:1") -> None:
    def write() -> None:
        shop.prepaid.adjust("user:1", credits, key=key, reason="A mistake")
        shop.prepaid.session.commit()

    shop.read(write)


def sell(shop: Shop, on: bool) -> None:
    """The operator's switch, in an app that is started anew."""

    def set_up() -> None:
        shop.prepaid.state.config = replace(shop.prepaid.config, selling=on)

    shop.read(set_up)


@beginning
def topped_up_shop(shop: Shop, **changes: Any) -> None:
    """One top-up is paid, and nothing is spent of it."""
    leave_card(shop)
    switch_on(shop, **{"ceiling_minor": 5_000, **changes})
    shop.tick()
    assert topped_up(shop) == [PAID]


def refund(shop: Shop, amount_minor: int | None = None) -> None:
    payment_id = shop.payments()[-1].id
    shop.read(
        lambda: refunds.refund(shop.prepaid, payment_id, amount_minor=amount_minor, reason="They asked")
    )


@pytest.mark.parametrize("amount_minor", [None, 100])
def test_a_refunded_top_up_is_not_charged_again_and_its_owner_is_told(
    shop: Shop, amount_minor: int | None
) -> None:
    heard: list[Any] = []
    topped_up_shop(shop)

    with topup_stopped.connected_to(lambda sender, **news: heard.append(news["reason"])):
        refund(shop, amount_minor)
        shop.put_right()

    assert topped_up(shop) == [PAID]
    assert heard == [setting(shop).stopped] == ["a top-up was refunded"]
    assert "It has stopped: a top-up was refunded" in shop.browser().get("/prepaid/cards").text


def test_a_disputed_payment_stops_it_and_its_debt_is_not_paid_from_the_card(shop: Shop) -> None:
    topped_up_shop(shop)
    spend(shop, 100, "report:1")

    shop.stripe.dispute(charge=shop.charges()[0].id)
    shop.put_right()

    assert topped_up(shop) == [PAID]
    assert setting(shop).stopped == "a payment of yours is disputed"


def dispute(shop: Shop) -> None:
    shop.stripe.dispute(charge=shop.charges()[0].id)
    shop.stripe.deliver()


@pytest.mark.parametrize("take", [refund, dispute])
def test_what_takes_credits_and_stops_it_locks_the_wallet_first(
    shop: Shop, take: Callable[[Shop], None]
) -> None:
    """A dispute of one payment and a refund of another come at once: neither waits for ever for the other."""
    topped_up_shop(shop)
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        statements.append(statement)

    with shop.app.app_context():
        event.listen(shop.db.engine, "before_cursor_execute", note)
    take(shop)

    locked = [match[1] for each in statements if (match := re.match(r"UPDATE prepaid_(\w+)", each))]
    assert 0 <= locked.index("payment") < locked.index("wallet") < locked.index("topup")


def test_a_refund_of_a_pack_bought_by_hand_sets_no_top_up_off(shop: Shop) -> None:
    shop.press(leave_card(shop))
    switch_on(shop)

    refund(shop)
    shop.put_right()

    assert topped_up(shop) == []
    assert setting(shop).stopped == "your credits were taken back, not spent"


def test_credits_that_an_operator_takes_are_not_bought_again_until_some_are_spent(shop: Shop) -> None:
    skipped: list[Any] = []
    topped_up_shop(shop)

    with topup_skipped.connected_to(lambda sender, **news: skipped.append(news)):
        adjust(shop, -90)
        shop.put_right()
    assert topped_up(shop) == [PAID]
    assert skipped == [{"owner": "user:1", "reason": "your credits were corrected, not spent"}]

    spend(shop, 1, "report:1")
    shop.tick()
    assert topped_up(shop) == [PAID, PAID]


def test_credits_that_an_operator_takes_to_the_last_one_stop_it(shop: Shop) -> None:
    topped_up_shop(shop)

    adjust(shop, -100)
    shop.put_right()

    assert topped_up(shop) == [PAID]
    assert setting(shop).stopped == "your credits were corrected, not spent"


def test_credits_that_lapse_unspent_are_not_bought_again(shop: Shop) -> None:
    topped_up_shop(shop, pack="bonus", threshold=100)

    shop.stripe.advance(days=31)
    shop.put_right()

    assert shop.balance() == 0
    assert topped_up(shop) == [PAID]
    assert setting(shop).stopped == "your credits have expired unused"


def test_a_hold_is_spending(shop: Shop) -> None:
    topped_up_shop(shop)
    adjust(shop, -10)

    shop.read(lambda: shop.prepaid.hold("user:1", credits=80, key="job:1"))
    shop.tick()

    assert topped_up(shop) == [PAID, PAID]


def test_whoever_owes_credits_is_not_topped_up(shop: Shop) -> None:
    shop.pay(shop.buy())
    spend(shop, 100, "report:1")
    refund(shop)
    leave_card(shop)
    switch_on(shop)

    shop.tick()

    assert topped_up(shop) == []
    assert setting(shop).stopped == "credits are owed after a refund or a dispute"


def owe(shop: Shop, credits: int, key: str) -> None:
    """Work costs so many credits more than are there."""

    def work() -> None:
        available = shop.prepaid.wallet("user:1").available
        shop.prepaid.hold("user:1", credits=available, key=key)
        shop.prepaid.capture("user:1", credits=available + credits, key=key, overrun="debt")
        shop.prepaid.session.commit()

    shop.read(work)


def test_what_was_spent_beyond_the_last_credit_is_bought(shop: Shop) -> None:
    topped_up_shop(shop)
    owe(shop, 30, "answer:1")

    shop.tick()

    assert topped_up(shop) == [PAID, PAID]
    assert (shop.balance(), setting(shop).on) == (70, True)


def test_a_debt_of_spending_is_bought_off_in_charges_of_the_size_that_was_agreed_to(shop: Shop) -> None:
    topped_up_shop(shop)
    owe(shop, 150, "answer:1")

    shop.tick()
    shop.tick()
    shop.tick()

    assert [payment.credits for payment in shop.payments()] == [100, 100, 100]
    assert (shop.balance(), setting(shop).on) == (50, True)


def test_a_debt_of_spending_on_top_of_one_of_a_refund_is_not_bought_off(shop: Shop) -> None:
    shop.pay(shop.buy())
    spend(shop, 60, "report:1")
    leave_card(shop)
    switch_on(shop)
    shop.read(lambda: shop.prepaid.books.hold("user:1", credits=10, key="answer:1"))
    refund(shop)
    shop.read(lambda: shop.prepaid.books.capture("user:1", credits=30, key="answer:1", overrun="debt"))

    shop.tick()

    assert topped_up(shop) == []
    assert setting(shop).stopped == "credits are owed after a refund or a dispute"


def test_a_debt_of_very_many_spends_is_of_spending(shop: Shop) -> None:
    topped_up_shop(shop)
    shop.pay(shop.buy())
    jobs = [f"job:{number}" for number in range(101)]
    shop.read(lambda: [shop.prepaid.books.hold("user:1", credits=1, key=job) for job in jobs])
    spend(shop, 99, "the rest")
    shop.read(
        lambda: [shop.prepaid.books.capture("user:1", credits=2, key=job, overrun="debt") for job in jobs]
    )

    shop.tick()

    assert [payment.credits for payment in shop.payments()] == [100, 100, 100]
    assert shop.read(lambda: shop.prepaid.wallet("user:1").debt) == 1


def owe_for_an_answer_and_a_refund(shop: Shop) -> None:
    """Of 100 credits spend 90 and 40 more, on credit; then the 100 are refunded: 130 are owed."""
    shop.read(lambda: shop.prepaid.books.hold("user:1", credits=10, key="answer:1"))
    spend(shop, 90, "report:1")
    shop.read(lambda: shop.prepaid.books.capture("user:1", credits=40, key="answer:1", overrun="debt"))
    refund(shop)


def test_a_refund_that_failed_has_left_no_debt_of_its_own(shop: Shop) -> None:
    shop.stripe.pay(shop.buy(), card="4000000000005126")
    leave_card(shop)
    switch_on(shop)
    owe_for_an_answer_and_a_refund(shop)
    assert shop.read(lambda: shop.prepaid.wallet("user:1").debt) == 130

    shop.put_right()  # the bank sends the refund back

    assert topped_up(shop) == [PAID]
    assert (shop.balance(), setting(shop).on) == (70, True)


def test_a_gift_that_pays_all_that_is_owed_is_no_way_in_which_credits_went(shop: Shop) -> None:
    """They were spent before; a part of what was owed for was a refund."""
    shop.pay(shop.buy())
    leave_card(shop)
    switch_on(shop)
    owe_for_an_answer_and_a_refund(shop)
    shop.command("grant", "user:1", "130", "--reason", "a gift")
    assert (shop.balance(), shop.read(lambda: shop.prepaid.wallet("user:1").debt)) == (0, 0)

    shop.tick()

    assert topped_up(shop) == [PAID]
    assert (shop.balance(), setting(shop).on) == (100, True)


def test_a_top_up_that_the_limits_refuse_waits_and_its_owner_is_told_once(shop_with: ShopWith) -> None:
    skipped: list[Any] = []
    shop = shop_with(PREPAID_ATTEMPTS_PER_HOUR=2)
    topped_up_shop(shop)
    spend(shop, 90, "report:1")
    with topup_skipped.connected_to(lambda sender, **news: skipped.append(news["reason"])):
        for _ in range(3):
            shop.tick()
    assert (topped_up(shop), skipped) == ([PAID], ["too many payments were tried within an hour"])

    shop.stripe.advance(hours=1, minutes=1)
    shop.tick()
    assert topped_up(shop) == [PAID, PAID]


def test_a_blocked_owner_is_charged_by_nothing_of_itself(shop_with: ShopWith) -> None:
    blocked: set[str] = set()
    shop = shop_with(operators=Operators(current=lambda: None, blocked=blocked.__contains__))
    topped_up_shop(shop)
    spend(shop, 90, "report:1")
    blocked.add("user:1")

    shop.put_right()

    assert topped_up(shop) == [PAID]
    assert setting(shop).stopped == "this account is blocked"


def test_what_an_operator_takes_of_credits_that_were_low_before_holds_nothing_back(shop: Shop) -> None:
    shop.pay(shop.buy())
    leave_card(shop)
    switch_on(shop, threshold=150)

    adjust(shop, -10)
    shop.tick()

    assert (topped_up(shop), shop.balance()) == ([PAID], 190)


def test_the_first_word_of_an_inquiry_stops_it_and_a_later_one_does_not(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop)
    shop.stripe.pay(shop.buy(), card="4000000000001976")
    assert setting(shop).stopped == stop_reasons.DISPUTED
    switch_on(shop)

    shop.stripe.deliver("charge.dispute.created")

    assert setting(shop).on


def test_a_pause_in_selling_holds_top_ups_back_and_is_told_once(shop_with: ShopWith) -> None:
    skipped: list[Any] = []
    shop = shop_with()
    topped_up_shop(shop)
    spend(shop, 90, "report:1")
    sell(shop, False)
    with topup_skipped.connected_to(lambda sender, **news: skipped.append(news["reason"])):
        shop.put_right(ticks=3)
    assert (topped_up(shop), skipped) == ([PAID], ["buying is paused"])

    sell(shop, True)
    shop.tick()
    assert topped_up(shop) == [PAID, PAID]


def test_nobody_switches_it_on_while_nothing_is_sold(shop: Shop) -> None:
    leave_card(shop)
    sell(shop, False)

    with pytest.raises(BuyingPaused):
        switch_on(shop)

    assert shop.read(lambda: topups.setting(shop.prepaid.session, "user:1")) is None


def test_one_charge_buys_as_many_packs_as_reach_the_threshold(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop, threshold=950, ceiling_minor=10_000)
    assert "Up to 10 packs at once, $50.00" in shop.browser().get("/prepaid/cards").text

    for _ in range(3):
        shop.tick()

    (payment,) = shop.payments()
    assert (payment.title, payment.credits, payment.amount_minor) == ("10 × 100 credits", 1_000, 5_000)
    assert shop.balance() == 1_000
    spend(shop, 249, "report:1")
    shop.tick()
    assert [payment.credits for payment in shop.payments()] == [1_000, 200]


def test_the_ceiling_is_never_passed_not_even_by_the_last_one_and_is_told_once_a_month(shop: Shop) -> None:
    skipped: list[Any] = []
    shop.stripe.advance(to=int(shop.now().replace(day=2).timestamp()) + 40 * 86_400)
    leave_card(shop)
    switch_on(shop, threshold=100, ceiling_minor=999)
    shop.tick()
    with topup_skipped.connected_to(lambda sender, **news: skipped.append(news["reason"])):
        spend(shop, 50, "report:1")
        for _ in range(3):
            shop.tick()
        assert (topped_up(shop), skipped) == ([PAID], ["the packs that you allow for this month are bought"])
        page = html.unescape(shop.browser().get("/prepaid/cards").text)
        assert "It waits: the packs that you allow for this month are bought" in page

        shop.stripe.advance(months=1)
        shop.tick()
        assert topped_up(shop) == [PAID, PAID]
        spend(shop, 60, "report:2")
        shop.tick()
        shop.tick()
        assert skipped == ["the packs that you allow for this month are bought"] * 2


def test_what_may_still_be_charged_counts_to_the_ceiling(shop: Shop) -> None:
    leave_card(shop, "4000002760003184")
    switch_on(shop, ceiling_minor=999)
    shop.tick()
    assert topped_up(shop) == [PaymentState.OPEN]
    switch_on(shop, ceiling_minor=999)

    shop.tick()

    assert topped_up(shop) == [PaymentState.OPEN]


@pytest.mark.parametrize("corrected", [False, True])
def test_after_a_decline_a_better_card_is_tried_at_once(shop: Shop, corrected: bool) -> None:
    bad = leave_card(shop, DECLINES_LATER)
    switch_on(shop)
    shop.tick()
    shop.tick()
    assert topped_up(shop) == [FAILED]

    if corrected:
        shop.send_form(
            shop.browser(), f"/prepaid/cards/{bad}", exp_month="11", exp_year="2045", name="A", country="US"
        )
    else:
        leave_card(shop)
    shop.tick()

    assert topped_up(shop) == [FAILED, FAILED if corrected else PAID]


def test_what_stripe_refuses_three_times_is_not_said_to_be_a_decline(shop_with: ShopWith) -> None:
    mails: list[tuple[str, str, str]] = []
    client = Refusing("payment_intents")
    shop = shop_with(
        http_client=client,
        emulator=client.emulator,
        PREPAID_BASE_URL="https://shop.example",
        email=lambda owner: "jo@mail.example",
        mail=lambda *mail: mails.append(mail),
    )
    leave_card(shop)
    switch_on(shop)

    for hours in (0, 1, 24, 24):
        shop.stripe.advance(hours=hours)
        shop.tick()

    assert topped_up(shop) == [FAILED] * 3
    assert setting(shop).stopped == "our payment service refused the charge, not your bank"
    assert [subject for _, subject, _ in mails] == ["Your auto top-up did not go through"] * 3 + [
        "Your auto top-up has stopped"
    ]
    assert "your bank was not asked" in mails[0][2]
    assert not any("declined" in text for _, _, text in mails)


def test_a_top_up_whose_answer_is_lost_is_not_made_twice_by_saving_the_setting(shop: Shop) -> None:
    leave_card(shop)
    switch_on(shop)
    shop.stripe.chaos(lost_reply=1.0)
    shop.tick()
    assert topped_up(shop) == [PaymentState.UNKNOWN]
    shop.change_payments(check_at=None)  # nobody looks at it for now
    shop.stripe.chaos()

    switch_on(shop)
    shop.tick()

    assert len(shop.charges()) == 1


@pytest.mark.parametrize(("credits", "amount_minor"), [(100, 501), (99, 500)])
def test_a_pack_that_is_dearer_or_smaller_by_now_is_not_bought_unasked(
    shop: Shop, credits: int, amount_minor: int
) -> None:
    leave_card(shop)
    switch_on(shop, ceiling_minor=5_000)
    pack = shop.prepaid.catalog.packs["starter"]
    shop.prepaid.catalog.packs["starter"] = replace(pack, credits=credits, amount_minor=amount_minor)

    shop.tick()

    assert topped_up(shop) == []
    assert setting(shop).stopped == stop_reasons.OTHER_TERMS
