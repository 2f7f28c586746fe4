"""A payment's whole life, heard of in any order, with copies: it always ends in one state."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import permutations
from typing import Any

from sqlalchemy import select

from flask_prepaid.context import write_now
from flask_prepaid.operations import stripe_events
from flask_prepaid.payments.dispute_states import DisputeState
from flask_prepaid.payments.models import Dispute, Payment, PaymentState, Refund, RefundState

from ..shop import Shop

SEED = 20261101

#: Every order of the seven events.
ALL = list(permutations(range(7)))

#: All that may be left of it in the books, whatever the order.
THE_END = repr(
    (
        PaymentState.PAID,
        500,
        0,
        0,
        [(200, RefundState.SUCCEEDED.value), (300, RefundState.SUCCEEDED.value)],
        [DisputeState.WON.value],
    )
)


class Life:
    """One payment at Stripe, step by step, and the event that tells of each step."""

    def __init__(self, shop: Shop, owner: str) -> None:
        self.shop = shop
        self.owner = owner
        self.client = shop.dashboard()
        self.session = shop.buy(owner=owner)
        self.events: dict[int, tuple[str, str]] = {}
        self.steps: list[Callable[[], tuple[str, str]]] = [
            # The first one tells of a page that is still open.
            lambda: ("checkout.session.expired", self.session),
            lambda: ("payment_intent.processing", self.pay()),
            lambda: ("checkout.session.completed", self.session),
            lambda: ("refund.created", self.refund(200)),
            lambda: ("refund.created", self.refund(300)),
            lambda: ("charge.dispute.created", self.dispute()),
            lambda: ("charge.dispute.closed", self.win()),
        ]

    def reach(self, step: int) -> None:
        """Let Stripe go on until this step has happened."""
        while len(self.events) <= step:
            self.events[len(self.events)] = self.steps[len(self.events)]()

    def hear_of(self, step: int) -> None:
        type, object_id = self.events[step]

        def handle() -> None:
            write_now(self.shop.prepaid, stripe_events.HEARD[type](self.shop.prepaid, object_id))

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


def ends_of(shop: Shop, orders: Iterable[tuple[int, ...]]) -> set[str]:
    """How lives end that are heard of in these orders, with three copies each.

    Each event is delivered while Stripe stands anywhere between that event and the last.
    """
    ends = set()
    for order in orders:
        draw = random.Random(repr((SEED, order)))
        life = Life(shop, "user:" + "".join(map(str, order)))
        for step in (*order, *draw.sample(order, 3)):
            life.reach(draw.randint(step, 6))
            life.hear_of(step)
        ends.add(repr(shop.read(lambda life=life: end_of(shop, life.owner))))  # type: ignore[misc]
    return ends
