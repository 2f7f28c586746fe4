"""How a charge's money gets into the customer's balance at Stripe, and what comes of what that bought."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_prepaid.payments.models import Payment
from flask_prepaid.purchases import refunds

from .cell import Cell, Waits
from .plans import PlanCell

#: A tick comes around.
SOON = timedelta(minutes=1)


class BalanceCell(Cell):
    """A customer whose first payment went to the balance in part, and was spent from there."""

    @property
    def first(self) -> Payment:
        return self.shop.payments(self.owner)[0]

    def credit(self) -> None:
        """Give half of what the first payment brought to the balance, and buy with that."""
        invoices = self.shop.v1.invoices.list().data
        note: Any = {"invoice": invoices[-1].id, "amount": 500, "credit_amount": 500}
        self.shop.v1.credit_notes.create(note)
        self.shop.stripe.deliver()
        self.buy_from_balance()

    def buy_from_balance(self) -> None:
        card = self.shop.saved_card(self.owner)
        self.shop.press(card, self.owner, pack="starter")

    # States

    def smaller_plan(self) -> None:
        self.shop.subscribe("small", self.owner)
        plan = PlanCell(self.shop, self.state, self.card)
        for time in plan.on_made_smaller():
            self.pass_time(time)
        self.shop.stripe.deliver()
        self.shop.browser(self.owner).get("/prepaid/cards")
        self.buy_from_balance()

    def credited_month(self) -> None:
        self.shop.subscribe("small", self.owner)
        self.shop.browser(self.owner).get("/prepaid/cards")
        self.credit()

    def credited_pack(self) -> None:
        card = self.shop.keep_card(self.owner, self.card)
        self.shop.press(card, self.owner, pack="bonus")
        self.credit()

    # Events

    def on_refund(self, amount_minor: int | None = None) -> Waits:
        self.read(
            lambda: refunds.refund(
                self.shop.prepaid, self.first.id, amount_minor=amount_minor, reason="asked for"
            )
        )
        self.shop.stripe.deliver()
        yield SOON

    def on_half_refund(self) -> Waits:
        yield from self.on_refund(500)

    def on_dispute(self) -> Waits:
        self.shop.stripe.dispute(self.first.payment_intent_id)
        yield SOON

    def on_won(self) -> Waits:
        dispute = self.shop.stripe.dispute(self.first.payment_intent_id)
        yield SOON
        self.shop.stripe.dispute(dispute=dispute["id"], outcome="won")
        yield SOON
