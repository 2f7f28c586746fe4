"""How a month of a plan gets into each of its states, and what each event does to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_prepaid.purchases.money_back import refunds
from flask_prepaid.subscriptions import changing
from flask_prepaid.subscriptions.models import Invoice

from .cell import FIRST_MONTH, Cell, Waits

#: A month goes by in steps, so that the shop ticks before and after a trial or a month has ended.
MONTH = (
    timedelta(days=13, hours=23),
    timedelta(hours=3),
    timedelta(days=13, hours=21),
    timedelta(hours=3),
    timedelta(days=2, hours=22),
)


class InvoiceCell(Cell):
    """A customer with a plan of 100 credits for $10.00 a month."""

    after = dict.fromkeys(("balance", "part", "outside", "open", "renewed"), FIRST_MONTH)

    @property
    def customer(self) -> str:
        return str(self.read(lambda: self.shop.prepaid.customer_id(self.owner)))

    @property
    def invoice(self) -> Invoice:
        """The month that it is about."""
        invoices = self.shop.invoices(self.owner)
        return invoices[0 if self.state == "renewed" else -1]

    @property
    def payment_id(self) -> int:
        assert self.invoice.payment_id is not None
        return self.invoice.payment_id

    def use_card(self, name: str) -> None:
        """The plan is charged to another card from now on."""
        card = self.shop.v1.payment_methods.attach(name, {"customer": self.customer})
        plan = self.shop.stripe_id(self.owner)
        self.shop.v1.subscriptions.update(plan, {"default_payment_method": card.id})

    # States

    def paid(self) -> None:
        self.shop.subscribe("small", self.owner)

    def spent(self) -> None:
        self.paid()
        self.spend(40)

    def used_up(self) -> None:
        self.paid()
        self.spend(100)

    def balance(self) -> None:
        self.used_up()
        self.shop.v1.customers.update(self.customer, {"balance": -1_000})

    def part(self) -> None:
        self.used_up()
        self.shop.v1.customers.update(self.customer, {"balance": -400})

    def outside(self) -> None:
        self.open()

    def free(self) -> None:
        session = self.shop.choose("small", self.owner)
        typed = self.shop.stripe.browser().post(f"/pay/{session}/promotion", data={"promotion_code": "ALL"})
        assert typed.status_code < 400
        self.shop.stripe.pay(session)

    def open(self) -> None:
        self.used_up()
        self.use_card("pm_card_chargeCustomerFail")

    def renewed(self) -> None:
        self.spent()

    def after_the_month(self) -> None:
        if self.state == "outside":
            self.shop.v1.invoices.pay(self.invoice.stripe_id, {"paid_out_of_band": True})
            self.shop.stripe.deliver()

    # Events

    def on_refund(self) -> None:
        self.read(lambda: refunds.refund(self.shop.prepaid, self.payment_id, reason="asked for"))
        self.shop.stripe.deliver()

    def on_credit_note(self) -> None:
        params: Any = {"invoice": self.invoice.stripe_id, "amount": 400}
        self.shop.v1.credit_notes.create(params | ({} if self.state == "open" else {"credit_amount": 400}))
        self.shop.stripe.deliver()

    def dispute(self) -> str:
        payment = next(row for row in self.shop.payments(self.owner) if row.id == self.payment_id)
        return str(self.shop.stripe.dispute(payment.payment_intent_id)["id"])

    def on_dispute(self) -> None:
        self.dispute()

    def on_dispute_renewal(self) -> Waits:
        self.dispute()
        self.shop.stripe.deliver()
        yield from MONTH

    def on_kept_renewal(self) -> Waits:
        self.dispute_and_keep()
        yield from MONTH

    def dispute_and_keep(self) -> str:
        """A tick lets the plan end with what is paid, and its customer keeps it."""
        dispute = self.dispute()
        self.shop.stripe.deliver()
        self.shop.tick()
        self.read(lambda: changing.keep(self.shop.prepaid, self.owner))
        return dispute

    def on_won(self) -> None:
        self.shop.stripe.dispute(dispute=self.dispute(), outcome="won")

    def on_won_renewal(self) -> Waits:
        self.on_won()
        self.shop.stripe.deliver()
        yield from MONTH

    def on_renewal(self) -> Waits:
        yield from MONTH

    def on_renewal_won(self) -> Waits:
        yield from MONTH[:3]
        dispute = self.dispute_and_keep()
        yield from MONTH[3:]
        self.shop.stripe.dispute(dispute=dispute, outcome="won")
        self.shop.stripe.deliver()
        yield timedelta(days=1)

    def on_coupon(self) -> Waits:
        coupon = self.shop.v1.coupons.create({"percent_off": 100, "duration": "once"})
        self.shop.v1.subscriptions.update(
            self.shop.stripe_id(self.owner), {"discounts": [{"coupon": coupon.id}]}
        )
        yield from MONTH

    def on_cancel(self) -> None:
        self.read(lambda: changing.cancel_now(self.shop.prepaid, self.owner))
        self.shop.stripe.deliver()
