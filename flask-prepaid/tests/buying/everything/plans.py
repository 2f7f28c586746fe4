"""How a plan gets into each of its states, and what each event does to it."""

from __future__ import annotations

from flask_prepaid.subscriptions import changing

from .cell import Cell, Waits
from .invoices import MONTH


class PlanCell(Cell):
    """A customer who has a plan, or had one."""

    def shown(self) -> str:
        plan = self.read(lambda: self.shop.prepaid.plan(self.owner))
        state = plan.state if plan is not None else self.last_state()
        return f"{state} {super().shown()}"

    def last_state(self) -> str:
        """The state of a plan that has ended."""
        return "none" if self.state == "none" else str(self.shop.state(self.owner))

    # States

    def none(self) -> None:
        """Nobody has chosen anything."""

    def active(self) -> None:
        self.shop.subscribe("small", self.owner)

    # Events

    def on_choose(self) -> None:
        answer = self.shop.send(owner=self.owner, plan="small")
        self.is_refused = answer.status_code != 303
        if not self.is_refused:
            self.shop.stripe.pay(self.shop.session_of(answer))

    def on_cancel(self) -> None:
        self.read(lambda: changing.cancel_now(self.shop.prepaid, self.owner))

    def on_end(self) -> None:
        self.read(lambda: changing.cancel_at_end(self.shop.prepaid, self.owner))

    def on_keep(self) -> None:
        self.read(lambda: changing.keep(self.shop.prepaid, self.owner))

    def on_pause(self) -> None:
        self.read(lambda: changing.pause(self.shop.prepaid, self.owner))

    def on_go_on(self) -> None:
        self.read(lambda: changing.unpause(self.shop.prepaid, self.owner))

    def on_good_card(self) -> None:
        card = self.shop.save_card(owner=self.owner)
        self.read(lambda: changing.use_card(self.shop.prepaid, self.owner, card))

    def on_month(self) -> Waits:
        yield MONTH

    def on_block(self) -> Waits:
        self.shut_out()
        yield MONTH
