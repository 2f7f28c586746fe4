"""A shop of plans that are paid by the year, or the quarter, and give their credits month by month."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import URL, select

from flask_prepaid import Plan
from flask_prepaid.purchases.money_back import refunds
from prepaid_ledger.tables import Entry, Kind, Wallet

from .plan_shop import PlanShop, moment

MONTHLY = (
    Plan("small", credits=100, amount_minor=1_000, name="Small"),
    Plan("drip", credits=100, amount_minor=12_000, interval="year", every="month", name="Drip", roll_over=30),
    Plan("more", credits=300, amount_minor=24_000, interval="year", every="month", name="More", once=50),
    Plan("atonce", credits=6_000, amount_minor=36_000, interval="year", name="At once"),
    Plan(
        "quarter",
        credits=10,
        amount_minor=600,
        interval_count=3,
        every="month",
        name="Quarter",
        trial_days=14,
        trial_credits=5,
        once=7,
    ),
)


class MonthShop(PlanShop):
    """One customer, and a clock that is moved to the second."""

    def __init__(self, database: URL, *, start: str = "2025-01-31T12:00:00", **settings: Any) -> None:
        super().__init__(database, start=start, plans=MONTHLY, **settings)
        self.stripe.reset(now=moment(start), seed=19)

    def go_to(self, when: str, *, ticks: int = 1) -> None:
        """Let time pass until a moment in UTC; what falls due happens, and the shop ticks."""
        self.stripe.advance(to=moment(when))
        for _ in range(ticks):
            self.tick()

    def came(self, owner: str = "user:1") -> list[tuple[str, int]]:
        """The day and the credits of each allowance, but for what moved up, oldest first."""
        mine = select(Entry).join(Wallet, Entry.of(Wallet))
        mine = mine.where(Wallet.owner == owner, Entry.kind == Kind.ALLOWANCE).order_by(Entry.seq)
        rows = self.read(lambda: self.prepaid.session.scalars(mine).all())
        return [(day_of(row.at), row.credits) for row in rows if not row.key.startswith("rollover:")]

    def refund(self, minor: int, payment: int = 0, owner: str = "user:1") -> None:
        payment_id = self.payments(owner)[payment].id
        self.read(lambda: refunds.refund(self.prepaid, payment_id, amount_minor=minor, reason="asked for"))
        self.stripe.deliver()

    def owes(self) -> int:
        return int(self.read(lambda: self.prepaid.wallet("user:1").debt))


def day_of(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"
