"""One cell of the table, brought about on the emulator by a customer of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from flask_prepaid import Operators
from flask_prepaid.payments import customers
from prepaid_ledger.errors import PrepaidError

from ..subscriptions.plan_shop import PlanShop

#: An event that takes time.
Waits = Iterator[timedelta]


class Cell:
    """A customer for whom a state is brought about, and then an event happens.

    A method with a state's name brings it about; one with ``on_`` before it lets an event happen. An event
    that takes time yields how much, for the clock goes on for everybody in the shop.
    """

    def __init__(self, shop: PlanShop, state: str, event: str, number: int) -> None:
        self.shop = shop
        self.state, self.event = state, event
        self.owner = f"user:{number}"
        self.is_refused = False

    def bring_about(self) -> None:
        getattr(self, as_name(self.state))()

    def begin(self) -> timedelta | None:
        """Let the event happen; after which time it goes on, or ``None`` where it needs none."""
        try:
            self.rest: Waits | None = getattr(self, f"on_{as_name(self.event)}")()
            return next(self.rest) if self.rest else None
        except PrepaidError:
            self.is_refused = True
            return None

    def go_on(self) -> None:
        """After the time that the event waits for."""
        assert self.rest is not None
        for _ in self.rest:
            raise AssertionError(f"{self.event} waits twice")

    def came(self) -> str:
        """What the customer has after the event, or ``refused``."""
        return "refused" if self.is_refused else self.shown()

    def shown(self) -> str:
        wallet = self.read(lambda: self.shop.prepaid.wallet(self.owner))
        return f"{wallet.available} owes {wallet.debt}" if wallet.debt else str(wallet.available)

    def read(self, do: Callable[[], Any]) -> Any:
        return self.shop.read(do)

    def write(self, do: Callable[[], object]) -> None:
        """In the host's transaction, which is committed."""

        def committed() -> None:
            do()
            self.shop.prepaid.session.commit()

        self.read(committed)

    def spend(self, credits: int) -> None:
        key = f"work:{self.event}:{credits}"
        self.write(lambda: self.shop.prepaid.spend(self.owner, credits=credits, key=key))

    def adjust(self, credits: int) -> None:
        self.write(lambda: self.shop.prepaid.adjust(self.owner, credits, key="by hand", reason="by hand"))

    def shut_out(self) -> None:
        """The host shuts the customer out."""
        blocked = self.shop.prepaid.operators.blocked
        owner = self.owner
        self.shop.prepaid.operators = Operators(
            current=lambda: None, blocked=lambda each: each == owner or blocked(each)
        )

    def on_spend(self) -> None:
        self.spend(50)

    def on_grant(self) -> None:
        self.write(lambda: self.shop.prepaid.grant(self.owner, 50, key="a gift", reason="a gift"))

    def on_buy(self) -> None:
        self.shop.pay(self.shop.buy(self.owner))

    def on_leave(self) -> None:
        self.read(lambda: customers.remove(self.shop.prepaid, self.owner))
        self.shop.stripe.deliver()


def as_name(words: str) -> str:
    """``adjust, refund`` as the name of a method."""
    return words.replace(",", "").replace(" ", "_")
