"""How a code gets into each of its states for a customer, and what each event does to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask_prepaid.errors import CodeRefused

from .cell import PayerCell, Waits

CODE, FRIEND = "WELCOME", "user:9"


class CodeCell(PayerCell):
    """A customer with 100 bought credits, and a code that gives 50 more for 30 days."""

    code = CODE

    def bring_about(self) -> None:
        self.shop.pay(self.shop.buy(self.owner))
        super().bring_about()

    def shown(self) -> str:
        given = self.read(lambda: self.shop.prepaid.available(FRIEND))
        return super().shown() + (f", friend {given}" if given else "")

    def make(self, **terms: Any) -> None:
        self.read(lambda: self.shop.prepaid.make_code(CODE, **{"credits": 50, **terms}))

    def redeem(self, code: str = CODE, owner: str = "") -> None:
        self.read(lambda: self.shop.prepaid.redeem(owner or self.owner, code))

    # States

    def new(self, **terms: Any) -> None:
        self.make(expires_after=timedelta(days=30), **terms)

    def redeemed(self) -> None:
        self.new()
        self.redeem()

    def twice(self) -> None:
        self.new(per_owner=2)
        self.redeem()

    def used_up(self) -> None:
        self.new(max_claims=1)
        self.redeem(owner="user:2")

    def off(self) -> None:
        self.new()
        self.read(lambda: self.shop.prepaid.switch_code(CODE, on=False))

    def over(self) -> None:
        self.new(expires_at=self.shop.now() + timedelta(hours=1))
        self.pass_time(timedelta(hours=2))

    def referral(self) -> None:
        self.new(referrer=FRIEND, referrer_credits=20)

    def referred(self) -> None:
        self.referral()
        self.redeem()

    def guessed(self) -> None:
        self.new()
        for number in range(self.read(lambda: self.shop.prepaid.config.code_guesses_per_hour)):
            try:
                self.redeem(f"GUESS{number}")
            except CodeRefused:
                continue

    def blocked(self) -> None:
        self.new()
        self.shut_out()

    def closed(self) -> None:
        self.new()
        super().on_leave()

    # Events

    def on_redeem(self) -> None:
        self.redeem()

    def on_hour(self) -> Waits:
        yield timedelta(hours=1, minutes=1)
        self.redeem()

    def on_another(self) -> None:
        self.read(lambda: self.shop.prepaid.make_code("OTHER", credits=7))
        self.redeem("OTHER")

    def on_switch_on(self) -> None:
        self.read(lambda: self.shop.prepaid.switch_code(CODE, on=True))
        self.redeem()

    def on_switch_off(self) -> None:
        self.read(lambda: self.shop.prepaid.switch_code(CODE, on=False))

    def on_lapse(self) -> Waits:
        yield timedelta(days=31)
