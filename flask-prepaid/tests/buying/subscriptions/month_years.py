"""Random years with plans that drip, lived in a shop and told to a model, and the two compared."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import select

from flask_prepaid.errors import PlanRefused
from flask_prepaid.purchases import refunds
from flask_prepaid.subscriptions import changing, previews, prices
from flask_prepaid.subscriptions.models import BEGINNING, ENDED, Invoice, State
from flask_prepaid.testing import Databases
from prepaid_ledger.errors import NothingToReverse
from prepaid_ledger.tables import Entry, Kind, Wallet

from .month_model import BilledTime, Books, Terms
from .month_shop import MONTHLY, MonthShop

STARTS = ("2024-01-31T12:00:00", "2024-02-10T00:00:05", "2025-08-31T23:59:50", "2025-11-30T06:00:00")
DRIPPING = ("drip", "more", "quarter")
TERMS = {plan.slug: Terms(plan.credits, plan.parts) for plan in MONTHLY}

#: What may happen, and how often of each ten times.
VERBS = ("wait",) * 3 + ("change", "switch", "refund", "refund", "pause", "go on", "spend", "end", "keep")


class Year:
    """A customer of a plan that drips, and an operator who refunds and switches plans by hand."""

    def __init__(self, shop: MonthShop, seed: int) -> None:
        self.shop, self.chance = shop, random.Random(seed)
        self.books = Books(TERMS)
        self.seen: set[str] = set()
        self.story: list[str] = []

    def live(self, days: int) -> None:
        plan = self.chance.choice(DRIPPING)
        self.story.append(f"subscribe {plan}")
        self.shop.subscribe(plan)
        self.observe()
        until = self.shop.stripe.now() + days * 86_400
        while self.shop.stripe.now() < until and self.shop.row().state not in ENDED | BEGINNING:
            verb = self.chance.choice(VERBS)
            self.story.append(verb)
            getattr(self, verb.replace(" ", "_"))()
            self.observe()
            self.compare()
            self.wait()
            self.compare()
        assert self.shop.audit() == [], self.story

    def wait(self) -> None:
        days = self.chance.choice((1, 5, 13, 30, 31, 64))
        self.story.append(f"{days} days")
        self.shop.stripe.advance(days=days, seconds=self.chance.randrange(86_400))
        self.observe()
        for _ in range(self.chance.choice((1, 1, 2))):
            self.shop.tick()
        self.observe()
        self.books.tick(self.shop.stripe.now())

    def change(self) -> None:
        prepaid = self.shop.prepaid
        plan = prepaid.catalog.plans[self.chance.choice(("drip", "more"))]

        def change() -> None:
            shown = previews.preview(prepaid, "user:1", plan, 1)
            agreed = {"proration_date": shown.proration_date, "due_minor": shown.due_minor}
            changing.change(prepaid, "user:1", plan, 1, **agreed)

        self.may(change)

    def switch(self) -> None:
        """An operator changes the plan in Stripe's dashboard, at once, to one as long."""
        plan = self.shop.prepaid.catalog.plans[self.chance.choice(("drip", "more", "atonce"))]
        self.story.append(f"to {plan.slug}")
        current = self.shop.v1.subscriptions.retrieve(self.shop.stripe_id())
        item = current["items"].data[0]
        if item.price.recurring.interval != "year" or current.status != "active" or current.schedule:
            return
        price = self.shop.read(lambda: prices.ensure(self.shop.prepaid, plan).id)
        wanted: Any = {"items": [{"id": item.id, "price": price}], "proration_behavior": "always_invoice"}
        self.shop.v1.subscriptions.update(current.id, wanted)

    def refund(self) -> None:
        payments = [payment for payment in self.shop.payments() if payment.charged_minor]
        if not payments:
            return
        payment = self.chance.choice(payments)
        left = refunds.left_to_refund(payment)
        if left < 2:
            return
        minor = self.chance.choice((left, max(left // 2, 1), self.chance.randint(1, left)))
        self.story.append(f"refund {minor} of {payment.amount_minor}")

        def refund() -> None:
            refunds.refund(self.shop.prepaid, payment.id, amount_minor=minor, reason="asked for")
            assert payment.invoice_id is not None
            self.books.refund(payment.invoice_id, minor)

        self.may(refund)

    def pause(self) -> None:
        self.may(lambda: changing.pause(self.shop.prepaid, "user:1"))

    def go_on(self) -> None:
        self.may(lambda: changing.unpause(self.shop.prepaid, "user:1"))

    def end(self) -> None:
        self.may(lambda: changing.cancel_at_end(self.shop.prepaid, "user:1"))

    def keep(self) -> None:
        self.may(lambda: changing.keep(self.shop.prepaid, "user:1"))

    def spend(self) -> None:
        credits = min(self.shop.balance(), self.chance.randint(1, 200))
        if credits and not self.shop.owes():
            self.shop.spend(credits)

    def may(self, do: Any) -> None:
        """Do what may be refused as things stand."""
        try:
            self.shop.read(do)
        except (PlanRefused, NothingToReverse) as refused:
            self.story.append(f"refused: {refused}")
        self.shop.stripe.deliver()

    def observe(self) -> None:
        """Tell the model of invoices that are paid now."""
        self.shop.stripe.deliver()
        customer = self.shop.read(lambda: self.shop.prepaid.customer_id("user:1"))
        bills = list(self.shop.v1.invoices.list({"customer": customer, "limit": 100}).auto_paging_iter())
        for bill in sorted(bills, key=lambda bill: (bill.created, bill.total)):
            if bill.status == "paid" and bill.id not in self.seen:
                self.seen.add(bill.id)
                lines = [self.line(line) for line in bill.lines.data]
                self.books.pay(bill.id, bill.total, lines, self.shop.stripe.now())

    def line(self, line: Any) -> BilledTime:
        price = self.shop.v1.prices.retrieve(str(line.pricing.price_details.price))
        details = line.parent.subscription_item_details or line.parent.invoice_item_details
        plan = price.metadata["prepaid_plan"]
        return BilledTime(
            plan, line.quantity or 1, line.amount, bool(details.proration), line.period.start, line.period.end
        )

    def compare(self) -> None:
        """What has come is what the model says, and so is what was taken with a smaller plan."""
        entries, bills = self.shop.read(self.written)
        came = {
            self.place(entry.key, bills): entry.credits
            for entry in entries
            if entry.kind is Kind.ALLOWANCE and not entry.key.startswith("rollover:")
        }
        assert came == self.books.came(), self.story

    def written(self) -> tuple[list[Entry], dict[int, str]]:
        session = self.shop.prepaid.session
        mine = select(Entry).join(Wallet, Entry.of(Wallet)).where(Wallet.owner == "user:1")
        bills = {bill.id: bill.stripe_id for bill in session.scalars(select(Invoice))}
        return list(session.scalars(mine.order_by(Entry.seq))), bills

    def place(self, key: str, bills: dict[int, str]) -> tuple[str, int]:
        """``invoice:17:month:3`` as Stripe's invoice and the number of its month."""
        _, number, *month = key.split(":")
        return bills[int(number)], int(month[1]) if month else 1


def live_and_compare(databases: Databases, seed: int, *, kind: str = "sqlite", days: int = 400) -> None:
    """A year by one seed, in a shop of its own."""
    start = STARTS[seed % len(STARTS)]
    shop = MonthShop(databases.fresh(kind), start=start)
    try:
        Year(shop, seed).live(days)
        assert shop.state() in State
    finally:
        shop.let_go()
