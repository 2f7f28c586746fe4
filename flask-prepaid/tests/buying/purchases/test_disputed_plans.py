"""A plan ends with what is paid of it once a bank doubts a payment for it, unless somebody keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import URL, select, update

from flask_prepaid import signals
from flask_prepaid.operations.stripe_events import HEARD
from flask_prepaid.payments.models import Dispute
from flask_prepaid.purchases.money_back.disputes import disputed_plans
from flask_prepaid.subscriptions.models import State
from flask_prepaid.testing import Databases

from ..operations.test_refusals import Refusing
from ..shop import at_once
from ..subscriptions.plan_shop import PlanShop
from .test_fraud_warnings import WARNS
from .test_topups import setting, switch_on

INQUIRED = "4000000000001976"


@pytest.fixture
def shop(database: URL) -> Iterator[PlanShop]:
    """A shop that sells plans. Whatever happens in it, its books add up at the end and agree with Stripe."""
    shop = PlanShop(database)
    yield shop
    assert shop.drift() == []
    shop.close()


def dispute(shop: PlanShop, owner: str = "user:1") -> str:
    """A bank opens a dispute of the plan's last payment."""
    return str(shop.stripe.dispute(shop.payments(owner)[-1].payment_intent_id)["id"])


def ends_with_its_month(shop: PlanShop) -> bool:
    row = shop.row()
    assert row.state is State.ACTIVE
    return row.cancel_at is not None and row.cancel_at == row.period_end


def test_after_a_dispute_the_next_month_is_not_charged(shop: PlanShop) -> None:
    shop.subscribe("small")
    dispute(shop)

    shop.tick()
    assert ends_with_its_month(shop)
    shop.pass_time(days=32)

    assert [payment.amount_minor for payment in shop.payments()] == [1_000]
    assert (shop.state(), shop.balance()) == (State.CANCELED, 0)


@pytest.mark.parametrize("card", [INQUIRED, WARNS])
def test_so_does_the_first_word_of_a_bank_that_has_taken_nothing(shop: PlanShop, card: str) -> None:
    shop.subscribe("small", card=card)

    shop.tick()

    assert ends_with_its_month(shop)
    assert shop.balance() == 100


def test_whoever_keeps_the_plan_has_decided(shop: PlanShop) -> None:
    shop.subscribe("small")
    disputed = dispute(shop)
    shop.tick()

    shop.do("keep")
    shop.stripe.dispute(dispute=disputed, amount=500)
    shop.pass_time(minutes=11)

    assert not ends_with_its_month(shop)
    shop.pass_time(days=29)
    assert len(shop.payments()) == 2


def test_a_dispute_that_is_won_before_anybody_looked_ends_nothing(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.stripe.dispute(dispute=dispute(shop), outcome="won")

    shop.tick()

    assert not ends_with_its_month(shop)


def test_a_dispute_of_a_pack_leaves_the_plan_alone(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.pay(shop.buy())
    dispute(shop)

    shop.tick()

    assert not ends_with_its_month(shop)


@pytest.mark.parametrize("card", ["pm_card_visa", "pm_card_chargeCustomerFail"])
def test_what_is_billed_by_then_is_not_charged(shop: PlanShop, card: str) -> None:
    """The next month waits for its hour as a draft; or it was declined, and a retry would charge it."""
    shop.subscribe("small")
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": shop.save_card(card)})
    shop.stripe.advance(days=28, minutes=30 if card == "pm_card_visa" else 90)
    assert shop.state() is (State.ACTIVE if card == "pm_card_visa" else State.PAST_DUE)

    dispute(shop)
    shop.tick()
    shop.pass_time(days=16)

    assert shop.state() is State.CANCELED
    assert len(shop.charges()) == 1


def test_a_plan_that_is_paused_stays_so(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("pause")
    dispute(shop)

    shop.tick()

    assert (shop.state(), shop.row().cancel_at) == (State.PAUSED, None)
    left = select(Dispute.end_plan_at)
    assert shop.read(lambda: shop.prepaid.session.scalars(left).all()) == [None], "and is left alone"


def test_a_plan_that_was_begun_since_is_another_one(shop: PlanShop) -> None:
    """A process that has read what is due, and is late."""
    shop.subscribe("small")
    dispute(shop)
    (late,) = shop.read(lambda: disputed_plans.due(shop.prepaid))
    shop.do("cancel", when="now")
    shop.subscribe("small")

    shop.read(lambda: disputed_plans.end(shop.prepaid, late))

    assert not ends_with_its_month(shop)
    assert shop.read(lambda: disputed_plans.due(shop.prepaid)) == []


@pytest.mark.each_database
def test_of_several_processes_one_ends_it_and_tells_of_it(shop: PlanShop) -> None:
    heard: list[Any] = []
    shop.subscribe("small", card=WARNS)
    (word,) = shop.read(lambda: disputed_plans.due(shop.prepaid))

    def end(_: int) -> None:
        shop.read(lambda: disputed_plans.end(shop.prepaid, word))

    with signals.plan_stopped.connected_to(lambda sender, **news: heard.append(news)):
        at_once(4, end)

    assert ends_with_its_month(shop)
    assert [(news["owner"], news["reason"], news["ends_at"]) for news in heard] == [
        ("user:1", "a bank has warned of a payment of yours", shop.row().period_end)
    ]


def test_a_process_that_is_killed_meanwhile_leaves_it_to_the_next(
    shop: PlanShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.subscribe("small")
    dispute(shop)
    with monkeypatch.context() as killed:
        killed.setattr(disputed_plans, "_end", lambda *_: 1 // 0)
        shop.tick()

    shop.tick()
    assert not ends_with_its_month(shop), "somebody may be at it"
    wait_no_longer(shop)
    shop.tick()
    assert ends_with_its_month(shop)


def test_where_stripe_refuses_it_is_tried_again(databases: Databases, kind: str) -> None:
    stripe = Refusing("subscriptions/sub_")
    shop = PlanShop(databases.fresh(kind), http_client=stripe, emulator=stripe.emulator)
    shop.subscribe("small")
    dispute(shop)
    shop.tick()
    assert not ends_with_its_month(shop)

    stripe.on = False
    wait_no_longer(shop)
    shop.tick()

    assert ends_with_its_month(shop)
    shop.close()


def test_of_two_plans_each_ends_by_its_own_dispute(databases: Databases, kind: str) -> None:
    stripe = Refusing("subscriptions/sub_")
    stripe.on = False
    shop = PlanShop(databases.fresh(kind), http_client=stripe, emulator=stripe.emulator)
    for owner in ("user:1", "user:2"):
        shop.subscribe("small", owner)
        dispute(shop, owner)
    stripe.path, stripe.on = f"subscriptions/{shop.stripe_id('user:1')}", True

    shop.tick()
    assert [shop.row(owner).cancel_at is None for owner in ("user:1", "user:2")] == [True, False]
    stripe.on = False
    wait_no_longer(shop)
    shop.tick()

    assert [shop.row(owner).cancel_at is None for owner in ("user:1", "user:2")] == [False, False]
    shop.close()


def test_what_another_customer_is_billed_for_ends_no_plan_at_once(shop: PlanShop) -> None:
    shop.subscribe("small", "user:2")
    shop.stripe.advance(days=27)
    shop.subscribe("small")
    shop.stripe.advance(days=1, minutes=30)  # the other one's next month waits for its hour as a draft

    dispute(shop)
    shop.tick()

    assert ends_with_its_month(shop)


def test_it_is_refused_beside_what_nobody_has_committed(shop: PlanShop) -> None:
    shop.subscribe("small")
    dispute(shop)
    (word,) = shop.read(lambda: disputed_plans.due(shop.prepaid))

    def end() -> None:
        shop.prepaid.session.add(Dispute())
        with pytest.raises(RuntimeError, match="Commit or roll back your own work"):
            disputed_plans.end(shop.prepaid, word)

    shop.read(end)
    assert not ends_with_its_month(shop)


def wait_no_longer(shop: PlanShop) -> None:
    """Let the ten minutes go by after which it is tried again."""

    def write() -> None:
        waits = update(Dispute).where(Dispute.end_plan_at.is_not(None))
        shop.prepaid.session.execute(waits.values(end_plan_at=Dispute.created_at))
        shop.prepaid.session.commit()

    shop.read(write)


@pytest.mark.parametrize("at", ["once", "end"])
def test_its_customer_is_written_to(databases: Databases, kind: str, at: str) -> None:
    mails: list[tuple[str, str, str]] = []
    shop = PlanShop(
        databases.fresh(kind),
        PREPAID_BASE_URL="https://shop.example",
        PREPAID_RECEIPTS=False,
        email=lambda owner: "pat@shop.example",
        mail=lambda *mail: mails.append(mail),
    )
    shop.subscribe("small")
    if at == "once":
        shop.stripe.advance(days=28, minutes=30)

    dispute(shop)
    shop.tick()
    shop.tick()

    ((address, subject, text),) = mails
    assert (address, subject) == ("pat@shop.example", "Your plan Small is not renewed")
    because = "because a payment of yours is disputed. Nothing more is charged."
    assert (f"Your plan has ended {because}" if at == "once" else because) in text
    assert ("you can keep it on the page of your plan" in text) is (at == "end")
    assert "https://shop.example/prepaid/plan" in text
    shop.close()


@pytest.mark.parametrize(("card", "minutes"), [("pm_card_visa", 30), ("pm_card_chargeCustomerFail", 90)])
def test_what_is_billed_at_stripe_and_not_known_here_yet_is_not_charged(
    shop: PlanShop, card: str, minutes: int
) -> None:
    """The dispute's event comes first: the draft's, or that of the decline, is on its way or was lost."""
    shop.subscribe("small")
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": shop.save_card(card)})
    shop.stripe.deliver()
    shop.stripe.hear("charge.dispute.created")
    shop.stripe.advance(days=28, minutes=minutes)
    assert (shop.state(), len(shop.invoices())) == (State.ACTIVE, 1)

    dispute(shop)
    shop.tick()
    assert shop.state() is State.CANCELED
    shop.stripe.hear(*HEARD)
    shop.pass_time(days=16)

    assert len(shop.charges()) == 1


def stops(shop: PlanShop) -> list[str]:
    """Tick twice; the reasons for which a plan is said to be stopped."""
    heard: list[str] = []
    with signals.plan_stopped.connected_to(lambda sender, **news: heard.append(news["reason"])):
        shop.tick()
        shop.tick()
    return heard


def test_who_has_cancelled_is_not_told_that_a_dispute_did(shop: PlanShop) -> None:
    shop.subscribe("small")
    shop.do("cancel", when="end")

    dispute(shop)

    assert stops(shop) == []
    assert ends_with_its_month(shop)


def test_of_a_warning_and_a_dispute_of_two_months_is_told_once(shop: PlanShop) -> None:
    shop.subscribe("small", card=WARNS)
    first = shop.payments()[0].payment_intent_id
    shop.v1.subscriptions.update(shop.stripe_id(), {"default_payment_method": shop.save_card()})
    shop.stripe.advance(days=29)

    for charge in (first, shop.payments()[1].payment_intent_id):
        shop.stripe.dispute(charge)

    assert stops(shop) == ["a payment of yours is disputed"]
    assert ends_with_its_month(shop)


def test_who_has_kept_it_and_pays_a_month_that_is_disputed_too_has_it_ended_again(shop: PlanShop) -> None:
    shop.subscribe("small")
    dispute(shop)
    assert len(stops(shop)) == 1
    shop.do("keep")
    shop.stripe.advance(days=29)

    dispute(shop)

    assert len(stops(shop)) == 1
    assert ends_with_its_month(shop)


def test_a_plan_that_changes_at_this_moment_is_looked_at_again(databases: Databases, kind: str) -> None:
    """Its dearer plan waits to be paid, and can't be taken back: it is being paid."""
    stripe = Refusing("/void")
    shop = PlanShop(databases.fresh(kind), http_client=stripe, emulator=stripe.emulator)
    shop.subscribe("small")
    shop.v1.subscriptions.update(
        shop.stripe_id(), {"default_payment_method": shop.save_card("pm_card_chargeCustomerFail")}
    )
    shop.change("large")
    assert shop.row().pending_until is not None
    dispute(shop)
    shop.tick()
    assert not ends_with_its_month(shop)

    stripe.on = False
    wait_no_longer(shop)
    shop.tick()

    assert ends_with_its_month(shop)
    shop.pass_time(days=32)
    assert (shop.state(), len(shop.charges())) == (State.CANCELED, 1)
    shop.close()


def test_a_dispute_that_only_reconcile_meets_ends_the_plan(databases: Databases, kind: str) -> None:
    """No event has come since the plan began."""
    shop = PlanShop(databases.fresh(kind))
    shop.subscribe("small")
    shop.stripe.hear("customer.created")
    dispute(shop)
    assert shop.read(lambda: disputed_plans.due(shop.prepaid)) == []

    assert shop.drift("--fix") == []
    shop.tick()

    assert ends_with_its_month(shop)
    assert shop.balance() == 0
    shop.close()


def test_a_top_up_and_a_plan_that_are_disputed_at_once_both_end(shop: PlanShop) -> None:
    shop.subscribe("small")
    plans = shop.payments()[-1].payment_intent_id
    shop.pay(shop.buy())
    switch_on(shop)

    for charge in (plans, shop.payments()[-1].payment_intent_id):
        shop.stripe.dispute(charge)

    assert len(stops(shop)) == 1
    assert ends_with_its_month(shop)
    assert setting(shop).stopped == "a payment of yours is disputed"


def test_a_customer_who_is_removed_with_a_dispute_open_has_no_plan_to_end(shop: PlanShop) -> None:
    shop.subscribe("small")
    dispute(shop)
    shop.read(lambda: shop.prepaid.remove_customer("user:1"))

    assert stops(shop) == []
    assert shop.read(lambda: disputed_plans.due(shop.prepaid)) == []
