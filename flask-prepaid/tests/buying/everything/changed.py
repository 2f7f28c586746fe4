"""How a plan is changed in Stripe's dashboard, and what each event does to what its money has paid for."""

from __future__ import annotations

from datetime import timedelta

from flask_prepaid.purchases.money_back import refundable, refunds
from flask_prepaid.subscriptions import changing
from prepaid_ledger.errors import NothingToReverse

from ..purchases.test_carried_money import change
from .balances import SOON, BalanceCell
from .cell import Waits
from .invoices import MONTH

#: Of the first month, which has 28 days.
QUARTER = timedelta(days=7)


class ChangedCell(BalanceCell):
    """A customer whose plan was changed after half of its first month, and paid for that by what was left."""

    def half_month(self) -> None:
        self.month()
        self.pass_time(2 * QUARTER)

    # States

    def more_credits(self) -> None:
        self.half_month()
        change(self.shop, "rich")

    def spent(self) -> None:
        self.more_credits()
        self.spend(250)

    def cheaper(self) -> None:
        self.half_month()
        change(self.shop, "cheap")

    def dearer(self) -> None:
        self.half_month()
        change(self.shop, "double")

    def same_rate(self) -> None:
        self.half_month()
        change(self.shop, "fair")

    def twice(self) -> None:
        self.more_credits()
        self.pass_time(QUARTER)
        change(self.shop, "richer", after_quarters=3)

    def smaller_again(self) -> None:
        self.more_credits()
        self.pass_time(QUARTER)
        change(self.shop, "taste", after_quarters=3)

    def refunded_before(self) -> None:
        self.half_month()
        self.refund(self.first.id)
        self.shop.tick()
        change(self.shop, "rich")

    # Events

    def refund(self, payment_id: int) -> None:
        self.read(lambda: refunds.refund(self.shop.prepaid, payment_id, reason="asked for"))
        self.shop.stripe.deliver()

    def on_refund_of_the_change(self) -> Waits:
        self.refund(self.shop.payments(self.owner)[-1].id)
        yield SOON

    def on_refund_of_all(self) -> Waits:
        payments = self.shop.payments(self.owner)
        left = self.read(lambda: refundable.left_of_each(self.shop.prepaid.session, payments))
        if not any(left.values()):
            raise NothingToReverse("Nothing is left to refund.")
        for payment_id in [payment_id for payment_id, minor in left.items() if minor]:
            self.refund(payment_id)
        yield SOON

    def on_credit_note(self) -> Waits:
        self.credit(1_000)
        yield SOON

    def on_renewal(self) -> Waits:
        yield from MONTH

    def on_cancel(self) -> None:
        self.read(lambda: changing.cancel_now(self.shop.prepaid, self.owner))
