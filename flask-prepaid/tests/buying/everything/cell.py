"""One cell of the table: a customer on the emulator, brought into a state, to whom an event happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from flask_prepaid import Operators
from flask_prepaid.payments.customers import removal
from flask_prepaid.purchases.money_back import refunds
from prepaid_ledger.errors import PrepaidError

from ..subscriptions.plan_shop import VISA, PlanShop

#: An event that takes time.
Waits = Iterator[timedelta]

#: From the first day of a plan until its second month is billed.
FIRST_MONTH = timedelta(days=29)


class Cell:
    """A customer for whom a state is brought about, and then an event happens.

    A method with a state's name brings it about; one with ``on_`` before it lets an event happen. An event
    that takes time yields how much goes by.

    :param card: What the customer pays with.
    """

    owner = "user:1"

    #: How far the clock goes on, once a customer has been brought into one of these states.
    after: ClassVar[Mapping[str, timedelta]] = {}

    def __init__(self, shop: PlanShop, state: str, card: str = VISA) -> None:
        self.shop, self.state, self.card = shop, state, card

    @classmethod
    def card_for(cls, event: str) -> str:
        """The card that the customer must have paid with if this event is to happen."""
        return VISA

    def bring_about(self) -> None:
        getattr(self, as_name(self.state))()

    def after_the_month(self) -> None:
        """What a state needs besides, once its first month has gone by."""

    def come_to(self, event: str) -> str:
        """What the customer has after the event, or ``refused``."""
        try:
            waits: Waits | None = getattr(self, f"on_{as_name(event)}")()
            for time in waits or ():
                self.pass_time(time)
        except PrepaidError:
            return "refused"
        self.shop.stripe.deliver()
        return self.shown()

    def pass_time(self, time: timedelta) -> None:
        """Let time go by; what falls due happens, its events arrive, and the shop ticks."""
        self.shop.stripe.advance(seconds=int(time.total_seconds()))
        self.shop.tick()

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
        key = f"work:{credits}"
        self.write(lambda: self.shop.prepaid.spend(self.owner, credits=credits, key=key))

    def adjust(self, credits: int) -> None:
        self.write(lambda: self.shop.prepaid.adjust(self.owner, credits, key="by hand", reason="by hand"))

    def shut_out(self) -> None:
        """The host shuts the customer out."""
        self.shop.prepaid.operators = Operators(current=lambda: None, blocked=lambda each: True)

    def let_in(self) -> None:
        """The host lets them in again."""
        self.shop.prepaid.operators = Operators(current=lambda: None, blocked=lambda each: False)

    def on_spend(self) -> None:
        self.spend(50)

    def on_grant(self) -> None:
        self.write(lambda: self.shop.prepaid.grant(self.owner, 50, key="a gift", reason="a gift"))

    def on_redeem(self) -> None:
        self.read(lambda: self.shop.prepaid.make_code("GIFT", credits=50))
        self.read(lambda: self.shop.prepaid.redeem(self.owner, "gift"))

    def on_buy(self) -> None:
        self.shop.pay(self.shop.buy(self.owner))

    def on_leave(self) -> None:
        self.read(lambda: removal.remove(self.shop.prepaid, self.owner))
        self.shop.stripe.deliver()


class PayerCell(Cell):
    """A customer whose payment is refunded or disputed whole."""

    def on_refund(self) -> None:
        payment_id = self.shop.payments(self.owner)[0].id
        self.read(lambda: refunds.refund(self.shop.prepaid, payment_id, reason="asked for"))

    def on_dispute(self) -> None:
        self.shop.stripe.dispute(self.shop.payments(self.owner)[0].payment_intent_id)


def as_name(words: str) -> str:
    """``adjust, refund`` as the name of a method."""
    return words.replace(",", "").replace(" ", "_")
