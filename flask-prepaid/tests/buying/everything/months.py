"""How a year that gives month by month gets into each of its states, and what each event does to it."""

from __future__ import annotations

from datetime import timedelta

from flask_prepaid.purchases.money_back import refundable, refunds
from flask_prepaid.subscriptions import changing, previews

from .cell import Cell, Waits

#: The year begins on 31 January: so long are its first four months.
LENGTHS = (28, 31, 30, 31)

#: What a month costs, of $120.00 a year.
MONTH_MINOR = 1_000


class MonthsCell(Cell):
    """A customer with a plan of 100 credits a month for $120.00 a year."""

    @property
    def begun(self) -> int:
        """How many months have begun."""
        return 3 if self.state == "third" else 1

    def on_days(self, *months: int) -> timedelta:
        return timedelta(days=sum(LENGTHS[month - 1] for month in months))

    # States

    def first(self) -> None:
        self.shop.subscribe("drip", self.owner)

    def used_up(self) -> None:
        self.first()
        self.spend(100)

    def third(self) -> None:
        self.first()
        self.pass_time(self.on_days(1))
        self.pass_time(self.on_days(2))

    def half_back(self) -> None:
        self.first()
        self.refund(6 * MONTH_MINOR)

    # Events

    def on_month(self) -> Waits:
        yield self.on_days(self.begun)

    def on_late(self) -> Waits:
        yield self.on_days(self.begun, self.begun + 1)

    def refund(self, minor: int | None = None) -> None:
        (payment,) = self.shop.payments(self.owner)
        self.read(
            lambda: refunds.refund(self.shop.prepaid, payment.id, amount_minor=minor, reason="asked for")
        )
        self.shop.stripe.deliver()

    @property
    def rest_minor(self) -> int:
        """What the months cost that have not come, and are not refunded."""
        (payment,) = self.shop.payments(self.owner)
        left = self.read(lambda: refundable.left_to_refund(self.shop.prepaid.session, payment))
        return int(left) - self.begun * MONTH_MINOR

    def on_refund(self) -> None:
        self.refund()

    def on_rest(self) -> None:
        self.refund(self.rest_minor)

    def on_more_than_rest(self) -> None:
        self.refund(self.rest_minor + MONTH_MINOR // 2)

    def dispute(self) -> str:
        (payment,) = self.shop.payments(self.owner)
        return str(self.shop.stripe.dispute(payment.payment_intent_id)["id"])

    def on_dispute(self) -> None:
        self.dispute()

    def on_won(self) -> None:
        self.shop.stripe.dispute(dispute=self.dispute(), outcome="won")

    def on_upgrade(self) -> Waits:
        yield self.on_days(self.begun) / 2
        prepaid = self.shop.prepaid
        plan = prepaid.catalog.plans["more"]
        shown = self.read(lambda: previews.preview(prepaid, self.owner, plan, 1))
        agreed = {"proration_date": shown.proration_date, "due_minor": shown.due_minor}
        self.read(lambda: changing.change(prepaid, self.owner, plan, 1, **agreed))

    def on_cancel(self) -> Waits:
        self.read(lambda: changing.cancel_now(self.shop.prepaid, self.owner))
        yield self.on_days(self.begun)

    def on_pause(self) -> Waits:
        self.read(lambda: changing.pause(self.shop.prepaid, self.owner))
        yield self.on_days(self.begun)

    def on_block(self) -> Waits:
        self.shut_out()
        yield self.on_days(self.begun)

    def on_leave(self) -> Waits:  # type: ignore[override]
        super().on_leave()
        yield self.on_days(self.begun)
