"""How auto top-up gets into each of its states, and what each event does to it."""

from __future__ import annotations

from flask_prepaid.purchases.auto_topup import topups
from flask_prepaid.purchases.saved_cards import cards

from .cell import PayerCell

DECLINES_LATER = "4000000000000341"
ASKS_ALWAYS = "4000002760003184"
GOOD = "4242424242424242"


class TopUpCell(PayerCell):
    """A customer with 100 credits, for whom 100 more are bought when fewer than 20 are left."""

    def come_to(self, event: str) -> str:
        came = super().come_to(event)
        if came == "refused":
            return came
        self.shop.tick()
        return self.shown()

    def shown(self) -> str:
        row = self.read(lambda: topups.setting(self.shop.prepaid.session, self.owner))
        setting = "off" if row is None else "on" if row.on else "stopped"
        return f"{super().shown()} {setting}"

    def switched_on(self, number: str) -> None:
        self.shop.pay(self.shop.buy(self.owner))
        self.shop.keep_card(self.owner, number)
        context = self.shop.prepaid
        self.read(
            lambda: topups.switch_on(context, self.owner, pack="starter", threshold=20, ceiling_minor=2_000)
        )

    # States

    def on(self) -> None:
        self.switched_on(GOOD)

    def declines(self) -> None:
        self.switched_on(DECLINES_LATER)

    def asks(self) -> None:
        self.switched_on(ASKS_ALWAYS)

    def no_card(self) -> None:
        self.switched_on(GOOD)
        card = self.shop.saved_card(self.owner)
        self.read(lambda: cards.remove(self.shop.prepaid, self.owner, card))

    def blocked(self) -> None:
        self.switched_on(GOOD)
        self.shut_out()

    def closed(self) -> None:
        self.switched_on(GOOD)
        self.on_leave()

    # Events

    def on_spend(self) -> None:
        self.spend(90)

    def on_overrun(self) -> None:
        books = self.shop.prepaid
        self.write(lambda: books.hold(self.owner, credits=100, key="answer"))
        self.write(lambda: books.capture(self.owner, credits=130, key="answer", overrun="debt"))

    def on_adjust(self) -> None:
        self.adjust(-90)

    def on_take_all(self) -> None:
        self.adjust(-100)
