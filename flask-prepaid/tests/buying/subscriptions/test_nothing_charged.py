"""Months that no charge paid, or not wholly: by a code, by balance, outside of Stripe, by credit notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from sqlalchemy import URL

from flask_prepaid.payments.models import Payment
from flask_prepaid.purchases.money_back import refundable, refunds
from flask_prepaid.subscriptions.models import State
from prepaid_ledger.errors import NothingToReverse
from prepaid_ledger.tables import Kind

from .plan_shop import PlanShop
from .years import price_of

#: A refund of its charges fails at the bank later.
FAILS_LATER = "4000000000005126"


def customer(shop: PlanShop) -> str:
    return str(shop.read(lambda: shop.prepaid.customer_id("user:1")))


def debt(shop: PlanShop) -> int:
    return int(shop.read(lambda: shop.prepaid.wallet("user:1").debt))


def subscribe_free(shop: PlanShop, plan: str = "small", **coupon: Any) -> None:
    """Type a code for all of it on Stripe's page."""
    made = shop.v1.coupons.create(cast(Any, {"percent_off": 100, "duration": "once", **coupon}))
    shop.v1.promotion_codes.create({"code": "ALL", "promotion": {"type": "coupon", "coupon": made.id}})
    session = shop.choose(plan)
    browser = shop.stripe.browser()
    assert browser.post(f"/pay/{session}/promotion", data={"promotion_code": "ALL"}).status_code < 400
    shop.stripe.pay(session)
    shop.tick()


def last_payment(shop: PlanShop) -> Payment:
    payment = shop.payments()[-1]
    assert isinstance(payment, Payment)
    return payment


def credit(shop: PlanShop, amount: int, **way: Any) -> str:
    """A credit note of the last invoice, in Stripe's dashboard."""
    params: Any = {"invoice": shop.invoices()[-1].stripe_id, "amount": amount, **way}
    note = shop.v1.credit_notes.create(params)
    shop.stripe.deliver()
    return note.id


@pytest.fixture
def fair(database: URL) -> Iterator[PlanShop]:
    shop = PlanShop(database, PREPAID_PROMOTION_CODES=True)
    yield shop
    assert shop.drift() == []
    shop.close()


@pytest.mark.parametrize("plan", ["small", "seats"])
def test_a_month_that_a_code_makes_free_gives_its_credits(fair: PlanShop, plan: str) -> None:
    subscribe_free(fair, plan)

    assert (fair.state(), fair.balance()) == (State.ACTIVE, {"small": 100, "seats": 10}[plan])
    assert (last_payment(fair).paid_minor, last_payment(fair).charged_minor) == (0, 0)

    fair.pass_time(days=30)
    assert [invoice.total_minor for invoice in fair.invoices()][1:] == [{"small": 1_000, "seats": 150}[plan]]


def test_a_code_for_ever_gives_them_each_month(fair: PlanShop) -> None:
    subscribe_free(fair, duration="forever")
    fair.spend(60)
    fair.pass_time(days=30)

    assert [credits for _, credits in fair.given()] == [100, 30, 100]  # 30 of the 40 left roll over
    assert fair.charges() == []


def test_a_trial_gives_nothing_of_the_plan_with_a_code_either(fair: PlanShop) -> None:
    subscribe_free(fair, "trial")

    assert (fair.state(), fair.entries()) == (State.TRIALING, [("grant", 20)])


@pytest.mark.parametrize("duration", ["once", "forever"])
def test_an_upgrade_in_a_free_month_adds_the_difference(fair: PlanShop, duration: str) -> None:
    subscribe_free(fair, duration=duration)
    fair.pass_time(days=14)

    since = fair.change("large")

    assert fair.balance() == 100 + fair.share(500 - 100, since)


@pytest.mark.parametrize("behavior", ["always_invoice", "create_prorations"])
def test_an_upgrade_by_the_dashboard_in_a_free_month_adds_the_difference(
    fair: PlanShop, behavior: str
) -> None:
    subscribe_free(fair, duration="forever")
    fair.pass_time(days=14)
    item = fair.v1.subscriptions.retrieve(fair.stripe_id())["items"].data[0]
    since, large = fair.stripe.now(), price_of(fair, "large")
    wanted: Any = {"items": [{"id": item.id, "price": large}], "proration_behavior": behavior}
    wanted["proration_date"] = since

    fair.v1.subscriptions.update(fair.stripe_id(), wanted)
    fair.stripe.deliver()

    difference = fair.share(500 - 100, str(since))
    assert fair.balance() == 100 + (difference if behavior == "always_invoice" else 0)
    fair.pass_time(days=17)
    assert fair.balance() == 500 + (0 if behavior == "always_invoice" else difference)
    assert fair.charges() == []


@pytest.mark.parametrize(("is_free", "paid_minor"), [(False, 0), (True, 675)])
@pytest.mark.parametrize("spent", [0, 450])
def test_a_smaller_plan_that_is_billed_with_the_next_month_takes_of_the_month_before(
    fair: PlanShop, is_free: bool, paid_minor: int, spent: int
) -> None:
    """The new month is paid for, whether the one before was free or is given back in money."""
    fair.choose("seats", "user:2")  # which makes its price at Stripe
    small = fair.row("user:2").price_id
    if is_free:
        subscribe_free(fair, "large")
    else:
        fair.subscribe("large")
    if spent:
        fair.spend(spent)
    fair.pass_time(days=14)
    item = fair.v1.subscriptions.retrieve(fair.stripe_id())["items"].data[0].id
    wanted: Any = {"items": [{"id": item, "price": small, "quantity": 3}]}
    wanted |= {"proration_behavior": "create_prorations", "proration_date": fair.stripe.now()}
    taken = fair.share(500 - 30, str(wanted["proration_date"]))
    fair.v1.subscriptions.update(fair.stripe_id(), wanted)

    fair.pass_time(days=14, hours=2)

    assert 234 <= taken <= 235
    kept, owed = (30, 0) if not spent else (0, spent - (500 - taken) - 30)
    assert (fair.invoices()[-1].credits, last_payment(fair).paid_minor) == (30 - taken, paid_minor)
    assert (fair.balance(), debt(fair)) == (kept, owed)
    fair.pass_time(days=31)
    assert (fair.balance(), debt(fair)) == (kept, owed and owed - 30)  # it takes the place of that month


def test_a_month_that_the_balance_pays_gives_its_credits_and_nothing_to_refund(shop: PlanShop) -> None:
    shop.subscribe()
    shop.v1.customers.update(customer(shop), {"balance": -5_000})
    shop.pass_time(days=29)

    assert shop.given()[-1] == (f"invoice:{shop.invoices()[-1].id}", 100)
    payment = last_payment(shop)
    assert (payment.amount_minor, payment.paid_minor, payment.charged_minor) == (1_000, 0, 0)
    with pytest.raises(NothingToReverse, match="was not charged at Stripe"):
        shop.read(lambda: refunds.refund(shop.prepaid, payment.id, reason="asked for"))


def test_of_a_month_that_the_balance_pays_in_part_the_charge_can_be_refunded(shop: PlanShop) -> None:
    shop.subscribe()
    shop.v1.customers.update(customer(shop), {"balance": -400})
    shop.pass_time(days=29)
    payment = last_payment(shop)
    assert (payment.amount_minor, payment.charged_minor) == (1_000, 600)
    before = shop.balance()

    shop.read(lambda: refunds.refund(shop.prepaid, payment.id, reason="asked for"))
    shop.stripe.deliver()

    assert before - shop.balance() == 60


def test_a_month_paid_outside_of_stripe_gives_its_credits_and_offers_no_refund(shop: PlanShop) -> None:
    shop.subscribe()
    invoice = lapse_payment(shop)
    shop.v1.invoices.pay(invoice, {"paid_out_of_band": True})
    shop.stripe.deliver()

    payment = last_payment(shop)
    assert (payment.paid_minor, payment.charged_minor, payment.payment_intent_id) == (1_000, 0, None)
    assert shop.read(lambda: refundable.left_to_refund(shop.prepaid.session, shop.payments()[-1])) == 0
    with pytest.raises(NothingToReverse, match="outside of Stripe"):
        shop.read(lambda: refunds.refund(shop.prepaid, payment.id, reason="asked for"))


def lapse_payment(shop: PlanShop) -> str:
    """The next month's card is refused; the invoice that waits."""
    declines = shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer(shop)})
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": declines.id})
    shop.pass_time(days=29)
    assert shop.state() is State.PAST_DUE
    return shop.invoices()[-1].stripe_id


def test_a_credit_note_to_the_balance_takes_its_credits(shop: PlanShop) -> None:
    shop.subscribe()

    credit(shop, 400, credit_amount=400)

    assert shop.balance() == 60
    assert shop.drift() == []


def test_a_credit_note_that_refunds_takes_them_once(shop: PlanShop) -> None:
    shop.subscribe()

    credit(shop, 400, refund_amount=300, credit_amount=100)

    assert shop.balance() == 60
    assert last_payment(shop).refunded_minor == 300


def test_a_credit_note_before_the_payment_buys_less(shop: PlanShop) -> None:
    shop.subscribe()
    invoice = lapse_payment(shop)
    before = shop.balance()

    credit(shop, 250)
    shop.v1.invoices.pay(invoice, {"payment_method": "pm_card_visa"})
    shop.stripe.deliver()

    assert shop.given()[-1] == (f"invoice:{shop.invoices()[-1].id}", 75)
    assert last_payment(shop).charged_minor == 750
    assert before <= 100


def test_a_smaller_plan_and_a_refund_of_one_month_take_no_more_than_it_gave(shop: PlanShop) -> None:
    shop.subscribe("large")
    shop.spend(500)
    shop.choose("small", "user:2")  # which makes the smaller plan's price at Stripe
    small = shop.row("user:2").price_id
    shop.pass_time(days=14)
    item = shop.v1.subscriptions.retrieve(shop.stripe_id())["items"].data[0].id
    shop.v1.subscriptions.update(
        shop.stripe_id(), {"items": [{"id": item, "price": small}], "proration_behavior": "always_invoice"}
    )
    shop.stripe.deliver()
    taken = debt(shop)
    assert 0 < taken < 500

    shop.read(lambda: refunds.refund(shop.prepaid, shop.payments()[0].id, reason="asked for"))
    shop.stripe.deliver()

    assert (shop.balance(), debt(shop)) == (0, 500)


def test_a_smaller_plan_between_a_refund_and_its_failure_takes_its_part_in_the_end(shop: PlanShop) -> None:
    shop.subscribe("large", card=FAILS_LATER)
    shop.choose("small", "user:2")  # which makes the smaller plan's price at Stripe
    small = shop.row("user:2").price_id
    shop.pass_time(days=14)
    shop.read(lambda: refunds.refund(shop.prepaid, shop.payments()[0].id, reason="asked for"))
    assert shop.balance() == 0
    item = shop.v1.subscriptions.retrieve(shop.stripe_id())["items"].data[0].id

    shop.v1.subscriptions.update(
        shop.stripe_id(), {"items": [{"id": item, "price": small}], "proration_behavior": "always_invoice"}
    )
    shop.stripe.deliver()
    shop.pass_time(minutes=5)

    assert [refund.status for refund in shop.v1.refunds.list().data] == ["failed"]
    assert shop.balance() in (300, 301)


def test_a_smaller_plan_takes_nothing_for_a_month_that_was_not_paid(shop: PlanShop) -> None:
    shop.subscribe("large")
    shop.spend(500)
    shop.choose("small", "user:2")  # which makes the smaller plan's price at Stripe
    small = shop.row("user:2").price_id
    declined = shop.save_card("pm_card_chargeCustomerFail")
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": declined})
    shop.pass_time(days=29)
    assert shop.state() is State.PAST_DUE
    item = shop.v1.subscriptions.retrieve(shop.stripe_id())["items"].data[0].id

    shop.v1.subscriptions.update(
        shop.stripe_id(), {"items": [{"id": item, "price": small}], "proration_behavior": "always_invoice"}
    )
    shop.stripe.deliver()

    assert (shop.balance(), debt(shop)) == (0, 0)


def test_a_smaller_plan_takes_of_the_upgrade_and_of_the_month_before_it(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.choose("seats", "user:2")
    shop.pass_time(days=2)
    since = shop.change("large")
    given = 100 + shop.share(400, since)
    item = shop.v1.subscriptions.retrieve(shop.stripe_id())["items"].data[0].id
    shop.v1.subscriptions.update(
        shop.stripe_id(),
        {
            "items": [{"id": item, "price": shop.row("user:2").price_id}],
            "proration_behavior": "always_invoice",
            "proration_date": int(since),
        },
    )
    shop.stripe.deliver()

    assert shop.balance() == given - shop.share(490, since)


@pytest.mark.each_database  # what sums up to the lots is no int on PostgreSQL
def test_a_smaller_plan_takes_of_the_month_what_a_refunded_upgrade_has_no_more(shop: PlanShop) -> None:
    shop.subscribe("small", card=FAILS_LATER)
    shop.choose("seats", "user:2")
    shop.pass_time(days=10)
    since = shop.change("large")
    upgrade = shop.share(400, since)
    shop.read(lambda: refunds.refund(shop.prepaid, shop.payments()[-1].id, reason="asked for"))
    assert shop.balance() == 100
    item = shop.v1.subscriptions.retrieve(shop.stripe_id())["items"].data[0].id

    shop.v1.subscriptions.update(
        shop.stripe_id(),
        {
            "items": [{"id": item, "price": shop.row("user:2").price_id}],
            "proration_behavior": "always_invoice",
            "proration_date": int(since),
        },
    )
    shop.stripe.deliver()
    assert (shop.balance(), debt(shop), shop.invoices()[-1].credits) == (0, 0, -100)

    shop.pass_time(minutes=5)
    assert [refund.status for refund in shop.v1.refunds.list().data] == ["failed"]
    assert shop.balance() == upgrade  # the month has made up for it


def test_a_plan_of_another_customers_gives_the_one_that_it_names_nothing(shop: PlanShop) -> None:
    shop.choose("small")
    other = shop.v1.customers.create({"payment_method": "pm_card_visa"}).id
    price = shop.row().price_id
    made = shop.v1.subscriptions.create(
        {
            "customer": other,
            "items": [{"price": price}],
            "default_payment_method": shop.v1.payment_methods.list({"customer": other}).data[0].id,
            "metadata": {"prepaid_subscription": shop.row().idempotency_key},
        }
    )
    shop.stripe.deliver()

    assert (shop.state(), shop.balance()) == (State.OPEN, 0)
    assert [difference["id"] for difference in shop.drift()] == [made.id]
    shop.v1.subscriptions.cancel(made.id)
    assert shop.drift() == []


def test_what_a_month_gave_is_an_allowance_also_where_it_was_free(fair: PlanShop) -> None:
    subscribe_free(fair)

    assert fair.entries() == [(Kind.ALLOWANCE, 100)]
