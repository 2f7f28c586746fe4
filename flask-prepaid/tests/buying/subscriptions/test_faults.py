"""Answers that get lost, and two browsers at once: a plan begins once, and is known in the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import IntegrityError

from flask_prepaid.payments import wishes
from flask_prepaid.subscriptions.models import ENDED, State, Subscription

from .plan_shop import PAGE, PlanShop


def known(shop: PlanShop) -> str:
    """A card on file of a customer whose plan has ended, in a shop that has sold each plan; its id."""
    shop.subscribe("large")
    card = shop.save_card()
    shop.do("cancel", when="now")
    return card


def begin(shop: PlanShop, **begun: Any) -> None:
    """Begin a subscription, and get no further: the worker was killed, or is slow, before it asks Stripe."""

    def write() -> None:
        shop.prepaid.session.add(Subscription(quantity=1, created_at=shop.now(), **begun))
        shop.prepaid.session.commit()

    shop.read(write)


def test_a_lost_answer_is_not_paid_twice_and_found_by_the_tick(shop: PlanShop) -> None:
    card = known(shop)
    shop.stripe.chaos(lost_reply=1)

    answer = shop.send(plan="large", saved_card=card)
    waiting = shop.browser().get(answer.location)
    home = shop.browser().get("/prepaid/buy").text
    shop.stripe.chaos()

    assert answer.status_code == 303
    assert "Not known yet: do not pay again</h1>" in waiting.text
    assert waiting.headers["Refresh"] == "3"
    assert "We do not know yet whether your plan has begun." in home
    shop.tick()
    assert shop.state() is State.ACTIVE
    assert shop.balance() == 1_000
    assert len(shop.invoices()) == 2


def test_the_page_of_a_plan_that_is_not_known_yet_finds_out_by_itself(shop: PlanShop) -> None:
    card = known(shop)
    shop.stripe.chaos(lost_reply=1)
    answer = shop.send(plan="large", saved_card=card)
    shop.stripe.chaos()

    page = shop.browser().get(answer.location)

    assert "Refresh" not in page.headers
    assert "You are on Large" in page.text
    assert shop.state() is State.ACTIVE
    assert len(shop.invoices()) == 2


@pytest.mark.parametrize("with_card", [True, False])
def test_a_plan_of_which_stripe_was_never_asked_was_not_charged(shop: PlanShop, with_card: bool) -> None:
    shop.subscribe("small")
    card = shop.save_card()
    shop.do("cancel", when="now")
    browser = shop.browser()
    browser.environ_base["HTTP_ACCEPT"] = "text/html"
    shop.stripe.chaos(api_500=1)

    choice = {"plan": "large", "saved_card": card if with_card else ""}
    answer = shop.send_form(browser, "/prepaid/buy", to=PAGE, **choice)
    shop.stripe.chaos()

    assert answer.status_code == 503
    assert "Nothing was charged</h1>" in answer.text
    assert f'saved_card={choice["saved_card"]}">Try again<' in answer.text
    shop.pass_time(minutes=6)
    assert len(shop.invoices()) == 1


def test_a_page_whose_address_got_lost_is_closed_by_the_next_choice(shop: PlanShop) -> None:
    known(shop)
    shop.stripe.chaos(lost_reply=1)
    assert shop.send(plan="large").status_code == 503
    shop.stripe.chaos()

    second = shop.choose("large")

    states = {page.id: page.status for page in shop.v1.checkout.sessions.list({"limit": 10}).data}
    assert states.pop(second) == "open"
    assert "open" not in states.values()


def test_a_choice_on_its_way_to_the_bank_is_not_overtaken_by_another(shop: PlanShop) -> None:
    known(shop)
    begin(shop, owner="user:1", price_id=shop.row().price_id, idempotency_key="begun", card_id="pm_1")
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


def open_pages(shop: PlanShop) -> set[str]:
    """The Checkout pages on which somebody could pay now."""
    return {page.id for page in shop.v1.checkout.sessions.list({"limit": 100, "status": "open"}).data}


def sell_each(shop: PlanShop) -> None:
    """Others have these plans: their prices are at Stripe by now."""
    for plan in ("small", "large"):
        shop.subscribe(plan, owner=f"user:{plan}")


@pytest.mark.each_database
def test_two_browsers_at_once_begin_one_plan(shop: PlanShop) -> None:
    sell_each(shop)

    with ThreadPoolExecutor(4) as browsers:
        answers = list(browsers.map(lambda plan: shop.send(plan=plan), ["small", "large"] * 2))

    assert {answer.status_code for answer in answers} <= {303, 409}
    alive = select(func.count()).where(Subscription.owner == "user:1", Subscription.state.not_in(ENDED))
    assert shop.read(lambda: shop.prepaid.session.scalar(alive)) == 1
    assert len(open_pages(shop)) <= 1


@pytest.mark.each_database
def test_a_page_that_opens_while_another_choice_puts_it_away_is_closed(shop: PlanShop) -> None:
    """The first browser's page comes from Stripe in the very moment in which the second gives it up."""
    sell_each(shop)
    wish = wishes.key_of("user:1", "plan-the-first-browser")
    begin(shop, owner="user:1", price_id=shop.row("user:small").price_id, idempotency_key=wish)
    first: list[str] = []

    def press_again(*about: Any) -> None:
        if about[2].startswith("UPDATE prepaid_subscription SET id=") and not first:
            first.append("")
            with ThreadPoolExecutor(1) as browser:  # a request of its own, with a session of its own
                first[0] = browser.submit(shop.choose, "small", attempt="the-first-browser").result()

    engine = shop.read(lambda: shop.db.engine)
    event.listen(engine, "before_cursor_execute", press_again)
    second = shop.choose("large")
    event.remove(engine, "before_cursor_execute", press_again)

    assert shop.v1.checkout.sessions.retrieve(first[0]).status == "expired"
    assert open_pages(shop) == {second}
    shop.stripe.pay(second)
    assert shop.balance() == 500


@pytest.mark.each_database
def test_who_has_closed_what_others_began_is_not_refused_for_it(shop: PlanShop) -> None:
    """Three others begin, each as the one before is closed; if the fourth were refused, none were left."""
    sell_each(shop)
    price = shop.row("user:small").price_id
    others: list[str] = []
    looks: list[str] = []

    def begin_another(*about: Any) -> None:
        if not (about[2].startswith("SELECT prepaid_subscription.id") and " NOT IN " in about[2]):
            return
        looks.append(about[2])  # the first ones ask for the currency, and for the plan of the key
        open_now = "SELECT count(*) FROM prepaid_subscription WHERE owner = 'user:1' AND state = 'requested'"
        if len(looks) > 3 and len(others) < 3 and about[0].exec_driver_sql(open_now).scalar() == 0:
            others.append(f"other-{len(others)}")
            begin(shop, owner="user:1", price_id=price, idempotency_key=others[-1])

    engine = shop.read(lambda: shop.db.engine)
    event.listen(engine, "before_cursor_execute", begin_another)
    mine = shop.choose("large")
    event.remove(engine, "before_cursor_execute", begin_another)

    assert len(others) == 3
    assert open_pages(shop) == {mine}
    assert shop.row().session_id == mine


@pytest.mark.each_database
def test_the_database_lets_no_plan_end_whose_page_is_open(shop: PlanShop) -> None:
    shop.choose("small")

    def forget() -> None:
        shop.prepaid.session.execute(update(Subscription).values(state=State.EXPIRED))

    with pytest.raises(IntegrityError, match="expired_page_is_closed"):
        shop.read(forget)


@pytest.mark.each_database
def test_the_database_lets_an_owner_have_one_plan_in_any_state(shop: PlanShop) -> None:
    shop.subscribe("small")
    row = shop.row()

    def second(state: State) -> None:
        session = shop.prepaid.session
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

    for state in State:
        if state not in ENDED:
            with pytest.raises(IntegrityError):
                shop.read(lambda state=state: second(state))  # type: ignore[misc]
