"""How what has a price in two currencies is bought, and what each event does to it and to the money."""

from __future__ import annotations

import json
from typing import Any

from flask_prepaid import Pack, Plan
from flask_prepaid.errors import UnknownItem
from flask_prepaid.money import show
from flask_prepaid.purchases.money_back import refunds
from flask_prepaid.subscriptions import changing, previews

from .cell import Cell, Waits
from .invoices import MONTH

PACK = Pack("pack", credits=120, prices={"usd": 1_000, "eur": 900})
PLAN = Plan("plan", credits=100, prices={"usd": 1_000, "eur": 900}, name="Plan")
LARGER = Plan("larger", credits=500, prices={"usd": 4_000, "eur": 3_600}, name="Larger")
IN_DOLLARS = Plan("dollars", credits=500, amount_minor=4_000, name="Dollars")


class CurrencyCell(Cell):
    """A customer of a shop that keeps dollars and euros apart at Stripe."""

    def shown(self) -> str:
        """The credits, and what is left of the money by the report of sales, which is Stripe's."""
        assert self.shop.command("sync").exit_code == 0
        totals = json.loads(self.shop.command("report", "sales", "--json").stdout)["totals"]
        left = {
            total["currency"]: total["gross_minor"] - total["refunds_minor"] - total["disputes_minor"]
            for total in totals
        }
        return " ".join([super().shown(), *(show(left[each], each) for each in sorted(left))])

    def buy_in(self, currency: str) -> None:
        browser = self.shop.browser(self.owner)
        pressed = self.shop.send_form(browser, "/prepaid/buy", pack=PACK.slug, currency=currency)
        if pressed.status_code == 422:
            raise UnknownItem("It is not sold in this currency now.", field="currency")
        self.shop.pay(self.shop.session_of(pressed))

    @property
    def last(self) -> Any:
        return self.shop.payments(self.owner)[-1]

    # States

    def euros(self) -> None:
        self.buy_in("eur")

    def dollars(self) -> None:
        self.buy_in("usd")

    def both(self) -> None:
        self.buy_in("usd")
        self.buy_in("eur")

    def saved_card(self) -> None:
        self.shop.press(self.shop.keep_card(self.owner), self.owner, pack="pack", currency="eur")

    def plan(self) -> None:
        self.shop.subscribe("plan", self.owner, currency="eur")

    # Events

    def on_refund(self, amount_minor: int | None = None) -> None:
        payment_id = self.last.id
        self.read(
            lambda: refunds.refund(
                self.shop.prepaid, payment_id, amount_minor=amount_minor, reason="asked for"
            )
        )

    def on_half_refund(self) -> None:
        self.on_refund(450)

    def on_dispute(self) -> None:
        self.shop.stripe.dispute(self.last.payment_intent_id)

    def on_won(self) -> None:
        dispute = self.shop.stripe.dispute(self.last.payment_intent_id)
        self.shop.stripe.dispute(dispute=dispute["id"], outcome="won")

    def on_buy_in_euros(self) -> None:
        self.buy_in("eur")

    def on_buy_in_dollars(self) -> None:
        self.buy_in("usd")

    def on_new_price(self) -> None:
        packs = self.shop.prepaid.catalog.packs
        packs[PACK.slug] = Pack(PACK.slug, credits=120, prices={"usd": 1_000, "eur": 1_800})
        try:
            self.on_refund()
        finally:
            packs[PACK.slug] = PACK

    def on_renewal(self) -> Waits:
        yield from MONTH

    def on_larger(self) -> None:
        self.change(LARGER)

    def on_other_currency(self) -> None:
        self.change(IN_DOLLARS)

    def change(self, plan: Plan) -> None:
        shown = self.read(lambda: previews.preview(self.shop.prepaid, self.owner, plan))
        self.read(
            lambda: changing.change(
                self.shop.prepaid,
                self.owner,
                plan,
                1,
                proration_date=shown.proration_date,
                due_minor=shown.due_minor,
            )
        )
