"""A plan that is paid by the year and gives month by month: to the day, whatever happens in between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import select, update

from flask_prepaid import Operator, Operators, Plan, Role
from flask_prepaid.context import write_now
from flask_prepaid.errors import ConfigError
from flask_prepaid.subscriptions import prices, sync
from flask_prepaid.subscriptions.models import MonthRefund, PlanMonth, State
from flask_prepaid.testing import Databases

from .month_shop import MonthShop
from .month_years import Place, live_and_compare

#: A year with a change, refunds in part and late ticks.
SEED = 3

#: A year from the last of January: each month begins on its 31st, or on the last day that it has.
BEGINS = [
    *("2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31", "2025-06-30"),
    *("2025-07-31", "2025-08-31", "2025-09-30", "2025-10-31", "2025-11-30", "2025-12-31"),
]


@pytest.fixture
def shop(databases: Databases, kind: str) -> Iterator[MonthShop]:
    shop = MonthShop(databases.fresh(kind))
    yield shop
    shop.close()


def test_a_year_gives_its_months_to_the_day_and_each_once(shop: MonthShop) -> None:
    shop.subscribe("drip")
    assert (shop.balance(), shop.payments()[0].credits) == (100, 1_200)
    shop.spend(80)

    for day in BEGINS[1:]:
        shop.go_to(f"{day}T11:59:59")
        assert shop.came()[-1][0] < day
        shop.go_to(f"{day}T12:00:00", ticks=2)
        assert shop.came()[-1] == (day, 100)

    assert shop.came() == [(day, 100) for day in BEGINS]
    assert shop.balance() == 130
    shop.go_to("2026-01-31T14:00:00")
    shop.go_to("2026-02-28T12:00:00")
    assert shop.came()[12:] == [("2026-01-31", 100), ("2026-02-28", 100)]
    assert len(shop.invoices()) == 2


def credits_of(page: str) -> list[str]:
    """The credits in the table of a page."""
    return [re.sub("<[^>]*>", "", cell) for cell in re.findall(r'data-label="Credits">(.*?)</td>', page)]


def test_a_year_says_what_came_and_not_what_is_to_come(shop: MonthShop) -> None:
    session = shop.choose("drip")
    shop.stripe.pay(session)
    begun = shop.browser().get("/prepaid/plan", query_string={"session_id": session})
    shop.stripe.deliver()
    (bill,) = shop.invoices()

    assert "You are on Drip: 100 credits added, $120.00 paid" in begun.text
    for path in ("plan", "cards"):
        assert (
            "Paid: $120.00, 100 credits added." in shop.browser().get(f"/prepaid/{path}?tried={bill.id}").text
        )
    shop.go_to("2025-02-28T12:00:00")
    assert "200 credits added." in shop.browser().get(f"/prepaid/plan?tried={bill.id}").text
    assert credits_of(shop.page()) == ["+200"]
    assert credits_of(shop.browser().get("/prepaid/billing").text) == ["200"]
    shop.refund(10_500)  # ten months, and half of the second one's
    assert credits_of(shop.browser().get("/prepaid/billing").text) == ["150 of 200"]
    shop.refund(1_500)
    assert credits_of(shop.browser().get("/prepaid/billing").text) == ["70 of 200"], "those have lapsed"


def test_an_operator_reads_until_when_each_month_is_paid_and_how_long_its_grace_lasts(
    databases: Databases,
    kind: str,
) -> None:
    operators = Operators(current=lambda: Operator("olga", Role.ADMIN))
    with closing(MonthShop(databases.fresh(kind), operators=operators)) as shop:
        shop.subscribe("drip")
        first = paid_and_grace(shop)
        shop.go_to("2025-02-28T12:00:00")
        second = paid_and_grace(shop)

    assert first == [("2025-02-28", "2025-03-03")]
    assert second == [("2025-03-31", "2025-04-03")]


def paid_and_grace(shop: MonthShop) -> list[tuple[str, str]]:
    """The days until which lots are paid, and their graces last, on the operator's page of the customer."""
    page = shop.browser().get("/prepaid/admin/customers/user:1").text
    day = r'<time datetime="([\d-]+)[^>]*>'
    return re.findall(f"paid until {day}.+?</time>, then grace until {day}", page)


def test_random_years_give_what_a_model_says_that_is_written_apart(databases: Databases) -> None:
    """A sample of ``./dev campaign drip``."""
    with closing(Place(databases)) as place:
        live_and_compare(place, SEED, days=250)


def test_a_tick_that_comes_late_gives_every_month_that_has_begun_once(shop: MonthShop) -> None:
    shop.subscribe("drip")
    shop.go_to("2025-04-30T12:00:00", ticks=3)

    assert [credits for _, credits in shop.came()] == [100] * 4
    assert shop.balance() == 300  # those of the months that are over by now last for the grace
    shop.go_to("2025-05-04T12:00:00")
    assert shop.balance() == 100


def test_the_rest_of_a_year_is_refunded_by_the_months_that_have_not_come(shop: MonthShop) -> None:
    shop.subscribe("drip")
    shop.go_to("2025-05-31T12:00:00")
    before = shop.balance()

    shop.refund(7_000)
    assert (shop.balance(), shop.owes()) == (before, 0)
    shop.go_to("2025-08-31T12:00:00")
    assert len(shop.came()) == 5

    shop.refund(5_000)
    assert shop.owes() == 0  # nothing was spent
    assert shop.balance() == 0


def test_a_refund_in_part_takes_a_part_of_the_last_month_and_comes_back_if_it_fails(
    shop: MonthShop,
) -> None:
    shop.subscribe("drip", card="4000000000005126")  # a refund fails at the bank later
    shop.spend(100)
    shop.refund(11_550)
    assert shop.owes() == 55

    shop.go_to("2025-02-28T12:00:00", ticks=2)

    assert shop.payments()[0].refunded_minor == 0
    assert (shop.owes(), shop.balance()) == (0, 100)
    shop.go_to("2025-03-31T12:00:00")
    assert [credits for _, credits in shop.came()] == [100] * 3


def test_a_plan_that_gives_at_once_is_refunded_without_a_word_of_anybodys_months(shop: MonthShop) -> None:
    shop.subscribe("drip")
    shop.subscribe("small", owner="user:2")

    shop.refund(500, owner="user:2")

    assert (shop.balance("user:2"), shop.balance()) == (50, 100)
    assert shop.read(lambda: shop.prepaid.session.scalars(select(MonthRefund)).all()) == []


def test_half_of_a_month_is_half_of_its_credits(shop: MonthShop) -> None:
    shop.subscribe("drip")
    shop.refund(10_350)  # ten months, and 35 of the second one's 100

    shop.go_to("2025-02-28T12:00:00")
    shop.go_to("2025-03-31T12:00:00")

    assert shop.came() == [("2025-01-31", 100), ("2025-02-28", 100)]
    assert shop.balance() == 65 + 30  # which had moved up from the first month


def test_an_upgrade_gives_the_rest_of_the_month_and_then_more_each_month(shop: MonthShop) -> None:
    shop.subscribe("drip")
    shop.go_to("2025-02-14T12:00:00")  # half of the month of 28 days
    since = shop.change("more")

    assert shop.came()[1:] == [("2025-02-14", 100)]
    assert shop.balance() == 200  # what comes once waits until a whole period is paid
    shop.go_to("2025-02-28T12:00:00", ticks=2)
    assert shop.balance() == 300  # none of the smaller plan's 30 moves up
    shop.go_to("2025-03-31T12:00:00")
    assert shop.came()[2:] == [
        ("2025-02-28", 100),
        ("2025-02-28", 200),
        ("2025-03-31", 100),
        ("2025-03-31", 200),
    ]
    assert int(since) > 0


def change_by_hand(shop: MonthShop, plan: str, **terms: int) -> None:
    """Somebody changes the plan in Stripe's dashboard, and its difference is invoiced at once."""
    at_stripe = shop.v1.subscriptions.retrieve(shop.stripe_id())
    price = shop.read(lambda: prices.ensure(shop.prepaid, shop.prepaid.catalog.plans[plan]).id)
    item: Any = {"id": at_stripe["items"].data[0].id, "price": price, **terms}
    change: Any = {"items": [item], "proration_behavior": "always_invoice"}
    shop.v1.subscriptions.update(at_stripe.id, change)


def test_a_smaller_plan_by_hand_cuts_each_month_to_come(shop: MonthShop) -> None:
    shop.subscribe("more")
    shop.go_to("2025-02-14T12:00:00")
    change_by_hand(shop, "drip")
    shop.stripe.deliver()

    assert shop.balance() == 250  # half of the difference of 200 is gone, the 50 stay
    shop.go_to("2025-02-28T12:00:00")
    shop.go_to("2025-03-31T12:00:00")
    assert shop.came() == [("2025-01-31", 300), ("2025-02-28", 100), ("2025-03-31", 100)]


@pytest.mark.parametrize("first", ["smaller", "refund"])
def test_a_smaller_plan_and_a_refund_each_take_their_part_of_the_year(shop: MonthShop, first: str) -> None:
    """$120.00 of the $240.00 go to the balance and $60.00 to the card: a quarter of the credits is left."""
    shop.subscribe("more")
    if first == "refund":
        shop.refund(6_000)
    change_by_hand(shop, "drip")
    shop.stripe.deliver()
    if first == "smaller":
        shop.refund(6_000)

    for day in BEGINS[1:]:
        shop.go_to(f"{day}T12:00:00")

    came = sum(credits for _, credits in shop.came())
    gone = -sum(credits for kind, credits in shop.entries() if kind == "clawback")
    once = 13  # of the 50 that came once, for a quarter of the money
    assert came - (gone - once) == 900 / 3 - 1  # what months cost after it is rounded down


def test_a_refund_that_fails_after_a_smaller_plan_brings_back_what_that_has_left(shop: MonthShop) -> None:
    shop.subscribe("more", card="4000000000005126")  # a refund fails at the bank later
    shop.refund(12_500)
    change_by_hand(shop, "drip")
    shop.stripe.deliver()
    assert shop.balance() == 50 - 27  # of what came once; nothing else is left, nor to come

    for day in BEGINS[1:]:
        shop.go_to(f"{day}T12:00:00")

    assert shop.came() == [("2025-01-31", 300), *((day, 100) for day in BEGINS[1:])]
    assert shop.balance() == 50 + 30 + 100


def test_a_smaller_plan_that_is_heard_of_after_its_next_month_was_given_takes_from_each_month(
    databases: Databases, kind: str
) -> None:
    shop = MonthShop(databases.fresh(kind), webhooks=False)
    shop.subscribe("more")
    shop.go_to("2025-02-14T12:00:00")
    change_by_hand(shop, "drip")
    shop.go_to("2025-02-28T12:00:00")
    assert shop.balance() == 350

    shop.read(lambda: write_now(shop.prepaid, sync.sync(shop.prepaid, shop.stripe_id())))

    assert shop.balance() == 150  # of the first month's the rest had lapsed
    shop.go_to("2025-03-31T12:00:00")
    assert shop.came() == [("2025-01-31", 300), ("2025-02-28", 300), ("2025-03-31", 100)]
    shop.close()


@pytest.mark.parametrize("verb", ["pause", "cancel now", "cancel at the end"])
def test_what_is_paid_comes_to_its_end_whatever_becomes_of_the_plan(shop: MonthShop, verb: str) -> None:
    shop.subscribe("drip")
    if verb == "pause":
        shop.do("pause")
    else:
        shop.do("cancel", when="now" if verb == "cancel now" else "end")

    for day in BEGINS[1:]:
        shop.go_to(f"{day}T12:00:00")
    shop.go_to("2026-03-31T12:00:00")

    assert shop.came() == [(day, 100) for day in BEGINS]
    assert shop.balance() == 0


def test_a_trial_gives_its_own_and_a_quarter_begins_after_it(shop: MonthShop) -> None:
    shop.subscribe("quarter")
    assert (shop.state(), shop.balance()) == (State.TRIALING, 5)

    shop.go_to("2025-02-14T14:00:00")
    for day in ("2025-03-14", "2025-04-14"):
        shop.go_to(f"{day}T12:00:00")

    assert shop.came() == [(day, 10) for day in ("2025-02-14", "2025-03-14", "2025-04-14")]
    assert [key for key, _ in shop.entries()].count("grant") == 2  # the trial's, and those for once


def test_a_renewal_that_is_paid_late_gives_the_months_that_have_begun(shop: MonthShop) -> None:
    shop.subscribe("drip")
    for day in BEGINS[1:]:
        shop.go_to(f"{day}T12:00:00")
    customer = str(shop.read(lambda: shop.prepaid.customer_id("user:1")))
    card = shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": card.id})
    shop.go_to("2026-01-31T14:00:00")
    assert shop.state() is State.PAST_DUE
    shop.stripe.advance(days=6)

    shop.do("card", saved_card=shop.save_card())

    assert shop.came()[12:] == [("2026-02-06", 100)]
    shop.go_to("2026-02-28T12:00:00")
    assert shop.came()[13:] == [("2026-02-28", 100)]


def test_credits_for_once_come_with_the_first_payment_and_go_with_it(shop: MonthShop) -> None:
    shop.subscribe("more")
    assert shop.balance() == 350
    shop.refund(12_000)
    assert shop.balance() == 325  # six months that have not come, and half of the 50
    shop.refund(12_000)
    assert (shop.balance(), shop.owes()) == (0, 0)

    shop.do("cancel", when="now")
    shop.subscribe("more")
    assert shop.balance() == 300


def test_small_refunds_take_no_more_of_what_came_once_than_a_large_one(shop: MonthShop) -> None:
    def taken_once() -> list[int]:
        return [
            entry.credits
            for entry in shop.read(lambda: shop.prepaid.entries("user:1", limit=200))
            if entry.key.endswith(":once") and entry.key.startswith("refund:")
        ]

    shop.subscribe("more")
    for _ in range(7):
        shop.refund(500)

    assert -sum(taken_once()) == 8  # of 50, for $35.00 of $240.00: 7.3, rounded up in all
    shop.refund(24_000 - 3_500)
    assert -sum(taken_once()) == 50
    assert (shop.balance(), shop.owes()) == (0, 0)


def test_what_came_once_stays_gone_with_a_credit_note_though_a_dispute_is_won(shop: MonthShop) -> None:
    shop.subscribe("more")
    dispute = shop.stripe.dispute(shop.payments()[0].payment_intent_id)
    shop.stripe.deliver()
    note: Any = {"invoice": shop.invoices()[0].stripe_id, "amount": 24_000, "credit_amount": 24_000}
    shop.v1.credit_notes.create(note)
    shop.stripe.deliver()
    assert (shop.balance(), shop.owes()) == (0, 0)

    shop.stripe.dispute(dispute=dispute["id"], outcome="won")
    shop.stripe.deliver()

    assert (shop.balance(), shop.owes()) == (0, 0)


def test_the_audit_finds_a_month_that_is_not_in_the_wallet(shop: MonthShop) -> None:
    shop.subscribe("drip")
    shop.go_to("2025-02-28T12:00:00")

    def say(credits: int) -> None:
        second = update(PlanMonth).where(PlanMonth.number == 2).values(given=credits)
        shop.prepaid.session.execute(second)
        shop.prepaid.session.commit()

    shop.read(lambda: say(99))
    assert [problem.invariant for problem in shop.audit()] == ["I17"]
    shop.read(lambda: say(100))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"every": "week"}, "every"),
        ({"every": "month"}, "every"),
        ({"every": "month", "interval": "week", "interval_count": 8}, "every"),
        ({"every": "month", "interval": "year", "credits": 10**9}, "credits"),
        ({"once": -1}, "once"),
    ],
)
def test_a_plan_that_can_not_drip_is_refused_where_it_is_written(
    wrong: dict[str, object], named: str
) -> None:
    terms: dict[str, object] = {"credits": 100, "amount_minor": 1_000, **wrong}
    with pytest.raises(ConfigError, match=rf"\.{named} is .*"):
        Plan("drip", **terms)  # type: ignore[arg-type]
