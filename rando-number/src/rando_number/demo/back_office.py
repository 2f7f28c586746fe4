"""What is done in the shop in a made-up history: commands, refunds, coupons; and disputes by the bank."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from click.testing import Result
from flask import Flask
from flask.cli import FlaskGroup
from sqlalchemy import ColumnElement, select

from flask_prepaid import Payment

from ..extensions import db
from .emulator import Emulator


@dataclass(frozen=True)
class Paid:
    """A payment that was made, of ``minor`` in the currency's smallest unit."""

    id: int
    charge_id: str
    minor: int


@dataclass(frozen=True)
class BackOffice:
    """Those who run the shop ``app``."""

    app: Flask
    emulator: Emulator
    chance: random.Random

    def command(self, *words: str) -> Result:
        """``flask`` with these words, as an operator types them."""
        return self.app.test_cli_runner().invoke(FlaskGroup(create_app=lambda: self.app), words)

    def paid(self, *which: ColumnElement[bool]) -> list[Paid]:
        """Payments with nothing refunded, the newest first."""
        payments = select(Payment.id, Payment.charge_id, Payment.paid_minor).where(*which)
        payments = payments.where(
            Payment.state == "paid", Payment.refunded_minor == 0, Payment.paid_minor > 0
        )
        with self.app.app_context():
            rows = db.session.execute(payments.order_by(Payment.id.desc()).limit(40)).all()
        return [Paid(id, charge_id or "", minor or 0) for id, charge_id, minor in rows]

    def last_payment_of(self, owner: str) -> Paid | None:
        """The newest payment of a customer."""
        return next(iter(self.paid(Payment.owner == owner)), None)

    def refund(self, payment: Paid | None) -> None:
        """Refund all of a payment, or half."""
        if payment is not None:
            amount = payment.minor if self.chance.random() < 0.6 else max(payment.minor // 2, 1)
            self.command(
                "prepaid", "refund", str(payment.id), "--amount", str(amount), "--reason", "asked for"
            )

    def give_discount(self) -> None:
        """Give the newest subscriber a coupon, as an operator does in Stripe's dashboard."""
        coupon = self.emulator.call(
            "coupons", percent_off=25, duration="repeating", duration_in_months=3, name="A quarter off"
        )
        (newest,) = self.emulator.call("subscriptions?limit=1")["data"]
        self.emulator.call(f"subscriptions/{newest['id']}", **{"discounts[0][coupon]": coupon["id"]})

    def dispute(self, payment: Paid | None) -> Callable[[], object] | None:
        """Let the bank dispute a payment; what decides it, if it could be disputed."""
        opened = payment and self.emulator.control("dispute", charge=payment.charge_id)
        if not opened:
            return None
        decision = {"dispute": opened["id"], "outcome": self.chance.choice(["won", "lost", "lost"])}
        return lambda: self.emulator.control("dispute", **decision)
