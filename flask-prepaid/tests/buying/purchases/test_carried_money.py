"""A plan is changed in Stripe's dashboard, and what is left of the old one pays for the new one.

The old one costs $10.00 for 100 credits, the month has 28 days, and its half is $5.00 and 50 credits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from flask_prepaid import Operator, Operators, Plan, Role
from flask_prepaid.payments.models import Payment
from flask_prepaid.purchases.money_back import previews, refundable, refunds
from flask_prepaid.subscriptions import prices
from flask_prepaid.testing import Databases

from ..subscriptions.plan_shop import PLANS, PlanShop, one_line

MORE = (
    Plan("rich", credits=500, amount_minor=1_000, name="Rich"),
    Plan("richer", credits=2_000, amount_minor=1_000, name="Richer"),
    Plan("cheap", credits=400, amount_minor=800, name="Cheap"),
    Plan("double", credits=500, amount_minor=2_000, name="Double"),
    Plan("fair", credits=200, amount_minor=2_000, name="Fair"),
    Plan("welcome", credits=1_000, amount_minor=2_000, interval="year", once=100, name="Welcome"),
)


@pytest.fixture
def shop(databases: Databases, kind: str) -> Iterator[PlanShop]:
    """The customer has paid the small plan, half a month ago."""
    shop = PlanShop(databases.fresh(kind), plans=(*PLANS, *MORE))
    shop.subscribe("small")
    shop.pass_time(days=14)
    yield shop
    shop.close()


def change(shop: PlanShop, plan: str, after_quarters: int = 2) -> None:
    """In Stripe's dashboard, at once, with what is left of the month by then."""
    row = shop.row()
    assert row.period_start is not None
    assert row.period_end is not None
    since = row.period_start + (row.period_end - row.period_start) / 4 * after_quarters
    price = shop.read(lambda: prices.ensure(shop.prepaid, shop.prepaid.catalog.plans[plan]).id)
    subscription = shop.v1.subscriptions.retrieve(shop.stripe_id())
    changed: Any = {
        "items": [{"id": subscription["items"].data[0].id, "price": price}],
        "proration_behavior": "always_invoice",
        "proration_date": int(since.timestamp()),
    }
    shop.v1.subscriptions.update(subscription.id, changed)
    shop.stripe.deliver()
    shop.tick()


def refund(shop: PlanShop, amount_minor: int | None = None, *, number: int = 0) -> None:
    """Refund a payment, by default all that is left; all goes that its preview has named."""
    payment_id = shop.payments()[number].id
    minor = amount_minor or left_of(shop, payment_id)
    taken = shop.read(lambda: previews.would_take(shop.prepaid, payment_of(shop, payment_id), minor))
    before = stands(shop)

    shop.read(lambda: refunds.refund(shop.prepaid, payment_id, amount_minor=minor, reason="asked for"))
    shop.tick()

    after = stands(shop)
    assert (taken.credits, taken.debt) == (before[0] - after[0], after[1] - before[1])


def payment_of(shop: PlanShop, payment_id: int) -> Payment:
    return shop.prepaid.session.get_one(Payment, payment_id)


def left_of(shop: PlanShop, payment_id: int) -> int:
    left = shop.read(lambda: refundable.left_to_refund(shop.prepaid.session, payment_of(shop, payment_id)))
    return int(left)


def stands(shop: PlanShop) -> tuple[int, int]:
    """What the customer can spend, and what they owe."""
    wallet = shop.read(lambda: shop.prepaid.wallet("user:1"))
    return wallet.available, wallet.debt


def dispute(shop: PlanShop) -> str:
    opened = shop.stripe.dispute(shop.payments()[0].payment_intent_id)
    shop.stripe.deliver()
    shop.tick()
    return str(opened["id"])


def credit(shop: PlanShop) -> None:
    note: Any = {"invoice": shop.invoices()[0].stripe_id, "amount": 1_000, "credit_amount": 1_000}
    shop.v1.credit_notes.create(note)
    shop.stripe.deliver()
    shop.tick()


@pytest.mark.parametrize("go_back", [refund, dispute, credit])
def test_a_change_for_no_more_money_goes_with_the_payment_before(
    shop: PlanShop, go_back: Callable[[PlanShop], object]
) -> None:
    change(shop, "rich")
    assert shop.balance() == 100 + (500 - 100) // 2

    go_back(shop)

    assert shop.balance() == 0


@pytest.mark.parametrize("go_back", [refund, dispute, credit])
def test_a_payment_that_has_gone_back_pays_for_no_change(
    shop: PlanShop, go_back: Callable[[PlanShop], object]
) -> None:
    """Stripe knows of no refund when it changes a plan: it gives back what was billed."""
    go_back(shop)
    assert shop.balance() == 0

    change(shop, "rich")

    assert shop.balance() == 0


def test_a_part_that_is_refunded_is_of_the_time_that_is_over(shop: PlanShop) -> None:
    change(shop, "rich")

    refund(shop, 500)
    assert shop.balance() == 50 + 200

    refund(shop, 250)
    assert shop.balance() == 25 + 100


def test_a_dispute_that_is_won_gives_the_change_again(shop: PlanShop) -> None:
    change(shop, "rich")
    dispute_id = dispute(shop)

    shop.stripe.dispute(dispute=dispute_id, outcome="won")
    shop.stripe.deliver()
    shop.tick()

    assert shop.balance() == 300


def test_spent_credits_of_the_change_become_a_debt(shop: PlanShop) -> None:
    change(shop, "rich")
    shop.spend(250)

    refund(shop)

    assert stands(shop) == (0, 250)


def test_what_is_left_of_the_money_after_a_cheaper_change_is_in_the_balance(shop: PlanShop) -> None:
    """$4.00 of the $5.00 pay for 200 credits."""
    change(shop, "cheap")
    assert shop.balance() == 100 + (400 - 100) // 2

    refund(shop)

    assert shop.balance() == 0


def test_several_changes_in_a_row_go_one_after_the_other(shop: PlanShop) -> None:
    change(shop, "rich")
    shop.pass_time(days=7)
    change(shop, "richer", after_quarters=3)
    assert shop.balance() == 100 + 200 + (2_000 - 500) // 4

    refund(shop, 750)  # half of what paid for the first change, which has paid for the second one since
    assert shop.balance() == 25 + 100 + 375

    refund(shop)
    assert shop.balance() == 0


def test_a_change_that_costs_more_keeps_what_its_new_money_has_bought(shop: PlanShop) -> None:
    """$10.00 pay for 250 credits: $5.00 of them are of the first payment."""
    change(shop, "double")
    assert shop.balance() == 100 + 200

    refund(shop)

    assert shop.balance() == 125


def test_the_form_of_a_refund_says_what_goes_of_the_change(databases: Databases, kind: str) -> None:
    operators = Operators(current=lambda: Operator("finance", Role.FINANCE))
    with closing(PlanShop(databases.fresh(kind), plans=(*PLANS, *MORE), operators=operators)) as shop:
        shop.subscribe("small")
        shop.pass_time(days=14)
        change(shop, "rich")

        form = one_line(shop.browser().get("/prepaid/admin/payments/1/refund").text)

        assert "$10.00 takes back <strong>300 credits</strong>." in form
        assert "200 of them are from there, and go within a minute." in form
        assert shop.balance() == 300, "nothing is taken yet"


def test_a_change_at_the_same_price_for_a_credit_keeps_what_it_gave(shop: PlanShop) -> None:
    change(shop, "fair")
    assert shop.balance() == 100 + 50

    refund(shop)

    assert shop.balance() == 50


@pytest.mark.parametrize("first", [0, 1])
def test_both_payments_of_a_change_go_back_in_any_order(shop: PlanShop, first: int) -> None:
    change(shop, "double")

    refund(shop, number=first)
    refund(shop, 250, number=1 - first)
    assert shop.balance() > 0

    refund(shop, number=1 - first)
    assert shop.balance() == 0


def test_a_refund_between_two_changes_is_followed_to_the_second(shop: PlanShop) -> None:
    change(shop, "rich")
    refund(shop, 750)
    assert shop.balance() == 25 + 100

    change(shop, "richer", after_quarters=3)
    assert shop.balance() == 25 + 100 + 375

    refund(shop)
    assert shop.balance() == 0


def test_a_dispute_that_is_about_more_later_takes_more_of_the_change(shop: PlanShop) -> None:
    change(shop, "rich")
    opened = shop.stripe.dispute(shop.payments()[0].payment_intent_id, amount=750)
    shop.tick()
    assert shop.balance() == 25 + 100

    shop.stripe.dispute(dispute=opened["id"], amount=1_000)
    shop.tick()

    assert shop.balance() == 0


def test_a_change_that_is_made_smaller_again_leaves_nothing(shop: PlanShop) -> None:
    change(shop, "rich")
    change(shop, "taste", after_quarters=3)
    assert shop.balance() == 300 - 112  # a quarter of 500 - 50, rounded

    refund(shop)

    assert shop.balance() == 0


def test_a_change_that_is_billed_with_the_next_month_was_paid_by_the_month_before(shop: PlanShop) -> None:
    row = shop.row()
    price = shop.read(lambda: prices.ensure(shop.prepaid, shop.prepaid.catalog.plans["rich"]).id)
    subscription = shop.v1.subscriptions.retrieve(shop.stripe_id())
    assert row.period_start is not None
    later: Any = {
        "items": [{"id": subscription["items"].data[0].id, "price": price}],
        "proration_date": int((row.period_start + timedelta(days=14)).timestamp()),
    }
    shop.v1.subscriptions.update(subscription.id, later)
    shop.pass_time(days=15)
    assert shop.balance() == 500 + 200

    refund(shop)
    assert shop.balance() == 500

    refund(shop, number=1)
    assert shop.balance() == 0


def test_credits_for_once_go_by_their_share_with_what_was_carried_over(shop: PlanShop) -> None:
    """A year for $20.00 was paid by $5.00 of the month before, and gave 100 once."""
    change(shop, "welcome")
    changed = shop.balance()
    assert changed == 100 + (1_000 - 50) + 100

    dispute_id = dispute(shop)
    assert shop.balance() == changed - 100 - 200 - 25
    shop.stripe.dispute(dispute=dispute_id, outcome="won")
    shop.stripe.deliver()
    shop.tick()

    assert shop.balance() == changed


@pytest.mark.parametrize("first", [0, 1])
def test_credits_for_once_go_with_both_payments_of_a_change_in_any_order(shop: PlanShop, first: int) -> None:
    change(shop, "welcome")

    refund(shop, number=first)
    assert 0 < shop.balance() < 1_150
    refund(shop, number=1 - first)

    assert stands(shop) == (0, 0)


def test_what_comes_month_by_month_is_stopped_and_goes_on(databases: Databases, kind: str) -> None:
    """A year for $120.00 becomes one of four times as many credits, after half of it, for no more money."""
    plans = (
        Plan("drip", credits=100, amount_minor=12_000, interval="year", every="month", name="Drip"),
        Plan("rain", credits=400, amount_minor=12_000, interval="year", every="month", name="Rain"),
    )
    start = "2025-01-31T12:00:00"
    with closing(PlanShop(databases.fresh(kind), plans=plans, start=start)) as shop:
        shop.subscribe("drip")
        shop.pass_time(days=182, hours=12)
        change(shop, "rain")
        changed = shop.balance()
        assert 600 + 250 < changed < 600 + 300

        opened = dispute(shop)
        assert shop.balance() == 0
        shop.stripe.dispute(dispute=opened, outcome="won")
        shop.tick()
        assert shop.balance() == changed

        shop.pass_time(days=34)
        assert shop.balance() == 400  # the next month; the last one's grace is over
        refund(shop)
        assert shop.balance() == 0
        shop.pass_time(days=31)
        assert shop.balance() == 0
