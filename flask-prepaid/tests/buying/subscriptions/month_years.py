"""Random years with plans that drip, lived in a shop and told to a model, and the two compared."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from flask_prepaid.errors import PlanRefused
from flask_prepaid.operations.tick import each, tick
from flask_prepaid.purchases.money_back import refundable, refunds, went_back
from flask_prepaid.subscriptions import changing, previews, prices
from flask_prepaid.subscriptions.beginning import unanswered
from flask_prepaid.subscriptions.invoices import plan_months
from flask_prepaid.subscriptions.models import BEGINNING, ENDED, Invoice, State
from flask_prepaid.testing import Databases
from prepaid_ledger.errors import NothingToReverse
from prepaid_ledger.tables import Entry, Kind, Wallet

from ..beginnings import Beginning, go_on, kept, url_of, written_at
from .month_model import BilledTime, Books, Terms
from .month_shop import MONTHLY, MonthShop
from .plan_shop import moment

STARTS = ("2024-01-31T12:00:00", "2024-02-10T00:00:05", "2025-08-31T23:59:50", "2025-11-30T06:00:00")
DRIPPING = ("drip", "more", "quarter")
TERMS = {plan.slug: Terms(plan.credits, plan.parts) for plan in MONTHLY}

#: What may happen, and how often of each ten times.
VERBS = ("wait",) * 3 + ("change", "switch", "refund", "refund", "pause", "go on", "spend", "end", "keep")

#: One year in so many ends with a whole tick, which costs as much as a tenth of a year.
WHOLE_ONE_IN = 5

#: Events that tell of all that happens here, each of it once.
HEARD = (
    "checkout.session.completed",
    "customer.subscription.deleted",
    "customer.subscription.updated",
    "invoice.paid",
    "refund.created",
)


class Place:
    """One app for many years. Each begins with a copy of a new subscription, here and at Stripe."""

    def __init__(self, databases: Databases) -> None:
        self.databases = databases
        self.shop = MonthShop(databases.fresh("sqlite"))
        self.shop.stripe.hear(*HEARD)
        self.begun: dict[tuple[str, str], Beginning] = {}
        self.new = kept(self.shop, None)

    def begin(self, start: str, plan: str, seed: int) -> MonthShop:
        """The shop at a moment when its customer has just subscribed, and nothing else has ever happened."""
        if (start, plan) not in self.begun:
            go_on(self.shop, replace(self.new, now=moment(start)))
            self.shop.subscribe(plan)
            self.begun[start, plan] = kept(self.shop, None)
        go_on(self.shop, self.begun[start, plan])
        self.shop.stripe.store.repeat(seed)
        return self.shop

    def close(self) -> None:
        self.shop.let_go()
        self.databases.drop(url_of(self.shop))


class Year:
    """A customer of a plan that drips, and an operator who refunds and switches plans by hand."""

    def __init__(self, place: Place, seed: int) -> None:
        self.chance = random.Random(seed)
        start, plan = STARTS[seed % len(STARTS)], self.chance.choice(DRIPPING)
        self.shop = place.begin(start, plan, seed)
        self.books = Books(TERMS)
        self.customer = self.shop.read(lambda: self.shop.prepaid.customer_id("user:1"))
        self.stripe = self.shop.dashboard()
        self.seen: set[str] = set()
        #: Up to which write at Stripe the invoices were read, and the plans of prices.
        self.read_at = 0
        self.plans: dict[str, str] = {}
        self.story = [f"subscribe {plan}"]
        self.observe()

    def live(self, days: int, *, whole: bool) -> None:
        """Go on for so many days, or to the end of the plan.

        :param whole: In the end all of a tick comes: reports count what came.
        """
        until = self.shop.stripe.now() + days * 86_400
        while self.shop.stripe.now() < until and self.shop.row().state not in ENDED | BEGINNING:
            verb = self.chance.choice(VERBS)
            self.story.append(verb)
            getattr(self, verb.replace(" ", "_"))()
            self.observe()
            self.compare()
            self.wait()
            self.compare()
        if whole:
            self.shop.read(lambda: tick(self.shop.prepaid))
            self.compare()
        assert self.shop.audit() == [], self.story

    def wait(self) -> None:
        days = self.chance.choice((1, 5, 13, 30, 31, 64))
        self.story.append(f"{days} days")
        self.shop.stripe.advance(days=days, seconds=self.chance.randrange(86_400))
        self.observe()
        for _ in range(self.chance.choice((1, 1, 2))):
            self.shop.read(self.tick)
        self.observe()
        self.books.tick(self.shop.stripe.now())

    def tick(self) -> None:
        """Those parts of a tick by which credits of a plan come and go."""
        prepaid = self.shop.prepaid
        prepaid.ledger.write_due()
        each(prepaid, went_back.due, went_back.check)
        each(prepaid, unanswered.due, unanswered.check_with_stripe)
        each(prepaid, plan_months.due, plan_months.give)

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
        left = self.shop.read(lambda: refundable.left_to_refund(self.shop.prepaid.session, payment))
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
        if written_at(self.shop) == self.read_at:
            return
        answer = self.stripe.raw_request("get", "/v1/invoices", customer=self.customer, limit=100)
        for bill in sorted(answer.data["data"], key=lambda bill: (bill["created"], bill["total"])):
            if bill["status"] == "paid" and bill["id"] not in self.seen:
                self.seen.add(bill["id"])
                lines = [self.line(line) for line in bill["lines"]["data"]]
                self.books.pay(bill["id"], bill["total"], lines, self.shop.stripe.now())
        self.read_at = written_at(self.shop)

    def line(self, line: dict[str, Any]) -> BilledTime:
        parent, period = line["parent"], line["period"]
        details = parent["subscription_item_details"] or parent["invoice_item_details"]
        plan = self.plan_of(line["pricing"]["price_details"]["price"])
        start, end = period["start"], period["end"]
        return BilledTime(plan, line["quantity"] or 1, line["amount"], details["proration"], start, end)

    def plan_of(self, price: str) -> str:
        if price not in self.plans:
            self.plans[price] = self.shop.v1.prices.retrieve(price).metadata["prepaid_plan"]
        return self.plans[price]

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


def live_and_compare(place: Place, seed: int, *, days: int = 400) -> None:
    """A year by one seed."""
    year = Year(place, seed)
    year.live(days, whole=seed % WHOLE_ONE_IN == 0)
    assert year.shop.state() in State
