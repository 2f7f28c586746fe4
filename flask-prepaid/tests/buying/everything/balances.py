"""How a charge's money gets into the customer's balance at Stripe, and what comes of what that bought."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_prepaid.payments.models import Payment
from flask_prepaid.purchases.money_back import previews, refunds

from .cell import Cell, Waits
from .plans import PlanCell

#: A tick comes around.
SOON = timedelta(minutes=1)


class BalanceCell(Cell):
    """A customer whose first payment went to the balance in part, and was spent from there."""

    @property
    def first(self) -> Payment:
        return self.shop.payments(self.owner)[0]

    def credit(self, amount: int = 500, way: str = "credit_amount") -> None:
        """Give so much of what the first payment brought to the balance, or back in another way."""
        invoices = self.shop.v1.invoices.list().data
        note: Any = {"invoice": invoices[-1].id, "amount": amount, way: amount}
        self.shop.v1.credit_notes.create(note)
        self.shop.stripe.deliver()

    def buy_from_balance(self) -> None:
        card = self.shop.saved_card(self.owner)
        self.shop.press(card, self.owner, pack="starter")

    # States

    def month(self) -> None:
        self.shop.subscribe("small", self.owner)
        self.shop.browser(self.owner).get("/prepaid/cards")

    def gift(self) -> None:
        customer = str(self.read(lambda: self.shop.prepaid.customer_id(self.owner)))
        self.shop.v1.customers.update(customer, {"balance": -500})

    def make_smaller(self) -> None:
        plan = PlanCell(self.shop, self.state, self.card)
        for time in plan.on_made_smaller():
            self.pass_time(time)
        self.shop.stripe.deliver()

    def smaller_plan(self) -> None:
        self.month()
        self.make_smaller()
        self.buy_from_balance()

    def credited_month(self) -> None:
        self.month()
        self.credit()
        self.buy_from_balance()

    def credited_pack(self) -> None:
        card = self.shop.keep_card(self.owner, self.card)
        self.shop.press(card, self.owner, pack="bonus")
        self.credit()
        self.buy_from_balance()

    def moved_on(self) -> None:
        self.month()
        self.credit(1_000)
        self.pass_time(timedelta(days=28, hours=2))
        self.pass_time(timedelta(days=1, hours=10))  # and 14 days: half of a month that has 31
        self.make_smaller()
        self.buy_from_balance()

    def bought_before(self) -> None:
        self.month()
        self.gift()
        self.buy_from_balance()
        self.pass_time(SOON)
        self.credit()

    def outside(self) -> None:
        self.month()
        self.gift()
        self.credit(way="out_of_band_amount")
        self.buy_from_balance()

    # Events

    def on_refund(self, amount_minor: int | None = None) -> Waits:
        """All goes that the refund's preview names, also of what its money has bought a second time."""
        payment_id = self.first.id
        minor = amount_minor or self.first.charged_minor  # by default less by what was given to the balance
        taken, before = self.preview(payment_id, minor), self.stands()
        self.read(
            lambda: refunds.refund(self.shop.prepaid, payment_id, amount_minor=minor, reason="asked for")
        )
        self.shop.stripe.deliver()
        yield SOON
        after = self.stands()
        assert (taken.credits, taken.debt) == (before[0] - after[0], after[1] - before[1])

    def preview(self, payment_id: int, minor: int) -> previews.Taken:
        def count() -> previews.Taken:
            prepaid = self.shop.prepaid
            return previews.would_take(prepaid, prepaid.session.get_one(Payment, payment_id), minor)

        taken: previews.Taken = self.read(count)
        return taken

    def stands(self) -> tuple[int, int]:
        """What can be spent, and what is owed."""
        wallet = self.read(lambda: self.shop.prepaid.wallet(self.owner))
        return wallet.available, wallet.debt

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
