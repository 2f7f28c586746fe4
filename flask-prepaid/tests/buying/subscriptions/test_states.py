"""Each of Stripe's states, reached by what a customer can press, with what it means and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import URL, delete

from flask_prepaid import Operator, Operators, Role
from flask_prepaid.payments.customers.models import SavedCard
from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases
from stripe_emulator import Emulator

from ..beginnings import beginning
from ..meddling import Meddling
from .plan_shop import DECLINES, PlanShop, words


def try_out(shop: PlanShop) -> None:
    shop.subscribe("trial", trial="1")


def pay(shop: PlanShop) -> None:
    shop.subscribe("small")


@beginning
def fall_behind(shop: PlanShop) -> None:
    """The card is good enough for a trial, and declined when it ends."""
    shop.subscribe("trial", card=DECLINES, trial="1")
    shop.pass_time(days=14, hours=2)


@beginning
def go_unpaid(shop: PlanShop) -> None:
    shop.stripe.dunning(end="unpaid")
    fall_behind(shop)
    shop.pass_time(days=16)


def be_declined(shop: PlanShop) -> None:
    shop.send(plan="small", saved_card=shop.keep_card(number=DECLINES))
    shop.stripe.deliver()


def never_pay(shop: PlanShop) -> None:
    be_declined(shop)
    shop.pass_time(hours=24)


def stop_for_a_while(shop: PlanShop) -> None:
    pay(shop)
    shop.do("pause")


def never_leave_a_card(shop: PlanShop) -> None:
    shop.subscribe("taste", card="", trial="1")
    shop.pass_time(days=7, hours=2)


def renew(shop: PlanShop) -> None:
    """The next period has begun, and is charged within the hour."""
    pay(shop)
    shop.pass_time(days=28, minutes=5)


def renew_for_nothing(shop: PlanShop) -> None:
    """The next period has begun while the payments are stopped."""
    pay(shop)
    shop.v1.subscriptions.update(shop.stripe_id(), {"pause_collection": {"behavior": "void"}})
    shop.pass_time(days=29)


def leave(shop: PlanShop) -> None:
    pay(shop)
    shop.do("cancel", when="now")


#: The state, how one gets there, what it means, what can be pressed.
STATES = [
    (
        State.TRIALING,
        try_out,
        "Your free trial runs until 14 February 2026. Nothing is charged before.",
        "Cancel the plan",
    ),
    (State.ACTIVE, pay, "Your plan runs, and is paid until 28 February 2026.", "Preview"),
    (
        State.PAST_DUE,
        fall_behind,
        " did not pay $20.00, so there are no new credits yet.",
        "Pay with another card",
    ),
    (State.UNPAID, go_unpaid, "Your plan gives no credits until you pay.", "Pay with another card"),
    (
        State.INCOMPLETE,
        be_declined,
        "Pay within 23 hours, or the plan does not begin.",
        "Pay with another card",
    ),
    (State.INCOMPLETE_EXPIRED, never_pay, "nothing was charged. Choose again", "Subscribe with Visa 0341"),
    (
        State.PAUSED,
        stop_for_a_while,
        "Resume it by then, and nothing is charged before that day.",
        "Resume my plan",
    ),
    (State.PAUSED, never_leave_a_card, "Add a card, then resume the plan.", "Add a card"),
    (
        State.CANCELED,
        leave,
        "Your last plan ended on 31 January 2026. Nothing more is charged.",
        "Subscribe with Visa 4242",
    ),
]


@pytest.mark.parametrize(
    ("state", "reach", "meaning", "button"), STATES, ids=[reach.__name__ for _, reach, _, _ in STATES]
)
def test_each_state_says_what_it_means_and_what_to_do(
    shop: PlanShop, state: State, reach: Callable[[PlanShop], None], meaning: str, button: str
) -> None:
    reach(shop)

    assert shop.state() is state
    page = shop.page()
    assert meaning in page
    assert f">{button}</" in page.replace("\n", "")


@pytest.mark.parametrize(
    ("reach", "sentence"),
    [
        (try_out, "$20.00 a month. Free until 14 February 2026.</p>"),
        (pay, "$10.00 a month. Paid until 28 February 2026.</p>"),
        (renew, "$10.00 a month. Runs until 31 March 2026.</p>"),
        (renew_for_nothing, "$10.00 a month. Runs until 31 March 2026.</p>"),
        (fall_behind, "$20.00 a month.</p>"),
    ],
    ids=["tries", "pays", "is to pay", "pays nothing", "owes"],
)
def test_only_a_plan_that_is_paid_is_said_to_be(
    shop: PlanShop, reach: Callable[[PlanShop], None], sentence: str
) -> None:
    reach(shop)

    assert sentence in words(shop.browser().get("/prepaid/billing").text).replace("\u00a0", " ")


def test_a_card_that_goes_while_stripe_is_asked_is_no_error(database: URL) -> None:
    """A card that is left a second time takes the place of the first, perhaps while a page is made."""
    emulator = Emulator()
    meddling = Meddling(emulator.http_client())
    shop = PlanShop(database, emulator=emulator, http_client=meddling)
    shop.subscribe("small")
    shop.keep_card()
    shop.keep_card(number="5555555555554444")
    assert "Mastercard ending in 4444" in shop.page()

    def lose_the_card() -> None:
        with shop.prepaid.engine.begin() as connection:
            connection.execute(delete(SavedCard))

    meddling.before["/create_preview"] = lose_the_card
    page = shop.page()

    assert meddling.before == {}
    assert "Your plan runs" in page
    assert "Mastercard" not in page
    shop.close()


def test_no_state_of_stripes_is_left_out() -> None:
    ours = {State.REQUESTED, State.OPEN, State.EXPIRED}

    assert {state for state, *_ in STATES} == set(State) - ours


@pytest.mark.parametrize(
    ("reach", "sentence", "label"),
    [
        (pay, "is paid until 28 February 2026", "Paid until"),
        (renew, "$10.00 is charged within the next hours", "Period ends"),
        (renew_for_nothing, "This period was not charged", "Period ends"),
    ],
)
def test_the_plans_page_and_the_operators_call_only_that_period_paid_which_is(
    databases: Databases, reach: Callable[[PlanShop], None], sentence: str, label: str
) -> None:
    operators = Operators(current=lambda: Operator("olga", Role.ADMIN))
    shop = PlanShop(databases.fresh("sqlite"), operators=operators)
    reach(shop)

    assert sentence in shop.page()
    assert f"<dt>{label}</dt>" in shop.browser().get("/prepaid/admin/plan?owner=user:1").text
    of_customer = shop.browser().get("/prepaid/admin/customers/user:1").text
    assert (">paid until" in of_customer) is (label == "Paid until")
    shop.close()
