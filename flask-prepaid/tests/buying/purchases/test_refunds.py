"""Money goes back, and its credits with it: refunds, disputes, in whatever order they are heard of."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import select

from flask_prepaid.context import write_now
from flask_prepaid.errors import GatewayRefused, GatewayUnavailable
from flask_prepaid.gateway.money_back.disputes import Disputes
from flask_prepaid.gateway.money_back.money_back_values import StripeDispute, StripeRefund
from flask_prepaid.gateway.money_back.refunds import Refunds
from flask_prepaid.payments.models import Dispute, Refund
from flask_prepaid.purchases.money_back import refund_sync, refunds
from flask_prepaid.purchases.money_back.disputes import dispute_sync
from flask_prepaid.signals import clawed_back
from prepaid_ledger.errors import NothingToReverse

from ..beginnings import beginning
from ..shop import Shop


@beginning
def pay(shop: Shop) -> None:
    shop.pay(shop.buy())


@pytest.fixture
def paid(shop: Shop) -> Shop:
    """100 credits were bought for $5.00."""
    pay(shop)
    return shop


def refund_in_dashboard(shop: Shop, amount: int | None = None) -> Any:
    params: Any = {"payment_intent": shop.payments()[0].payment_intent_id}
    if amount:
        params["amount"] = amount
    refund = shop.dashboard().v1.refunds.create(params)
    shop.stripe.deliver()
    return refund


def refund_here(shop: Shop, amount_minor: int | None = None, key: str | None = None) -> Refund:
    return shop.read(  # type: ignore[no-any-return]
        lambda: refunds.refund(shop.prepaid, 1, amount_minor=amount_minor, reason="asked for", key=key)
    )


def drift(shop: Shop, *options: str) -> list[dict[str, Any]]:
    answer = json.loads(shop.command("reconcile", "--json", *options).stdout)
    return list(answer["drift"])


def debt(shop: Shop) -> int:
    return int(shop.read(lambda: shop.prepaid.wallet("user:1").debt))


def test_a_refund_made_here_takes_the_credits_back_once(paid: Shop) -> None:
    refund = refund_here(paid)
    paid.stripe.deliver()

    assert (refund.state, refund.amount_minor) == ("succeeded", 500)
    assert paid.balance() == 0
    assert paid.payments()[0].refunded_minor == 500


def test_a_refund_made_in_stripes_dashboard_does_the_same(paid: Shop) -> None:
    refund_in_dashboard(paid)

    assert paid.balance() == 0
    assert paid.payments()[0].refunded_minor == 500


def test_what_was_spent_before_the_refund_becomes_debt(paid: Shop) -> None:
    def spend() -> None:
        paid.prepaid.spend("user:1", credits=70, key="report:1")
        paid.prepaid.session.commit()

    paid.read(spend)
    refund_in_dashboard(paid)

    assert (paid.balance(), debt(paid)) == (0, 70)


def test_partial_refunds_never_take_more_than_came_in_and_the_whole_at_the_end(paid: Shop) -> None:
    taken = []
    for amount in (1, 166, 167, 166):
        refund_in_dashboard(paid, amount)
        taken.append(100 - paid.balance())

    assert taken == [1, 34, 67, 100]


def test_a_refund_that_fails_later_gives_the_credits_back_once(shop: Shop) -> None:
    session = shop.buy()
    shop.stripe.pay(session, card="4000000000005126")
    refund_in_dashboard(shop)
    assert shop.balance() == 0

    shop.stripe.advance(days=30)

    assert shop.balance() == 100
    assert shop.payments()[0].refunded_minor == 0


def test_what_is_heard_again_writes_nothing_and_a_failure_says_why(shop: Shop) -> None:
    heard: list[Any] = []
    shop.stripe.pay(shop.buy(), card="4000000000005126")
    with clawed_back.connected_to(lambda sender, **news: heard.append(news["credits"])):
        refund_in_dashboard(shop)
        shop.stripe.deliver("refund.created", times=3)
        shop.stripe.advance(days=30)

    entries = shop.read(lambda: shop.prepaid.entries("user:1"))
    moves = [(entry.credits, entry.reason) for entry in reversed(entries)]
    assert moves == [(100, None), (-100, "refunded"), (100, "the refund is failed")]
    assert heard == [100]


def test_a_host_hears_of_a_clawback_once(paid: Shop) -> None:
    heard: list[Any] = []
    with clawed_back.connected_to(lambda sender, **news: heard.append(news)):
        refund_in_dashboard(paid, 250)
        paid.stripe.deliver("refund.created", times=3)

    assert heard == [{"owner": "user:1", "payment_id": 1, "credits": 50, "debt": 0}]


def test_the_same_wish_refunds_once(paid: Shop) -> None:
    first = refund_here(paid, 200, key="ticket-1")
    again = refund_here(paid, 200, key="ticket-1")

    assert first.id == again.id
    assert paid.balance() == 60


@pytest.mark.parametrize("amount", [501, 0, -1])
def test_more_than_was_paid_is_not_refunded(paid: Shop, amount: int) -> None:
    with pytest.raises(NothingToReverse):
        refund_here(paid, amount)

    assert paid.balance() == 100


def test_a_refund_finer_than_stripe_takes_is_refused_here(shop: Shop) -> None:
    shop.pay(shop.buy(pack="kuwait"))

    with pytest.raises(NothingToReverse, match=r"write a multiple of 0\.010 KWD"):
        refund_here(shop, 333)
    refund_here(shop, 330)

    assert shop.balance() == 50 - 14  # 13.2 credits, rounded up


@pytest.mark.each_database
def test_two_refunds_together_never_exceed_the_payment(paid: Shop) -> None:
    refund_here(paid, 300)

    with pytest.raises(NothingToReverse, match=r"has \$2.00 left to refund, not \$2.01"):
        refund_here(paid, 201)


@pytest.mark.parametrize("fault", ["api_500", "lost_reply"])
def test_a_refund_whose_answer_was_lost_is_found_out_by_the_tick(paid: Shop, fault: str) -> None:
    paid.stripe.chaos(**{fault: 1.0})
    with pytest.raises(GatewayUnavailable):
        refund_here(paid, 250)
    paid.stripe.chaos()

    paid.tick()
    paid.tick()

    assert paid.balance() == 50
    at_stripe = paid.dashboard().v1.refunds.list()
    assert [refund.amount for refund in at_stripe.data] == [250]


def test_a_wish_sent_again_after_stripe_forgot_its_key_sends_no_second_refund(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    deaf_shop.come_back(session)
    deaf_shop.stripe.chaos(lost_reply=1.0)
    with pytest.raises(GatewayUnavailable):
        refund_here(deaf_shop, 250, "form:1")
    deaf_shop.stripe.chaos()
    deaf_shop.stripe.advance(hours=25)

    refund_here(deaf_shop, 250, "form:1")

    assert [refund.amount for refund in deaf_shop.dashboard().v1.refunds.list().data] == [250]
    assert deaf_shop.balance() == 50


def test_two_refunds_with_one_key_in_their_metadata_are_two(paid: Shop) -> None:
    refund_here(paid, 100)
    paid.stripe.deliver()
    (first,) = paid.dashboard().v1.refunds.list().data
    again: Any = {
        "payment_intent": paid.payments()[0].payment_intent_id,
        "amount": 200,
        "metadata": first.metadata.to_dict() if first.metadata else {},
    }
    paid.dashboard().v1.refunds.create(again)
    paid.stripe.deliver(times=2)

    assert (paid.balance(), paid.payments()[0].refunded_minor) == (40, 300)


@pytest.mark.parametrize("written", ["prepaid-refund-1-", "x" * 400])
def test_a_refund_that_bears_the_key_of_another_payments_is_its_own(
    paid: Shop, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody with the Stripe key writes there what they like, while a refund of ours is under way."""
    paid.pay(paid.buy("user:2"))
    with monkeypatch.context() as killed:
        killed.setattr(refunds, "_ask", lambda *_: None)
        refund_here(paid)
    ours = paid.read(lambda: paid.prepaid.session.scalars(select(Refund.idempotency_key)).one())
    (other,) = paid.payments("user:2")
    named: Any = {
        "payment_intent": other.payment_intent_id,
        "metadata": {"prepaid_refund": ours if ours.startswith(written) else written},
    }

    paid.dashboard().v1.refunds.create(named)
    paid.stripe.deliver()

    assert [payment.refunded_minor for payment in paid.payments("user:2")] == [500]
    assert (paid.balance("user:1"), paid.balance("user:2")) == (100, 0)
    paid.put_right()
    assert [payment.refunded_minor for payment in paid.payments()] == [500]


def test_a_wish_that_stripe_refused_is_refused_again(paid: Shop) -> None:
    paid.dashboard().v1.refunds.create({"payment_intent": paid.payments()[0].payment_intent_id or ""})
    for _ in range(2):
        with pytest.raises(GatewayRefused):
            refund_here(paid, None, "form:1")


def dispute(shop: Shop) -> str:
    return str(shop.stripe.dispute(shop.payments()[0].charge_id)["id"])


@pytest.mark.each_database
def test_a_dispute_takes_the_credits_and_a_won_one_brings_them_back(paid: Shop) -> None:
    opened = dispute(paid)
    assert paid.balance() == 0

    paid.stripe.dispute(dispute=opened, outcome="won")

    assert paid.balance() == 100


@pytest.mark.parametrize(
    ("state", "left"), [("appeal_under_review", 0), ("prevented", 100), ("a_word_of_next_year", 0)]
)
def test_a_state_that_stripe_adds_later_is_kept_as_it_is(
    paid: Shop, monkeypatch: pytest.MonkeyPatch, state: str, left: int
) -> None:
    at_stripe = Disputes.fetch

    def fetch(self: Disputes, dispute_id: str) -> StripeDispute | None:
        fetched = at_stripe(self, dispute_id)
        return fetched and replace(fetched, status=state)

    monkeypatch.setattr(Disputes, "fetch", fetch)
    opened = dispute(paid)

    assert {event.outcome for event in paid.inbox()} == {"done"}
    assert paid.read(lambda: paid.prepaid.session.get_one(Dispute, opened).state) == state
    assert paid.balance() == left


def test_a_refunds_state_that_stripe_adds_later_is_kept_as_it_is(
    paid: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_stripe = Refunds.fetch

    def fetch(self: Refunds, refund_id: str) -> StripeRefund | None:
        fetched = at_stripe(self, refund_id)
        return fetched and replace(fetched, status="a_word_of_next_year")

    monkeypatch.setattr(Refunds, "fetch", fetch)
    monkeypatch.setattr(Refunds, "of_charge", lambda self, charge_id: [])
    refund_in_dashboard(paid)

    assert {event.outcome for event in paid.inbox()} == {"done"}
    assert paid.read(lambda: paid.prepaid.session.scalars(select(Refund.state)).all()) == [
        "a_word_of_next_year"
    ]


def test_a_lost_dispute_takes_them_once(paid: Shop) -> None:
    opened = dispute(paid)
    paid.stripe.dispute(dispute=opened, outcome="lost")

    assert (paid.balance(), debt(paid)) == (0, 0)


def test_an_inquiry_takes_nothing(shop: Shop) -> None:
    session = shop.buy()
    shop.stripe.pay(session, card="4000000000001976")

    assert shop.balance() == 100


def test_what_was_fetched_of_a_dispute_before_it_was_won_changes_nothing_after(paid: Shop) -> None:
    opened = dispute(paid)
    earlier = paid.read(lambda: paid.prepaid.gateway.disputes.fetch(opened))
    paid.stripe.dispute(dispute=opened, outcome="won")

    paid.read(lambda: write_now(paid.prepaid, partial(dispute_sync.apply_dispute, paid.prepaid, earlier)))

    assert paid.balance() == 100


def test_a_dispute_lost_after_a_refund_takes_no_more_than_came_in(paid: Shop) -> None:
    refund_in_dashboard(paid, 250)
    opened = dispute(paid)
    paid.stripe.dispute(dispute=opened, outcome="lost")

    assert (paid.balance(), debt(paid)) == (0, 0)


def test_money_that_came_and_went_unheard_ends_right_in_every_order(deaf_shop: Shop) -> None:
    """The refund is heard of before the payment: it is settled first, then taken back."""
    deaf_shop.pay(deaf_shop.buy())
    client = deaf_shop.dashboard()
    intent = client.v1.payment_intents.list().data[0]
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 100})

    def hear() -> None:
        write_now(deaf_shop.prepaid, refund_sync.sync_refund(deaf_shop.prepaid, refund.id))

    deaf_shop.read(hear)

    assert deaf_shop.balance() == 80


@pytest.mark.parametrize("order", list(permutations(["first", "second", "third"])))
def test_refunds_in_any_order_end_in_one_state(deaf_shop: Shop, order: tuple[str, ...]) -> None:
    deaf_shop.pay(deaf_shop.buy())
    client = deaf_shop.dashboard()
    intent = client.v1.payment_intents.list().data[0]
    ids = {
        name: client.v1.refunds.create({"payment_intent": intent.id, "amount": amount}).id
        for name, amount in (("first", 33), ("second", 133), ("third", 7))
    }

    for name in (*order, *order):

        def hear(refund_id: str = ids[name]) -> None:
            write_now(deaf_shop.prepaid, refund_sync.sync_refund(deaf_shop.prepaid, refund_id))

        deaf_shop.read(hear)

    assert deaf_shop.balance() == 65
    rows = deaf_shop.read(lambda: deaf_shop.prepaid.session.scalars(select(Refund)).all())
    assert len(rows) == 3


def test_a_dispute_whose_amount_changes_takes_the_difference(paid: Shop) -> None:
    opened = paid.stripe.dispute(paid.payments()[0].charge_id, amount=100)
    left = [paid.balance()]
    for amount in (400, 250, 500):
        paid.stripe.dispute(dispute=opened, amount=amount)
        left.append(paid.balance())

    assert left == [80, 20, 50, 0]
    assert {event.outcome for event in paid.inbox()} == {"done"}
    paid.stripe.dispute(dispute=opened, outcome="won")
    assert paid.balance() == 100


def test_a_dispute_that_changed_unheard_is_drift_and_is_mended(deaf_shop: Shop) -> None:
    session = deaf_shop.buy()
    deaf_shop.pay(session)
    deaf_shop.come_back(session)
    opened = deaf_shop.stripe.dispute(deaf_shop.payments()[0].payment_intent_id, amount=100)
    assert drift(deaf_shop, "--fix") == []
    deaf_shop.stripe.dispute(dispute=opened, amount=300)

    assert [difference["detail"] for difference in drift(deaf_shop)] == [
        "it is about $3.00; here about $1.00"
    ]
    assert drift(deaf_shop, "--fix") == []
    assert deaf_shop.balance() == 40


def test_a_dispute_that_was_won_and_is_lost_in_the_end_takes_the_credits(
    paid: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = dispute(paid)
    paid.stripe.dispute(dispute=opened, outcome="won")
    assert paid.balance() == 100
    at_stripe = Disputes.fetch

    def fetch(self: Disputes, dispute_id: str) -> StripeDispute | None:
        fetched = at_stripe(self, dispute_id)
        return fetched and replace(fetched, status="lost")

    monkeypatch.setattr(Disputes, "fetch", fetch)
    paid.read(lambda: write_now(paid.prepaid, dispute_sync.sync_dispute(paid.prepaid, opened)))
    assert (paid.balance(), debt(paid)) == (0, 0)

    monkeypatch.undo()
    paid.read(lambda: write_now(paid.prepaid, dispute_sync.sync_dispute(paid.prepaid, opened)))
    assert paid.balance() == 100


def test_a_pack_that_lapsed_and_is_refunded_makes_no_debt(shop: Shop) -> None:
    shop.pay(shop.buy(pack="bonus"))
    shop.stripe.advance(days=31)

    refund_in_dashboard(shop)

    assert (shop.balance(), debt(shop)) == (0, 0)
    shop.pay(shop.buy())
    assert shop.balance() == 100


def test_a_lapsed_pack_that_is_disputed_owes_what_was_spent(shop: Shop) -> None:
    shop.pay(shop.buy(pack="bonus"))

    def spend() -> None:
        shop.prepaid.spend("user:1", credits=30, key="report:1")
        shop.prepaid.session.commit()

    shop.read(spend)
    shop.stripe.advance(days=31)

    dispute(shop)

    assert (shop.balance(), debt(shop)) == (0, 30)


def test_a_refund_that_stripe_refused_can_be_asked_for_again(paid: Shop) -> None:
    """Refunded in the dashboard, and refused here; then that one fails at the bank, and all is left again."""
    intent = str(paid.payments()[0].payment_intent_id)
    paid.stripe.hear("nothing.of.interest")
    other = paid.dashboard().v1.refunds.create({"payment_intent": intent, "amount": 300})
    with pytest.raises(GatewayRefused):
        refund_here(paid, 500, key="ticket-1")

    refund_here(paid, 200, key="ticket-2")
    paid.read(lambda: write_now(paid.prepaid, refund_sync.sync_refund(paid.prepaid, other.id)))

    states = paid.read(lambda: [row.state for row in paid.prepaid.session.scalars(select(Refund))])
    assert sorted(states) == ["refused", "succeeded", "succeeded"]
    assert (paid.balance(), paid.payments()[0].refunded_minor) == (0, 500)
