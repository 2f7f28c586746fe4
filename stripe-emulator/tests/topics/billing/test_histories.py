"""Random lives of subscriptions: whatever happens, previews were right and the books add up."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import pytest
import stripe

from ..shop import DAY, SDK, Shop

STARTS = ["2026-01-29", "2026-01-30", "2026-01-31", "2028-02-29"]
PRICES = [(1000, "month", 1), (3000, "month", 1), (333, "week", 1), (10000, "year", 1), (2500, "month", 3)]
BEHAVIORS = ["always_invoice", "create_prorations", "none"]
CARDS = ["pm_card_visa", "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_threeDSecure2Required"]
OVER = ("canceled", "incomplete_expired")


class History:
    """One account to which random things happen."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.shop = Shop.at(f"{self.random.choice(STARTS)}T{self.random.randrange(24):02d}:17:00")
        self.prices = [
            self.shop.price(amount, f"P{amount}", recurring={"interval": unit, "interval_count": count})
            for amount, unit, count in PRICES
        ]
        self.coupon = self.shop.v1.coupons.create({"percent_off": 25, "duration": "once"}).id
        self.customer = self.shop.customer()
        self.subscriptions: list[str] = []

    def step(self) -> None:
        verbs: list[Callable[[], None]] = [
            self.subscribe,
            self.change,
            self.change,
            self.wait,
            self.wait,
            self.replace_card,
            self.leave_or_stay,
            self.pause_or_resume,
        ]
        with suppress(stripe.CardError):  # a part of life; what it left behind is checked at the end
            self.random.choice(verbs)()

    def subscribe(self) -> None:
        more: dict[str, Any] = self.random.choice(
            [{}, {"trial_period_days": 9}, {"discounts": [{"coupon": self.coupon}]}]
        )
        made = self.shop.subscribe(self.customer, self.random.choice(self.prices), **more)
        self.subscriptions.append(made.id)

    def change(self) -> None:
        subscription = self.some()
        if subscription is None or subscription.status in OVER:
            return
        item = {"id": subscription["items"].data[0].id, "price": self.random.choice(self.prices)}
        wanted: dict[str, Any] = {
            "items": [item | {"quantity": self.random.randrange(1, 4)}],
            "proration_behavior": self.random.choice(BEHAVIORS),
        }
        if subscription.status != "paused":
            wanted["proration_date"] = self.shop.emulator.now()
        preview = self.preview(subscription.id, wanted)
        before = len(self.shop.invoices(self.customer))
        self.shop.update(subscription.id, **wanted)
        made = self.shop.invoices(self.customer)[before:]
        if made and preview is not None:
            assert [line.amount for line in made[-1].lines.data] == [
                line.amount for line in preview.lines.data
            ]
            assert (made[-1].total, made[-1].amount_due) == (preview.total, preview.amount_due)

    def preview(self, name: str, wanted: dict[str, Any]) -> stripe.Invoice | None:
        form = {"subscription": name, "subscription_details": wanted}
        try:
            return self.shop.v1.invoices.create_preview(cast(Any, form))
        except stripe.InvalidRequestError as error:
            if error.code != "invoice_upcoming_none":
                raise
            return None

    def wait(self) -> None:
        self.shop.advance(days=self.random.randrange(1, 40), hours=self.random.randrange(24))

    def replace_card(self) -> None:
        self.shop.give_card(self.customer, self.random.choice(CARDS))

    def leave_or_stay(self) -> None:
        subscription = self.some()
        if subscription is not None and subscription.status not in OVER:
            self.shop.update(subscription.id, cancel_at_period_end=self.random.random() < 0.5)

    def pause_or_resume(self) -> None:
        subscription = self.some()
        if SDK >= 16 and subscription is not None and subscription.status in ("active", "past_due"):
            self.shop.v1.subscriptions.pause(subscription.id, {"type": "subscription"})
        elif subscription is not None and subscription.status == "paused":
            self.shop.v1.subscriptions.resume(subscription.id)

    def some(self) -> stripe.Subscription | None:
        return self.shop.subscription(self.random.choice(self.subscriptions)) if self.subscriptions else None


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_books_add_up(seed: int) -> None:
    history = History(seed)
    shop = history.shop

    for _ in range(18):
        history.step()
    shop.advance(to=shop.emulator.now() + 100 * DAY)

    moved = shop.v1.customers.balance_transactions.list(history.customer, {"limit": 100})
    balance = sum(transaction.amount for transaction in moved.auto_paging_iter())
    assert balance == shop.v1.customers.retrieve(history.customer).balance
    for invoice in shop.v1.invoices.list({"limit": 100}).auto_paging_iter():
        lines = [
            line.amount - sum(off.amount for off in line.discount_amounts or [])
            for line in invoice.lines.data
        ]
        assert invoice.total == sum(lines)
        assert invoice.amount_due == invoice.amount_paid + invoice.amount_remaining
    for subscription in shop.v1.subscriptions.list().auto_paging_iter():
        item = subscription["items"].data[0]
        running = item.current_period_start <= shop.emulator.now() < item.current_period_end
        assert running or subscription.status == "paused"
