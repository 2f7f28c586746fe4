"""A payment's whole life, heard of in any order, with copies: it always ends in one state."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from itertools import permutations
from typing import Any

import stripe
from sqlalchemy import select

from flask_prepaid import moneyback, payments, webhooks
from flask_prepaid.models import Dispute, Payment, PaymentState, Refund
from flask_prepaid.testing import Databases

from .shop import Shop

SEED = 20261101

#: How many of the 5,040 orders are tried.
ORDERS = int(os.environ.get("PREPAID_ORDERS", "20"))


class Life:
    """One payment at Stripe, step by step, and the event that tells of each step."""

    def __init__(self, shop: Shop, owner: str) -> None:
        self.shop = shop
        self.owner = owner
        self.client = stripe.StripeClient("sk_test_shop", http_client=shop.stripe.http_client())
        self.session = shop.buy(owner=owner)
        self.told: dict[int, tuple[str, str]] = {}
        self.steps: list[Callable[[], tuple[str, str]]] = [
            lambda: ("checkout.session.expired", self.session),  # a poke about a page that is still open
            lambda: ("payment_intent.processing", self.pay()),
            lambda: ("checkout.session.completed", self.session),
            lambda: ("refund.created", self.refund(200)),
            lambda: ("refund.created", self.refund(300)),
            lambda: ("charge.dispute.created", self.dispute()),
            lambda: ("charge.dispute.closed", self.win()),
        ]

    def reach(self, step: int) -> None:
        """Let Stripe go on until this step has happened."""
        while len(self.told) <= step:
            self.told[len(self.told)] = self.steps[len(self.told)]()

    def hear_of(self, step: int) -> None:
        type, object_id = self.told[step]

        def handle() -> None:
            webhooks.HEARD[type](self.shop.prepaid, object_id)
            self.shop.prepaid.session.commit()

        self.shop.read(handle)

    def pay(self) -> str:
        self.shop.pay(self.session)
        intent = self.client.v1.checkout.sessions.retrieve(self.session).payment_intent
        self.intent = str(intent)
        return self.intent

    def refund(self, amount: int) -> str:
        return self.client.v1.refunds.create({"payment_intent": self.intent, "amount": amount}).id

    def dispute(self) -> str:
        charge = self.client.v1.payment_intents.retrieve(self.intent).latest_charge
        self.opened = str(self.shop.stripe.dispute(charge)["id"])
        return self.opened

    def win(self) -> str:
        self.shop.stripe.dispute(dispute=self.opened, outcome="won")
        return self.opened


def end_of(shop: Shop, owner: str) -> tuple[Any, ...]:
    """All that is left of it in the books."""
    session = shop.prepaid.session
    payment = session.scalars(select(Payment).where(Payment.owner == owner)).one()
    refunds = session.scalars(select(Refund).where(Refund.payment_id == payment.id)).all()
    disputes = session.scalars(select(Dispute).where(Dispute.payment_id == payment.id)).all()
    wallet = shop.prepaid.wallet(owner)
    return (
        payment.state,
        payment.refunded_minor,
        wallet.balance,
        wallet.debt,
        sorted((refund.amount_minor, refund.state) for refund in refunds),
        [dispute.state for dispute in disputes],
    )


def test_row_29_every_order_of_events_ends_in_one_state(databases: Databases) -> None:
    shop = Shop(databases.fresh("sqlite"), webhooks=False)
    draw = random.Random(SEED)
    every = list(permutations(range(7)))
    ends = set()
    for number, order in enumerate(draw.sample(every, min(ORDERS, len(every)))):
        life = Life(shop, f"user:{number}")
        for step in (*order, *draw.sample(order, 3)):
            life.reach(draw.randint(step, 6))  # Stripe stands anywhere from this event to the last
            life.hear_of(step)
        ends.add(repr(shop.read(lambda life=life: end_of(shop, life.owner))))  # type: ignore[misc]

    assert ends == {repr((PaymentState.PAID, 500, 0, 0, [(200, "succeeded"), (300, "succeeded")], ["won"]))}
    shop.close()


def test_row_29_a_fetch_that_was_held_back_does_not_overwrite_a_later_one(shop: Shop) -> None:
    life = Life(shop, "user:1")
    life.reach(5)
    early = shop.read(lambda: shop.prepaid.gateway.fetch_dispute(life.opened))
    life.reach(6)

    def come_late() -> None:
        payment = shop.prepaid.session.get_one(Payment, 1)
        moneyback.apply_dispute(shop.prepaid, payment, early)
        shop.prepaid.session.commit()

    before = shop.read(lambda: end_of(shop, "user:1"))
    shop.read(come_late)

    assert shop.read(lambda: end_of(shop, "user:1")) == before


def test_row_29_a_page_fetched_while_it_was_open_does_not_open_an_expired_one_again(shop: Shop) -> None:
    session = shop.buy()
    early = shop.at_stripe(session)
    shop.stripe.advance(hours=25)
    assert shop.payments()[0].state is PaymentState.EXPIRED

    def come_late() -> None:
        payments.follow_checkout(shop.prepaid, shop.prepaid.session.get_one(Payment, 1), early)
        shop.prepaid.session.commit()

    shop.read(come_late)

    assert shop.payments()[0].state is PaymentState.EXPIRED
