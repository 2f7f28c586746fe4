"""Answers that get lost, and two browsers at once: a plan begins once, and is known in the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from flask_prepaid.subscriptions.models import ENDED, State, Subscription

from .shop import PlanShop


def known(shop: PlanShop) -> str:
    """A card on file of a customer whose plan has ended, in a shop that has sold each plan; its id."""
    shop.subscribe("large")
    card = shop.save_card()
    shop.do("cancel", when="now")
    return card


def test_a_lost_answer_is_not_paid_twice_and_found_by_the_tick(shop: PlanShop) -> None:
    card = known(shop)
    shop.stripe.chaos(lost_reply=1)

    answer = shop.send(plan="large", saved_card=card)
    shop.stripe.chaos()

    assert answer.status_code == 503
    assert "do not pay twice" in answer.text
    shop.tick()
    assert shop.state() is State.ACTIVE
    assert shop.balance() == 1_000
    assert len(shop.invoices()) == 2


def test_a_page_whose_address_got_lost_is_closed_by_the_next_choice(shop: PlanShop) -> None:
    known(shop)
    shop.stripe.chaos(lost_reply=1)
    assert shop.send(plan="large").status_code == 503
    shop.stripe.chaos()

    second = shop.choose("large")

    states = {one.id: one.status for one in shop.v1.checkout.sessions.list({"limit": 10}).data}
    assert states.pop(second) == "open"
    assert "open" not in states.values()


def test_a_choice_on_its_way_to_the_bank_is_not_overtaken_by_another(shop: PlanShop) -> None:
    known(shop)
    row = shop.row()

    def begin() -> None:
        """A worker that was killed between its commit and Stripe."""
        session = shop.prepaid.session
        begun = {"state": State.REQUESTED, "price_id": row.price_id, "quantity": 1, "card_id": "pm_1"}
        session.add(Subscription(owner=row.owner, idempotency_key="begun", created_at=shop.now(), **begun))
        session.commit()

    shop.read(begin)
    assert shop.send(plan="small").status_code == 409
    shop.pass_time(minutes=6)

    assert shop.send(plan="small").status_code == 303


def test_while_stripe_is_away_the_page_still_shows_the_plan(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.stripe.chaos(api_500=1)

    page = shop.page()
    shop.stripe.chaos()

    assert "Your plan runs" in page
    assert "Next charge" not in page


def test_a_lost_answer_to_a_change_charges_once(shop: PlanShop) -> None:
    shop.subscribe("small")
    _, fields = shop.preview("large")
    shop.stripe.chaos(lost_reply=0.3, seed=11)

    answers = {shop.send("/change", **fields).status_code for _ in range(4)}
    shop.stripe.chaos()
    shop.stripe.deliver()

    assert answers <= {303, 409, 503}
    assert [invoice.total_minor for invoice in shop.invoices()][1:] in ([], [3_000])


def test_two_browsers_at_once_begin_one_plan(both_shops: PlanShop) -> None:
    with ThreadPoolExecutor(4) as browsers:
        answers = list(browsers.map(lambda plan: both_shops.send(plan=plan), ["small", "large"] * 2))

    assert {answer.status_code for answer in answers} <= {303, 409}
    alive = select(func.count()).where(Subscription.owner == "user:1", Subscription.state.not_in(ENDED))
    assert both_shops.read(lambda: both_shops.prepaid.session.scalar(alive)) == 1


@pytest.mark.parametrize("state", [state for state in State if state not in ENDED])
def test_the_database_lets_an_owner_have_one_plan_in_any_state(both_shops: PlanShop, state: State) -> None:
    both_shops.subscribe("small")
    row = both_shops.row()

    def second() -> None:
        session = both_shops.prepaid.session
        session.add(
            Subscription(
                owner=row.owner,
                state=state,
                price_id=row.price_id,
                quantity=1,
                idempotency_key="second",
                created_at=row.created_at,
            )
        )
        session.flush()

    with pytest.raises(IntegrityError):
        both_shops.read(second)
