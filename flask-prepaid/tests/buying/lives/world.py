"""The shop that lives are lived in, one after the other, and what Stripe says of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import stripe
from werkzeug.test import TestResponse

from flask_prepaid import Operators, Plan
from flask_prepaid.operations.tick import each, tick
from flask_prepaid.payments import payments
from flask_prepaid.payments.models import Payment, PaymentState, Refund, Via
from flask_prepaid.purchases import payment_checks
from flask_prepaid.purchases.auto_topup import topups
from flask_prepaid.purchases.money_back import refunds
from flask_prepaid.purchases.money_back.twice import balance_money
from flask_prepaid.purchases.saved_cards import cards_on_file
from flask_prepaid.subscriptions import changing
from flask_prepaid.testing import Databases
from prepaid_ledger.errors import PrepaidError
from prepaid_ledger.testing import new_database
from stripe_emulator.core.errors import CardError

from ..payments.crash import run_until
from ..subscriptions.plan_shop import PLANS, PlanShop, moment
from .model import CODES, GIVING, Change, Customer

OWNER = "user:1"

#: Events that tell of all that happens, each of it once: ``./dev campaign orders`` has their copies.
HEARD = (
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.updated",
    "checkout.session.completed",
    "credit_note.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "customer.subscription.updated",
    "invoice.paid",
    "payment_method.attached",
    "payment_method.detached",
    "refund.created",
    "refund.failed",
)

#: Plans that give more for no more money than small and large ones.
MORE_PLANS = (
    Plan("cheap", credits=400, amount_minor=800, name="Cheap"),
    Plan("rich", credits=600, amount_minor=1_000, name="Rich"),
)

#: What a card is called in a life, and its number.
CARDS = {"good": "4242424242424242", "refunds fail": "4000000000005126", "declines": "4000000000000002"}
#: A card that is kept is declined only later, when it is charged.
KEPT = {"good": "4242424242424242", "declines": "4000000000000341"}


class Place:
    """One app for many lives: between two of them its database is empty again, and Stripe as new.

    :param invoices: It makes an invoice of all that it sells.
    """

    def __init__(self, databases: Databases, kind: str, *, invoices: bool) -> None:
        self.databases, self.kind = databases, kind
        self.empty, self.url = databases.fresh(kind), databases.fresh(kind)
        plans = (*PLANS, *MORE_PLANS)
        self.shop = PlanShop(self.url, plans=plans, PREPAID_PROMOTION_CODES=True, PREPAID_INVOICES=invoices)
        self.packs = dict(self.shop.prepaid.catalog.packs)
        self.is_new = True

    def begin(self, start: str) -> PlanShop:
        """The shop at a moment, and nothing has ever happened in it."""
        if not self.is_new:
            with self.shop.app.app_context():
                self.shop.db.engine.dispose()
            self.renew_database()
        self.is_new = False
        self.shop.prepaid.catalog.packs.update(self.packs)
        self.shop.stripe.reset(now=moment(start), seed=1)
        self.shop.stripe.hear(*HEARD)
        return self.shop

    def renew_database(self) -> None:
        if self.kind == "sqlite":
            file = str(self.url.database)
            for beside in ("-wal", "-shm"):
                Path(file + beside).unlink(missing_ok=True)
            shutil.copyfile(str(self.empty.database), file)
        else:
            self.databases.drop(self.url)
            new_database(str(self.url.database), template=self.empty.database)

    def close(self) -> None:
        self.shop.let_go()
        for url in (self.url, self.empty):
            self.databases.drop(url)


class World:
    """One customer in a shop, on the emulator, and beside them the model of what must come of it."""

    def __init__(self, shop: PlanShop) -> None:
        self.shop = shop
        self.model = Customer()
        self.browser = shop.browser(OWNER)
        self.token: str | None = None
        self.rows: dict[str, int] = {}
        self.period_start: datetime | None = None
        self.period_end: datetime | None = None
        self.changing_to: str | None = None
        self.bills: set[str] = set()
        self.makes_invoices = bool(shop.app.config["PREPAID_INVOICES"])
        for code, left in CODES.items():
            if code:
                self.make_code(code, 100 - left)
        for code, (credits, times, days) in GIVING.items():
            lasts = None if days is None else timedelta(days=days)
            self.read(partial(self.make_giving_code, code, credits, times, lasts))
        blocked = self.model
        self.shop.prepaid.operators = Operators(current=lambda: None, blocked=lambda _: blocked.blocked)

    def make_code(self, code: str, percent: int) -> None:
        coupon = self.shop.v1.coupons.create({"percent_off": percent, "duration": "once"})
        promotion: Any = {"type": "coupon", "coupon": coupon.id}
        self.shop.v1.promotion_codes.create({"code": code, "promotion": promotion})

    def make_giving_code(self, code: str, credits: int, times: int, lasts: timedelta | None) -> None:
        self.shop.prepaid.make_code(code, credits=credits, per_owner=times, expires_after=lasts)

    # Time

    @property
    def now(self) -> datetime:
        return self.shop.now()

    def advance(self, time: timedelta, heard: str = "", *, whole: bool = False) -> None:
        """Let time pass, and stop on the way where the plan's next month is paid.

        :param whole: A whole tick comes in the end.
        """
        until = self.now + time
        while self.now < until:
            hop = until
            if self.model.plan is not None and self.period_end is not None:
                paid_at = self.period_end + timedelta(hours=2)
                hop = min(until, paid_at) if paid_at > self.now else until
            with self.heard(heard):
                self.shop.stripe.advance(seconds=int((hop - self.now).total_seconds()))
            self.settle(whole=whole and self.now == until, reconciled=heard == "lost")

    def settle(self, *, whole: bool = False, reconciled: bool = False) -> None:
        """Let all that is under way come to its end, here and in the model.

        :param reconciled: No event has told of it.
        """
        self.shop.stripe.deliver()
        self.model.refunds_failed(self.now, newest_first=reconciled)
        self.read_bills()
        self.tick(whole=whole)

    def charge_and_expire(self) -> None:
        """Those parts of a tick after which something is seen here."""
        prepaid = self.shop.prepaid
        prepaid.ledger.write_due()
        each(prepaid, balance_money.due, balance_money.check)
        each(prepaid, topups.due, topups.top_up)

    def tick(self, *, whole: bool) -> None:
        """What is due is done; by default what credits and charges wait for, and ``whole`` all of it."""
        in_balance = self.in_balance()
        self.read(lambda: tick(self.shop.prepaid) if whole else self.charge_and_expire())
        self.model.tick(self.now)
        packs = self.model.packs_due(self.now, self.card())
        for row in self.new_rows(Via.TOPUP):
            if row.state is PaymentState.PAID:
                name = f"topup:{row.id}"
                self.model.topped(name, packs, self.now, in_balance)
                self.rows[name] = row.id
                packs = 0
        assert packs == 0 or self.card() == "declines", f"{packs} packs were due, and no top-up came"
        if whole and self.model.ends_disputed_plan():
            self.keep_plan()

    def keep_plan(self) -> None:
        """The plan is to end with what is paid, and its customer keeps it; what has ended at once is over."""
        plan = self.shop.row(OWNER)
        assert plan.ended_at or plan.cancel_at, "a plan goes on after a dispute of its month"
        if plan.ended_at is not None:
            self.model.plan = None
        else:
            self.read(lambda: changing.keep(self.shop.prepaid, OWNER))

    def send(self, **fields: str) -> TestResponse:
        """Send the form of the page where credits are bought, whose hidden field one browser keeps."""
        if self.token is None:
            page = self.browser.get("/prepaid/buy").text
            (self.token,) = re.findall(r'name="csrf_token" value="([^"]+)"', page)[:1]
        return self.browser.post("/prepaid/buy", data={"csrf_token": self.token, **fields})

    def sells_in(self, currency: str) -> bool:
        """Whether the shop may sell in it: what it makes an invoice of goes by the currency of a plan."""
        return self.model.plan is None or not self.makes_invoices or currency == "usd"

    # What Stripe, and the rows of payments, say

    def read(self, do: Callable[[], Any]) -> Any:
        return self.shop.read(do)

    def row(self, name: str) -> int:
        return self.rows[name]

    def new_rows(self, via: Via) -> list[Payment]:
        known = set(self.rows.values())
        return [row for row in self.shop.payments(OWNER) if row.via is via and row.id not in known]

    def intent(self, name: str) -> str:
        (row,) = [row for row in self.shop.payments(OWNER) if row.id == self.rows[name]]
        assert row.payment_intent_id is not None
        return row.payment_intent_id

    def card(self) -> str | None:
        """The card that pays by default, as lives call it."""
        card_id = self.read(lambda: cards_on_file.default_card(self.shop.prepaid.session, OWNER))
        if card_id is None:
            return None
        kept = [card for card in self.read(lambda: self.shop.prepaid.cards(OWNER)) if card.id == card_id]
        return "declines" if kept[0].last4 == KEPT["declines"][-4:] else "good"

    def in_balance(self) -> int:
        """What the customer's balance at Stripe pays of the next invoice of a purchase."""
        customer = self.read(lambda: self.shop.prepaid.customer_id(OWNER)) if self.makes_invoices else None
        return 0 if customer is None else max(-(self.shop.v1.customers.retrieve(customer).balance or 0), 0)

    def charged(self) -> int:
        """How many charges have gone through."""
        return len(self.shop.charges())

    def read_bills(self) -> None:
        """The months of the plan that are paid, by Stripe's word."""
        if self.model.plan is None:
            return
        customer = self.read(lambda: self.shop.prepaid.customer_id(OWNER))
        if customer is None:
            return
        bills = [
            bill
            for bill in self.shop.v1.invoices.list({"customer": customer, "limit": 100}).data
            if bill.status == "paid" and bill.id not in self.bills and is_of_plan(bill)
        ]
        for bill in sorted(bills, key=lambda bill: bill.created):
            self.bills.add(bill.id)
            rows = [row for row in self.shop.invoices(OWNER) if row.stripe_id == bill.id]
            assert rows, f"the shop has not heard of {bill.id}"
            self.read_bill(f"plan:{bill.id}", bill)
            payment_id = rows[0].payment_id
            assert payment_id is not None, f"{bill.id} was paid, and has given nothing"
            self.rows[f"plan:{bill.id}"] = payment_id

    def read_bill(self, name: str, bill: stripe.Invoice) -> None:
        """A bill is for a whole month, or for the rest of one in which the plan was changed."""
        lines = bill.lines.data
        since, ends = (
            datetime.fromtimestamp(each, UTC) for each in (lines[0].period.start, lines[0].period.end)
        )
        if self.changing_to is None:
            self.period_start, self.period_end = since, ends
            charged = {"total_minor": bill.total, "charged_minor": bill.amount_paid}
            self.model.billed(name, self.now, **charged, period_end=ends)
            return
        assert self.period_start is not None
        rest = Fraction(int((ends - since).total_seconds()), int((ends - self.period_start).total_seconds()))
        costs = sum(line.amount for line in lines if line.amount > 0)
        back = -sum(line.amount for line in lines if line.amount < 0)
        change = Change(self.changing_to, rest, costs, back, bill.amount_paid, ends)
        self.model.changed(name, change, self.now)
        self.changing_to = None

    # What goes wrong on the way

    @contextmanager
    def heard(self, how: str) -> Iterator[None]:
        """Stripe's events arrive, twice and out of order, or never; if ``lost``, the books are reconciled."""
        if how in ("lost", "never"):
            self.shop.stripe.chaos(drop=1.0)
        elif how == "doubled":
            self.shop.stripe.chaos(duplicate=1.0, shuffle=True)
        yield
        self.shop.stripe.deliver()
        self.shop.stripe.chaos()
        if how == "lost":
            left = self.shop.drift("--fix")
            assert left == [], f"reconcile --fix leaves {left}"

    def dying(self, line: str, do: Callable[[], object]) -> bool:
        """Do it, and die at a line of ours if one is named; whether it died."""
        if not line:
            do()
            return False
        return run_until(int(line), lambda: _whatever_comes(do))

    def recover(self, died: str) -> None:
        """After a process died: what is due is asked of Stripe, and then all that this made due."""
        for _ in range(2 if died else 0):
            self.read(self.ask_again)
        self.shop.stripe.deliver()

    def ask_again(self) -> None:
        """That part of a tick which asks what became of a payment or a refund."""
        each(self.shop.prepaid, partial(payments.due, table=Payment), payment_checks.check_with_stripe)
        each(self.shop.prepaid, partial(payments.due, table=Refund), refunds.check_with_stripe)

    def refused(self, do: Callable[[], object]) -> str:
        """The name of the error that refuses, or nothing."""

        def refusal() -> str:
            try:
                do()
            except PrepaidError as error:
                self.shop.prepaid.session.rollback()
                return type(error).__name__
            self.shop.prepaid.session.commit()
            return ""

        return str(self.read(refusal))


def is_of_plan(bill: stripe.Invoice) -> bool:
    return bill.parent is not None and bill.parent.type == "subscription_details"


def _whatever_comes(do: Callable[[], object]) -> None:
    with suppress(PrepaidError, CardError, stripe.StripeError):
        do()
