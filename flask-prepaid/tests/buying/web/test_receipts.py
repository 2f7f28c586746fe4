"""A receipt by mail for each payment and each refund, once, with what its reader looks for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from flask_prepaid import Pack, Plan, signals
from flask_prepaid.purchases.auto_topup import topups
from flask_prepaid.purchases.money_back import refunds
from flask_prepaid.web.mailing import mails

from ..purchases.test_companies import bill_to, collect_vat
from ..subscriptions.plan_shop import PLANS, PlanShop
from .conftest import Mail

GIFT = (Pack("gift", credits=5, amount_minor=0),)
VISA_OF_A_FAILING_REFUND = "4000000000005126"


def rows_of(mail: Mail) -> dict[str, str]:
    """The lines of a mail that have a label, by it."""
    return dict(line.split(": ", 1) for line in mail[2].splitlines() if ": " in line and "http" not in line)


def top_up(shop: PlanShop) -> None:
    shop.read(
        lambda: topups.switch_on(shop.prepaid, "user:1", pack="starter", threshold=500, ceiling_minor=5_000)
    )
    shop.tick()


def test_each_way_to_pay_has_one_receipt_however_often_it_is_heard_of(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = opened()

    session = shop.buy()
    shop.pay(session)
    shop.come_back(session)
    shop.come_back(session)
    for type_ in ("checkout.session.completed", "payment_intent.succeeded", "charge.succeeded"):
        shop.stripe.deliver(type_, times=2)
    shop.put_right()
    assert [subject for _, subject, _ in sent] == ["Your receipt: 100 credits"]
    assert rows_of(sent[0]) == {
        "Payment number": "1",
        "Date": "31 January 2026, 12:00 (UTC)",
        "Bought": "100 credits",
        "Total": "$5.00",
        "Card": "Visa ending in 4242",
    }
    assert "See the receipt: http" in sent[0][2]
    assert "All your payments: https://shop.example/prepaid/billing" in sent[0][2]
    sent.clear()

    card = shop.keep_card()
    shop.press(card)
    shop.put_right()
    assert [rows_of(mail)["Card"] for mail in sent] == ["Visa ending in 4242"]
    sent.clear()

    shop.read(lambda: shop.prepaid.spend_now("user:1", credits=1, key="work:1"))
    top_up(shop)
    shop.put_right()
    assert [subject.split()[-2:] for _, subject, _ in sent] == [["were", "added"]], "one mail, no other one"
    assert rows_of(sent[0])["Payment number"] == "3"
    assert "Your credits were low" in sent[0][2]
    sent.clear()

    shop.subscribe("small")
    shop.put_right()
    assert [subject for _, subject, _ in sent] == ["Your receipt: Small plan"]
    assert rows_of(sent[0])["Total"] == "$10.00"
    assert rows_of(sent[0])["Card"] == "Visa ending in 4242"
    assert "See the invoice: http" in sent[0][2]
    assert shop.payments()[-1].last4 == "4242", "the page of billing has it, too"
    sent.clear()

    shop.pass_time(days=29)
    shop.stripe.deliver("invoice.paid", times=2)
    shop.put_right()
    assert [subject for _, subject, _ in sent].count("Your receipt: Small plan") == 1
    assert {row.name for row in shop.read(lambda: shop.prepaid.mails("user:1"))} >= {"receipt", "topup_done"}
    shop.close()


def test_a_refund_has_one_receipt_and_is_told_of_where_the_bank_did_not_take_it(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = opened(PREPAID_SUPPORT_EMAIL="help@shop.example")
    shop.stripe.pay(shop.buy(), VISA_OF_A_FAILING_REFUND)
    sent.clear()

    shop.read(lambda: refunds.refund(shop.prepaid, 1, amount_minor=200, reason="asked for"))
    shop.stripe.deliver("refund.created", times=2)
    shop.tick()
    ((_, subject, text),) = sent
    assert subject == "Your refund: $2.00"
    assert rows_of(sent[0])["Refunded"] == "$2.00 on 31 January 2026, 12:00 (UTC)"
    assert "on the way to your card" in text
    assert "The credits that this money bought are taken back." in text
    assert "Questions? Write to help@shop.example" in text
    sent.clear()

    shop.stripe.advance(days=30)
    shop.stripe.deliver("refund.failed", times=2)
    shop.put_right()
    assert [subject for _, subject, _ in sent] == ["Your refund did not arrive"]
    assert shop.balance() == 100
    shop.close()


def test_a_receipt_of_an_invoice_has_its_number_and_the_tax_or_why_there_is_none(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = opened(PREPAID_INVOICES=True, PREPAID_AUTOMATIC_TAX=True)
    collect_vat(shop)
    bill_to(shop, company="", tax_id="")
    card = shop.keep_card()
    shop.press(card)
    bill_to(shop)
    shop.press(card)
    shop.stripe.deliver()

    consumer, company = (rows_of(mail) for mail in sent)
    assert (consumer["Total"], consumer["Tax in it"]) == ("$5.95", "$0.95")
    assert (company["Total"], company["Tax"]) == ("$5.00", "reverse charge")
    assert [consumer["Invoice number"], company["Invoice number"]] == [
        row.invoice_number for row in shop.payments()
    ]
    assert "Your invoice: https://shop.example/prepaid/invoice/1" in sent[0][2]
    shop.close()


def test_a_receipt_of_checkout_has_the_number_of_its_invoice_and_the_times_of_its_reader(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = opened(PREPAID_INVOICES=True, PREPAID_TIME_ZONE="Europe/Berlin")
    shop.pay(shop.buy())
    with shop.app.app_context():
        shop.prepaid.set_budget("user:1", 500, every="month", zone="America/New_York")
        shop.prepaid.session.commit()
    shop.pay(shop.buy())

    berlin, new_york = (rows_of(mail) for mail in sent)
    assert berlin["Date"] == "31 January 2026, 13:00 (Europe/Berlin)"
    assert new_york["Date"] == "31 January 2026, 07:00 (America/New_York)"
    numbers = [invoice.number for invoice in shop.dashboard().v1.invoices.list().data]
    assert [new_york["Invoice number"], berlin["Invoice number"]] == numbers
    shop.close()


def test_what_costs_nothing_has_a_receipt_without_a_card(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = opened(packs=GIFT)
    shop.pay(shop.buy(pack="gift"))

    ((_, _, text),) = sent
    assert "Total: $0.00" in text
    assert "Card" not in text
    shop.close()


def test_a_dearer_plan_of_as_many_credits_has_its_receipt_and_its_money_can_go_back(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    small, dear = PLANS[0], Plan("dear", credits=100, amount_minor=3_000, name="Dear")
    shop = opened(plans=(small, dear))
    shop.subscribe("small")
    shop.stripe.advance(days=14)
    sent.clear()
    shop.change("dear")

    assert [subject for _, subject, _ in sent] == ["Your receipt: Dear plan"]
    assert (rows_of(sent[0])["Credits"], rows_of(sent[0])["Total"]) == ("0", "$10.00")
    assert "Card" in rows_of(sent[0])
    (_month, difference) = shop.payments()
    assert (difference.credits, difference.charged_minor) == (0, 1_000)
    assert "$10.00" in shop.browser().get("/prepaid/billing").text

    result = shop.browser().get(f"/prepaid/return?payment={difference.id}").text
    assert ">Your plan “Dear” is paid</h1>" in result
    assert re.search(r"\b0 credits|credits=0", result) is None

    sent.clear()
    taken: list[Any] = []
    with signals.clawed_back.connected_to(lambda sender, **news: taken.append(news)):
        shop.read(lambda: shop.prepaid.refund(difference.id, amount_minor=400, reason="asked for"))
        shop.stripe.deliver()
    assert ([subject for _, subject, _ in sent], taken) == (["Your refund: $4.00"], [])
    assert "taken back" not in sent[0][2]
    assert shop.payments()[1].refunded_minor == 400
    dispute = shop.stripe.dispute(difference.payment_intent_id)
    shop.stripe.dispute(dispute=dispute["id"], outcome="won")
    assert shop.balance() == 100
    assert shop.command("sync").exit_code == 0
    (total,) = json.loads(shop.command("report", "sales", "--json").stdout)["totals"]
    assert (total["gross_minor"], total["refunds_minor"]) == (2_000, 400)
    assert shop.drift() == []
    assert shop.audit() == []
    shop.close()


@pytest.mark.parametrize(("days", "sends"), [(2, True), (4, False)])
def test_what_was_paid_days_ago_has_its_day_on_the_receipt_and_none_is_sent_after_three(
    opened: Callable[..., PlanShop], sent: list[Mail], days: int, sends: bool
) -> None:
    """As in books from a backup: they hear once more of what was paid and refunded since."""
    shop = opened(webhooks=False)
    session = shop.buy()
    shop.stripe.pay(session)
    (intent,) = shop.v1.payment_intents.list().data
    shop.v1.refunds.create({"payment_intent": intent.id, "amount": 200})
    shop.stripe.pay(shop.choose("small", "user:2"))

    shop.stripe.advance(days=days)
    shop.tick()
    assert shop.command("reconcile", "--fix").exit_code == 0

    assert (shop.balance(), shop.balance("user:2")) == (60, 100)
    paid_at = shop.payments()[0].paid_at
    assert paid_at is not None
    assert (paid_at.month, paid_at.day, paid_at.hour) == (1, 31, 12)
    log = [row for n in (1, 2) for row in shop.read(partial(shop.prepaid.mails, f"user:{n}"))]
    assert sorted(row.name for row in log) == ["receipt", "receipt", "refund_sent"]
    assert {row.error for row in log} == ({""} if sends else {"older than 3 days"})
    assert len(sent) == (3 if sends else 0)
    assert all("31 January 2026, 12:0" in text for _, _, text in sent)
    shop.close()


def test_where_stripe_writes_receipts_the_shop_writes_none_and_top_ups_are_told_as_ever(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = opened(PREPAID_RECEIPTS=False)
    shop.pay(shop.buy())
    assert sent == []
    shop.keep_card()
    shop.read(lambda: shop.prepaid.spend_now("user:1", credits=1, key="work:1"))
    top_up(shop)
    shop.read(lambda: refunds.refund(shop.prepaid, 1, amount_minor=200, reason="asked for"))

    assert [subject.split()[-2:] for _, subject, _ in sent] == [["were", "added"]]
    shop.close()


def test_a_receipt_of_a_plan_goes_out_without_its_card_while_stripe_is_away(
    opened: Callable[..., PlanShop], sent: list[Mail]
) -> None:
    shop = opened()
    shop.subscribe("small")
    shop.change_payments(last4=None)
    shop.stripe.chaos(api_500=1)
    values = {"owner": "user:1", "payment_id": 1}
    shop.read(lambda: mails.write(shop.prepaid, "payment-paid", "user:1", values, shop.now()))

    assert "Card" not in rows_of(sent[-1])
    assert rows_of(sent[-1])["Total"] == "$10.00"
    shop.stripe.chaos()
    shop.close()
