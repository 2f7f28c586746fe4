"""Invoices that several charges have paid: each gives back its own part, and can be disputed by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from flask_prepaid import Operators
from flask_prepaid.errors import GatewayRefused, GatewayUnavailable
from flask_prepaid.operations.stripe_events import HEARD
from flask_prepaid.payments.models import Payment, Refund
from flask_prepaid.purchases.money_back import refunds
from flask_prepaid.purchases.money_back.disputes import fraud_warnings
from flask_prepaid.reports.models import Movement
from flask_prepaid.signals import fraud_warned
from flask_prepaid.testing import Databases
from flask_prepaid.web.operator.roles import Operator, Role
from prepaid_ledger.errors import KeyReused, NothingToReverse

from ..operations.test_refusals import Refusing
from ..subscriptions.plan_shop import ASKS_ALWAYS, PlanShop, words


@pytest.fixture
def shop(databases: Databases, kind: str) -> Iterator[PlanShop]:
    operators = Operators(current=lambda: Operator("finance", Role.FINANCE))
    shop = PlanShop(databases.fresh(kind), operators=operators, PREPAID_INVOICES=True)
    yield shop
    assert shop.drift() == []
    shop.close()


def customer(shop: PlanShop) -> str:
    return str(shop.read(lambda: shop.prepaid.customer_id("user:1")))


def pay_a_part(shop: PlanShop, invoice: str, amount: int, card: str = "pm_card_visa") -> str:
    """Somebody pays a part of an invoice, and an operator attaches it; the charge's PaymentIntent."""
    intent = shop.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "usd",
            "customer": customer(shop),
            "payment_method": card,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    shop.v1.invoices.attach_payment(invoice, {"payment_intent": intent.id})
    return intent.id


def month_paid_by_hand_in_part(shop: PlanShop, card: str = "pm_card_visa") -> tuple[str, str]:
    """The second month's card fails, and $4.00 are paid by hand; its invoice, and the charge."""
    shop.subscribe()
    declines = shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer(shop)})
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": declines.id})
    shop.pass_time(days=29)
    invoice = shop.invoices()[-1].stripe_id
    return invoice, pay_a_part(shop, invoice, 400, card)


def month_in_parts(shop: PlanShop) -> str:
    """The second month's card fails: $4.00 are paid by hand, and $6.00 by a new card; the first charge."""
    invoice, part = month_paid_by_hand_in_part(shop)
    shop.v1.invoices.pay(invoice, {"payment_method": "pm_card_visa"})
    shop.stripe.deliver()
    return part


def last_payment(shop: PlanShop) -> Payment:
    payment = shop.payments()[-1]
    assert isinstance(payment, Payment)
    return payment


def refund(shop: PlanShop, **how: Any) -> Refund:
    payment_id = last_payment(shop).id
    row = shop.read(lambda: refunds.refund(shop.prepaid, payment_id, reason="asked for", **how))
    shop.stripe.deliver()
    assert isinstance(row, Refund)
    return row


def refunded(shop: PlanShop) -> list[int]:
    """What each refund at Stripe has given back."""
    return sorted(each.amount for each in shop.v1.refunds.list().data)


def test_a_month_paid_in_parts_is_one_payment_and_each_charge_gives_its_part_back(shop: PlanShop) -> None:
    month_in_parts(shop)
    payment, before = last_payment(shop), shop.balance()
    assert (payment.paid_minor, payment.charged_minor, payment.credits) == (1_000, 1_000, 100)
    shop.command("sync")
    tied = select(Movement.amount_minor).where(Movement.payment_id == payment.id)
    assert sorted(shop.read(lambda: shop.prepaid.session.scalars(tied).all())) == [400, 600]

    assert refund(shop, amount_minor=700, key="a wish").amount_minor == 600
    assert refund(shop, amount_minor=700, key="a wish").amount_minor == 600
    assert (refunded(shop), before - shop.balance()) == ([100, 600], 70)
    refund(shop)

    assert (refunded(shop), before - shop.balance()) == ([100, 300, 600], 100)
    with pytest.raises(NothingToReverse, match="Nothing of payment"):
        refund(shop)


def test_of_a_month_paid_in_parts_a_bank_takes_one_and_the_other_can_be_refunded(shop: PlanShop) -> None:
    part = month_in_parts(shop)
    before = shop.balance()

    dispute = shop.stripe.dispute(part)
    shop.stripe.deliver()
    assert before - shop.balance() == 40
    refund(shop)

    assert (refunded(shop), before - shop.balance()) == ([600], 100)
    with pytest.raises(NothingToReverse, match="Nothing of payment"):
        refund(shop)
    shop.stripe.dispute(dispute=dispute["id"], outcome="won")
    shop.stripe.deliver()
    assert before - shop.balance() == 60


def warnings(shop: PlanShop) -> int:
    """How many warnings a refund still answers."""
    return int(shop.read(lambda: fraud_warnings.count(shop.prepaid.session)))


def send_refund(shop: PlanShop, amount: str) -> str:
    """Send the operator's form for the last payment; the page after it."""
    browser, page = shop.browser(), f"/prepaid/admin/payments/{last_payment(shop).id}/refund"
    sent = shop.send_form(browser, page, amount=amount, reason="asked for", attempt="of-the-form")
    shop.stripe.deliver()
    return words(browser.get(sent.location).text)


def test_of_a_month_paid_in_parts_an_operator_is_offered_what_no_bank_has_taken(shop: PlanShop) -> None:
    part = month_in_parts(shop)
    page = f"/prepaid/admin/payments/{last_payment(shop).id}"
    dispute = shop.stripe.dispute(part)
    shop.stripe.deliver()

    for path in (page, "/prepaid/admin/customers/user:1"):
        assert f'href="{page}/refund"' in shop.browser().get(path).text
    assert "$6.00 of $10.00 can be refunded" in shop.browser().get(f"{page}/refund").text
    assert "Refund of $6.00" in send_refund(shop, "6.00")

    assert refunded(shop) == [600]
    for path in (page, "/prepaid/admin/customers/user:1"):
        assert f'href="{page}/refund"' not in shop.browser().get(path).text
    shop.stripe.dispute(dispute=dispute["id"], outcome="won")
    shop.stripe.deliver()
    assert "$4.00 of $10.00 can be refunded" in shop.browser().get(f"{page}/refund").text


def test_a_refund_of_several_charges_is_told_with_its_whole_amount(shop: PlanShop) -> None:
    month_in_parts(shop)

    assert "Refund of $10.00" in send_refund(shop, "10.00")
    assert refunded(shop) == [400, 600]


def test_a_warning_of_one_charge_is_answered_though_a_bank_has_taken_another(shop: PlanShop) -> None:
    invoice, part = month_paid_by_hand_in_part(shop, "pm_card_createIssuerFraudRecord")
    shop.v1.invoices.pay(invoice, {"payment_method": "pm_card_visa"})
    shop.stripe.deliver()
    assert warnings(shop) == 1

    other = last_payment(shop).payment_intent_id
    assert other != part
    shop.stripe.dispute(other)
    shop.stripe.deliver()
    assert warnings(shop) == 1
    shop.read(lambda: refunds.refund(shop.prepaid, last_payment(shop).id, reason="a warning"))
    shop.stripe.deliver()

    assert (refunded(shop), warnings(shop)) == ([400], 0)


def suspected_part(shop: PlanShop) -> str:
    """$4.00 of the second month are paid by a charge that its bank suspects, $6.00 by another; the first."""
    invoice, part = month_paid_by_hand_in_part(shop, "pm_card_createIssuerFraudRecord")
    shop.v1.invoices.pay(invoice, {"payment_method": "pm_card_visa"})
    shop.stripe.deliver()
    return part


def test_an_operator_answers_the_warning_of_one_charge_with_its_own_money_in_one_press(
    shop: PlanShop,
) -> None:
    part, before = suspected_part(shop), shop.balance()
    browser, page = shop.browser(), f"/prepaid/admin/payments/{last_payment(shop).id}"
    shown = browser.get(page).text
    assert f"<code>{part}</code>, one of the charges of this payment" in shown
    names = ("attempt", "amount", "charge", "reason")
    fields = {name: re.findall(rf'name="{name}" value="([^"]+)"', shown)[0] for name in names}
    assert (fields["amount"], fields["charge"]) == ("4.00", part)

    sent = shop.send_form(browser, page, to=f"{page}/refund", **fields)
    shop.stripe.deliver()

    assert "Refund of $4.00" in words(browser.get(sent.location).text)
    assert (refunded(shop), before - shop.balance(), warnings(shop)) == ([400], 40, 0)
    (row,) = shop.read(lambda: shop.prepaid.session.scalars(select(Refund)).all())
    assert (row.payment_intent_id, row.amount_minor, row.taken_minor) == (part, 400, 400)
    assert "$6.00 of $10.00 can be refunded" in browser.get(f"{page}/refund").text


def test_a_suspected_charge_that_is_refunded_waits_no_more_though_nobody_hears_of_its_warning_again(
    shop: PlanShop,
) -> None:
    part = suspected_part(shop)
    shop.stripe.hear(*[each for each in HEARD if not each.startswith("radar.")])

    shop.v1.refunds.create({"payment_intent": part})
    shop.stripe.deliver()

    assert (refunded(shop), warnings(shop)) == ([400], 0)
    assert shop.drift("--fix") == []


def test_a_host_answers_the_warning_of_one_charge_by_the_name_that_it_hears(shop: PlanShop) -> None:
    heard: list[Any] = []
    with fraud_warned.connected_to(lambda sender, **news: heard.append(news)):
        part = suspected_part(shop)
    assert [(news["charge"], news["refundable"]) for news in heard] == [(part, True)]
    before = shop.balance()
    terms: dict[str, Any] = {"reason": "a warning", "key": "the warning"}
    payment, other = last_payment(shop).id, last_payment(shop).payment_intent_id

    for _ in range(2):
        shop.read(lambda: shop.prepaid.refund(payment, charge=part, **terms))
    shop.stripe.deliver()

    assert (refunded(shop), before - shop.balance()) == ([400], 40)
    with pytest.raises(KeyReused):
        shop.read(lambda: shop.prepaid.refund(payment, charge=other, **terms))
    with pytest.raises(NothingToReverse, match="pi_nobodys has brought no money of payment"):
        shop.read(lambda: shop.prepaid.refund(payment, charge="pi_nobodys", reason="a warning"))
    with pytest.raises(NothingToReverse, match=f"{other} has \\$6.00 left to refund, not \\$7.00"):
        shop.read(lambda: shop.prepaid.refund(payment, amount_minor=700, charge=other, reason="more"))


def test_each_suspected_charge_of_a_month_is_sent_back_once(databases: Databases, kind: str) -> None:
    shop = PlanShop(databases.fresh(kind), PREPAID_INVOICES=True, PREPAID_REFUND_FRAUD_WARNINGS=True)
    invoice, _part = month_paid_by_hand_in_part(shop, "pm_card_createIssuerFraudRecord")
    shop.v1.invoices.pay(invoice, {"payment_method": "pm_card_createIssuerFraudRecord"})
    shop.stripe.deliver()
    before = shop.balance()

    for _ in range(3):
        shop.tick()
        shop.stripe.deliver()

    assert (refunded(shop), before - shop.balance(), warnings(shop)) == ([400, 600], 100, 0)
    shop.close()


def test_a_part_that_is_refunded_in_the_dashboard_takes_its_credits(shop: PlanShop) -> None:
    part = month_in_parts(shop)
    before = shop.balance()

    shop.v1.refunds.create({"payment_intent": part})
    shop.stripe.deliver()

    assert (before - shop.balance(), last_payment(shop).refunded_minor) == (40, 400)


def test_after_a_part_that_stripe_refuses_the_others_are_not_sent_either(shop: PlanShop) -> None:
    month_in_parts(shop)
    before, first = shop.balance(), last_payment(shop).payment_intent_id
    shop.stripe.chaos(drop=1.0)  # nobody here hears of it
    shop.v1.refunds.create({"payment_intent": str(first)})
    shop.stripe.deliver()
    shop.stripe.chaos()

    with pytest.raises(GatewayRefused):
        refund(shop)
    shop.put_right()

    assert (refunded(shop), before - shop.balance()) == ([600], 60)
    refund(shop)
    assert (refunded(shop), before - shop.balance()) == ([400, 600], 100)


def test_a_warning_of_a_month_paid_in_parts_is_answered_again_an_hour_after_a_refusal(
    databases: Databases,
    kind: str,
) -> None:
    stripe = Refusing("refunds")
    setting: dict[str, Any] = {"PREPAID_INVOICES": True, "PREPAID_REFUND_FRAUD_WARNINGS": True}
    shop = PlanShop(databases.fresh(kind), http_client=stripe, emulator=stripe.emulator, **setting)
    invoice, _part = month_paid_by_hand_in_part(shop, "pm_card_createIssuerFraudRecord")
    shop.v1.invoices.pay(invoice, {"payment_method": "pm_card_visa"})
    shop.stripe.deliver()
    shop.tick()
    assert (refunded(shop), warnings(shop)) == ([], 0)  # it is left to a person, until it is tried again
    before = shop.balance()

    stripe.on = False
    shop.pass_time(minutes=59)
    assert refunded(shop) == []
    shop.pass_time(minutes=2)

    assert (refunded(shop), before - shop.balance(), warnings(shop)) == ([400], 40, 0)
    shop.pass_time(days=1)
    assert refunded(shop) == [400], "nobody suspects the other charge"
    shop.close()


def test_a_pack_by_invoice_is_paid_in_parts(shop: PlanShop) -> None:
    card = shop.keep_card(number=ASKS_ALWAYS)
    shop.press(card)  # and the customer never answers the bank
    invoice = last_payment(shop).invoice_id
    assert invoice is not None
    pay_a_part(shop, invoice, 200)
    shop.v1.invoices.pay(invoice, {"payment_method": "pm_card_visa"})
    shop.stripe.deliver()
    shop.put_right()

    payment = last_payment(shop)
    assert (payment.state, payment.charged_minor, shop.balance()) == ("paid", 500, 100)
    refund(shop)
    assert (refunded(shop), shop.balance()) == ([200, 300], 0)


@pytest.mark.parametrize("disputed", [False, True])
def test_a_part_that_went_back_before_its_invoice_was_paid_has_bought_nothing(
    shop: PlanShop, disputed: bool
) -> None:
    """30 of the first month have rolled over; $4.00 of the second month's $10.00 are back."""
    invoice, part = month_paid_by_hand_in_part(shop)
    if disputed:
        shop.stripe.dispute(part)
    else:
        shop.v1.refunds.create({"payment_intent": part})
    shop.stripe.deliver()

    shop.v1.invoices.pay(invoice, {"payment_method": "pm_card_visa"})
    shop.stripe.deliver()
    shop.tick()
    shop.tick()

    assert shop.balance() == 90
    assert last_payment(shop).refunded_minor == (0 if disputed else 400)


def test_a_charge_that_pays_an_invoice_once_more_is_shown_and_so_is_its_dispute(shop: PlanShop) -> None:
    """A charge that was attached to the invoice waits for its customer, while a card pays all of it."""
    invoice, _part = month_paid_by_hand_in_part(shop)
    late = shop.v1.payment_intents.create(
        {
            "amount": 600,
            "currency": "usd",
            "customer": customer(shop),
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    ).id
    shop.v1.invoices.attach_payment(invoice, {"payment_intent": late})
    shop.v1.invoices.pay(invoice, {"payment_method": "pm_card_visa"})
    shop.stripe.deliver()
    before = shop.balance()
    assert shop.drift() == []

    shop.v1.payment_intents.confirm(late)
    shop.stripe.deliver()
    (doubled,) = shop.drift("--fix")
    assert (doubled["kind"], doubled["id"], doubled["payment"]) == ("doubled", late, last_payment(shop).id)
    assert f"invoice {invoice} was paid before: refund {late}" in doubled["detail"]
    dispute = shop.stripe.dispute(late)
    shop.stripe.deliver()

    assert "1 dispute waits for evidence" in shop.command("doctor").stderr
    assert (shop.balance(), last_payment(shop).refunded_minor) == (before, 0)
    assert shop.drift() == []  # nothing is to be refunded of what a bank has
    shop.stripe.dispute(dispute=dispute["id"], outcome="won")
    assert [drift["kind"] for drift in shop.drift()] == ["doubled"]
    shop.v1.refunds.create({"payment_intent": late})
    shop.stripe.deliver()
    assert shop.balance() == before


def test_the_name_of_a_refund_keeps_of_which_charge_it_was_asked_for(shop: PlanShop) -> None:
    first, second = month_in_parts(shop), last_payment(shop).payment_intent_id
    shop.stripe.chaos(api_500=1.0)
    with pytest.raises(GatewayUnavailable):
        refund(shop, charge=first, key="a wish")
    with pytest.raises(GatewayUnavailable):
        refund(shop, amount_minor=500, key="of both")
    shop.stripe.chaos()

    for charge in (second, None):
        with pytest.raises(KeyReused):
            refund(shop, charge=charge, key="a wish")
    with pytest.raises(KeyReused):
        refund(shop, amount_minor=500, charge=second, key="of both")
    assert refund(shop, charge=first, key="a wish").payment_intent_id == first
    refund(shop, amount_minor=500, key="of both")

    assert refunded(shop) == [400, 500]
