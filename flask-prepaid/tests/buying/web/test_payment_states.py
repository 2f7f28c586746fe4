"""What a customer reads of a payment whose money went back, on a page and as JSON, in each currency."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from flask_prepaid.testing import Databases

from ..purchases.test_invoices import credit
from ..shop import Shop, ShopWith
from ..subscriptions.month_shop import MonthShop

REFUNDS_LATE = "4000000000007726"
REFUND_FAILS = "4000000000005126"


@pytest.fixture
def shop(shop_with: ShopWith) -> Shop:
    """A shop that serves single-page apps, too."""
    return shop_with(PREPAID_JSON_API=True, PREPAID_INVOICES=True)


def refund(shop: Shop, amount: int | None = None) -> None:
    params: Any = {"payment_intent": shop.payments()[0].payment_intent_id}
    shop.dashboard().v1.refunds.create(params | ({"amount": amount} if amount else {}))


def dispute(shop: Shop, *, outcome: str | None = None, **how: Any) -> None:
    opened = shop.stripe.dispute(shop.charges()[0].id, **how)
    if outcome is not None:
        shop.stripe.dispute(dispute=opened["id"], outcome=outcome)


def shown(shop: Shop) -> tuple[str, str]:
    """The words on the page, and the word for programs."""
    shop.stripe.deliver()
    (cell,) = re.findall(r'<td class="beside">(.*)</td>', shop.browser().get("/prepaid/billing").text)
    words = ", ".join(re.findall(r">([^<>]*\w[^<>]*)<", cell))
    (payment,) = json.loads(shop.browser().get("/prepaid/api/payments").text)["payments"]
    assert payment == json.loads(shop.browser().get("/prepaid/api/payments/1").text)["payment"]
    (line,) = json.loads(shop.command("show", "user:1", "--json").stdout)["payments"]
    (row,) = shop.read(lambda: shop.prepaid.payments("user:1"))
    assert line["state"] == payment["state"] == row.shown_state
    return words, payment["state"]


def refunded_and_disputed(amounts: list[int], **how: Any) -> Callable[[Shop], None]:
    def happens(shop: Shop) -> None:
        for amount in amounts:
            refund(shop, amount)
        if how:
            dispute(shop, **how)

    return happens


LOST: dict[str, Any] = {"outcome": "lost"}
WON: dict[str, Any] = {"outcome": "won"}
PART: dict[str, Any] = {"amount": 300}

CASES: dict[str, tuple[Callable[[Shop], None], str, str]] = {
    "nothing": (refunded_and_disputed([]), "Paid", "paid"),
    "a part": (refunded_and_disputed([200]), "Partly refunded: $2.00", "partly_refunded"),
    "in parts": (refunded_and_disputed([200, 300]), "Refunded", "refunded"),
    "disputed": (dispute, "Disputed at your bank", "disputed"),
    "inquiry": (refunded_and_disputed([], reason="inquiry"), "Paid", "paid"),
    "won": (refunded_and_disputed([], **WON), "Paid", "paid"),
    "lost": (refunded_and_disputed([], **LOST), "Given back by your bank", "dispute_lost"),
    "part disputed": (refunded_and_disputed([], **PART), "$3.00 disputed at your bank", "disputed"),
    "part lost": (
        refunded_and_disputed([], **PART, **LOST),
        "$3.00 given back by your bank",
        "dispute_lost",
    ),
    "part refunded, disputed": (
        refunded_and_disputed([100], reason="fraudulent"),
        "Disputed at your bank, $1.00 refunded",
        "disputed",
    ),
    "part refunded, part lost": (
        refunded_and_disputed([100], **PART, **LOST),
        "$3.00 given back by your bank, $1.00 refunded",
        "dispute_lost",
    ),
    "part refunded, won": (refunded_and_disputed([100], **WON), "Partly refunded: $1.00", "partly_refunded"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_became_of_the_money_is_said_alike_to_people_and_programs(shop: Shop, case: str) -> None:
    happens, words, word = CASES[case]
    shop.pay(shop.buy())

    happens(shop)

    assert shown(shop) == (words, word)


@pytest.mark.parametrize(
    ("case", "credits"),
    [
        ("nothing", "100"),
        ("a part", "60 of 100"),
        ("in parts", "0 of 100"),
        ("disputed", "0 of 100"),
        ("inquiry", "100"),
        ("won", "100"),
        ("part refunded, part lost", "20 of 100"),
        ("part refunded, won", "80 of 100"),
    ],
)
def test_credits_that_went_back_with_the_money_are_not_shown_as_there(
    shop: Shop, case: str, credits: str
) -> None:
    shop.pay(shop.buy())
    happens, *_ = CASES[case]

    happens(shop)
    shop.stripe.deliver()

    (cell,) = re.findall(r'data-label="Credits">(.*)</td>', shop.browser().get("/prepaid/billing").text)
    assert re.sub("<[^>]*>", "", cell) == credits


@pytest.mark.each_database
def test_a_part_that_is_disputed_while_a_page_is_read_is_said_on_the_next_one(shop: Shop) -> None:
    shop.pay(shop.buy())
    shop.browser().get("/prepaid/billing")
    states_read: list[str] = []

    def bank_acts(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "CASE" in statement and "prepaid_dispute" in statement and not states_read:
            states_read.append(statement)
            dispute(shop, **PART)

    engine = shop.read(lambda: shop.prepaid.engine)
    event.listen(engine, "after_cursor_execute", bank_acts)
    page = shop.browser().get("/prepaid/billing").text
    event.remove(engine, "after_cursor_execute", bank_acts)

    assert states_read
    assert '<span class="badge text-bg-success">Paid</span>' in page
    later = shop.browser().get("/prepaid/billing").text
    assert '<span class="badge text-bg-warning">$3.00 disputed at your bank</span>' in later


@pytest.mark.parametrize(
    ("pack", "amount", "words"),
    [("tokyo", 300, "Partly refunded: ¥300"), ("kuwait", 250, "Partly refunded: 0.250 KWD")],
)
def test_so_it_is_in_currencies_of_no_and_of_three_decimals(
    shop: Shop, pack: str, amount: int, words: str
) -> None:
    shop.pay(shop.buy(pack=pack))

    refund(shop, amount)

    assert shown(shop) == (words, "partly_refunded")


@pytest.mark.parametrize(
    ("card", "before", "after"),
    [
        (REFUNDS_LATE, ("Refund under way, $5.00", "refund_under_way"), ("Refunded", "refunded")),
        (REFUND_FAILS, ("Refunded", "refunded"), ("Paid, refund of $5.00 failed", "refund_failed")),
    ],
)
def test_a_refund_is_said_to_be_under_way_then_done_or_failed(
    shop: Shop, card: str, before: tuple[str, str], after: tuple[str, str]
) -> None:
    shop.stripe.pay(shop.buy(), card=card)

    refund(shop)
    assert shown(shop) == before
    shop.stripe.advance(days=30)

    assert shown(shop) == after


def test_a_refund_under_way_stands_beside_what_was_refunded_and_what_a_bank_has(shop: Shop) -> None:
    shop.stripe.pay(shop.buy(), card=REFUNDS_LATE)
    refund(shop, 100)
    assert shown(shop) == ("Refund under way, $1.00", "refund_under_way")
    shop.stripe.advance(days=30)
    refund(shop, 200)
    assert shown(shop) == ("Refund under way, $2.00, $1.00 refunded", "refund_under_way")

    dispute(shop, amount=150)

    words = "$1.50 disputed at your bank, $1.00 refunded, refund of $2.00 under way"
    assert shown(shop) == (words, "disputed")


def test_a_failed_refund_is_no_more_said_once_another_has_sent_the_money(shop: Shop) -> None:
    shop.stripe.pay(shop.buy(), card=REFUND_FAILS)
    refund(shop, 300)
    shop.stripe.advance(days=30)
    assert shown(shop) == ("Paid, refund of $3.00 failed", "refund_failed")

    refund(shop, 500)

    assert shown(shop) == ("Refunded", "refunded")


@pytest.mark.parametrize(
    ("card", "subject", "sentence"),
    [
        ("4242424242424242", "Your refund: $5.00", "Refunded: $5.00 on "),
        (REFUNDS_LATE, "Your refund: $5.00", "It is for “100 credits”, and under way."),
    ],
)
def test_the_mail_about_a_refund_says_whether_it_is_under_way(
    shop_with: ShopWith, card: str, subject: str, sentence: str
) -> None:
    mails: list[Any] = []
    shop = shop_with(
        email=lambda owner: "pat@example.com",
        mail=lambda to, subject, text: mails.append((subject, text)),
        PREPAID_BASE_URL="https://shop.example",
    )
    shop.stripe.pay(shop.buy(), card=card)
    mails.clear()

    refund(shop)
    shop.stripe.deliver()

    (text,) = [text for title, text in mails if title == subject]
    assert sentence in " ".join(text.split())
    assert ("Refund under way" in text) is (card == REFUNDS_LATE)


def test_what_a_credit_note_gave_to_the_balance_is_said_beside_it(shop: Shop) -> None:
    shop.pay(shop.buy())

    credit(shop, 250, refund_amount=150, credit_amount=100)

    assert shown(shop) == ("Partly refunded: $1.50, $1.00 given back by a credit note", "partly_refunded")


def test_a_payment_has_one_state_for_programs(shop: Shop) -> None:
    shop.buy()

    (payment,) = json.loads(shop.browser().get("/prepaid/api/payments").text)["payments"]

    assert payment["state"] == "open"
    assert "money" not in payment


BANNERS = {
    "nothing": (refunded_and_disputed([]), None),
    "disputed": (dispute, "A payment of $5.00 is disputed at your bank,"),
    "part disputed": (refunded_and_disputed([], **PART), "A payment of $3.00 is disputed at your bank,"),
    "inquiry": (refunded_and_disputed([], reason="inquiry"), None),
    "won": (refunded_and_disputed([], **WON), None),
    "lost": (refunded_and_disputed([], **LOST), None),
    "refunded, disputed": (refunded_and_disputed([500], reason="fraudulent"), None),
    "part refunded, disputed": (
        refunded_and_disputed([400], reason="fraudulent"),
        "A payment of $5.00 is disputed at your bank,",
    ),
}


@pytest.mark.parametrize("case", BANNERS)
def test_a_banner_names_what_a_bank_holds_while_it_decides(shop: Shop, case: str) -> None:
    happens, words = BANNERS[case]
    shop.pay(shop.buy())

    happens(shop)
    shop.stripe.deliver()

    shown_there = re.findall(
        r"A payment of .+? is disputed at your bank,", shop.browser().get("/prepaid/billing").text
    )
    assert shown_there == ([words] if words else [])


def test_what_a_bank_takes_of_later_months_alone_is_named_as_well(databases: Databases) -> None:
    shop = MonthShop(databases.fresh("sqlite"))
    shop.subscribe("drip")

    shop.stripe.dispute(shop.charges()[0].id, amount=1_000)
    shop.stripe.deliver()

    assert "A payment of $10.00 is disputed at your bank," in shop.browser().get("/prepaid/billing").text
    shop.close()
