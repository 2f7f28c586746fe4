"""How a plan gets into each of its states, and what each event does to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from flask_prepaid.errors import PlanRefused
from flask_prepaid.subscriptions import changing, previews, prices

from .cell import FIRST_MONTH, Cell, Waits
from .invoices import MONTH


class PlanCell(Cell):
    """A customer who has a plan, or had one."""

    after: ClassVar = {"past due": FIRST_MONTH}

    def shown(self) -> str:
        plan = self.read(lambda: self.shop.prepaid.plan(self.owner))
        state = plan.state if plan is not None else self.last_state()
        return f"{state} {super().shown()}"

    def last_state(self) -> str:
        """The state of a plan that has ended."""
        return "none" if self.state == "none" else str(self.shop.state(self.owner))

    @property
    def half(self) -> timedelta:
        """Of the trial, or of the first month, which has 28 days."""
        return timedelta(days=7 if self.state == "trying" else 14)

    # States

    def none(self) -> None:
        """Nobody has chosen anything."""

    def trying(self) -> None:
        self.shop.subscribe("trial", self.owner)

    def active(self) -> None:
        self.shop.subscribe("small", self.owner)

    def ending(self) -> None:
        self.active()
        self.on_end()

    def planned(self) -> None:
        self.active()
        self.change("taste")

    def paused(self) -> None:
        self.active()
        self.on_pause()

    def past_due(self) -> None:
        self.active()
        self.spend(100)
        customer = str(self.read(lambda: self.shop.prepaid.customer_id(self.owner)))
        card = self.shop.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
        plan = self.shop.stripe_id(self.owner)
        self.shop.v1.subscriptions.update(plan, {"default_payment_method": card.id})

    def canceled(self) -> None:
        self.active()
        self.on_cancel()

    def blocked(self) -> None:
        self.active()
        self.shut_out()
        self.shop.tick()

    def closed(self) -> None:
        self.active()
        self.on_leave()

    # Events

    def on_choose(self) -> None:
        answer = self.shop.send(owner=self.owner, plan="small")
        if answer.status_code != 303:
            raise PlanRefused(answer.text)
        self.shop.stripe.pay(self.shop.session_of(answer))

    def on_cancel(self) -> None:
        self.read(lambda: changing.cancel_now(self.shop.prepaid, self.owner))

    def on_end(self) -> None:
        self.read(lambda: changing.cancel_at_end(self.shop.prepaid, self.owner))

    def on_keep(self) -> None:
        self.read(lambda: changing.keep(self.shop.prepaid, self.owner))

    def on_pause(self) -> None:
        self.read(lambda: changing.pause(self.shop.prepaid, self.owner))

    def on_pause_in_a_block(self) -> Waits:
        self.shut_out()
        yield 2 * self.half - timedelta(hours=1)
        self.on_pause()
        self.let_in()
        self.shop.tick()
        self.on_go_on()
        yield timedelta(days=1)

    def on_go_on(self) -> None:
        self.read(lambda: changing.unpause(self.shop.prepaid, self.owner))

    def on_good_card(self) -> None:
        card = self.shop.save_card(owner=self.owner)
        self.read(lambda: changing.use_card(self.shop.prepaid, self.owner, card))

    def on_month(self) -> Waits:
        yield from MONTH

    def on_block(self) -> Waits:
        self.shut_out()
        self.shop.tick()
        yield from MONTH

    def on_upgrade(self) -> Waits:
        yield self.half
        self.change("large")

    def on_downgrade(self) -> Waits:
        yield self.half
        self.change("taste")
        yield from MONTH

    def on_made_smaller(self) -> Waits:
        yield self.half
        taste = self.shop.prepaid.catalog.plans["taste"]
        price = self.read(lambda: prices.ensure(self.shop.prepaid, taste).id)
        plan = self.shop.v1.subscriptions.retrieve(self.shop.stripe_id(self.owner))
        change: Any = {
            "items": [{"id": plan["items"].data[0].id, "price": price}],
            "proration_behavior": "always_invoice",
        }
        self.shop.v1.subscriptions.update(plan.id, change)

    def change(self, slug: str) -> None:
        prepaid = self.shop.prepaid
        plan = prepaid.catalog.plans[slug]
        shown = self.read(lambda: previews.preview(prepaid, self.owner, plan, 1))
        agreed = {"proration_date": shown.proration_date, "due_minor": shown.due_minor}
        self.read(lambda: changing.change(prepaid, self.owner, plan, 1, **agreed))
