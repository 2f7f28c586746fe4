"""The small shop of the other tests, with plans for sale."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

import stripe
from sqlalchemy import URL, select
from werkzeug.test import TestResponse

from flask_prepaid import Plan
from flask_prepaid.purchases.saved_cards import copies
from flask_prepaid.subscriptions.models import Invoice, State, Subscription, SubscriptionChange
from prepaid_ledger.tables import Entry, Kind, Wallet

from ..beginnings import beginning
from ..shop import Shop

PLANS = (
    Plan("small", credits=100, amount_minor=1_000, name="Small", roll_over=30),
    Plan("large", credits=500, amount_minor=4_000, name="Large"),
    Plan("yearly", credits=6_000, amount_minor=40_000, interval="year", name="Yearly"),
    Plan("trial", credits=200, amount_minor=2_000, name="Tried", trial_days=14, trial_credits=20),
    Plan("taste", credits=50, amount_minor=600, name="Taste", trial_days=7, trial_needs_card=False),
    Plan("seats", credits=10, amount_minor=150, name="Seats", max_quantity=20),
)

PAGE = "/prepaid/plan"
VISA = "4242424242424242"
DECLINES = "4000000000000341"
ASKS_ALWAYS = "4000002760003184"


def moment(text: str) -> int:
    """Unix time of a moment in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


class PlanShop(Shop):
    """The shop, seen by a customer who has a plan."""

    def __init__(
        self,
        database: URL,
        *,
        start: str = "2026-01-31T12:00:00",
        webhooks: bool = True,
        plans: Iterable[Plan] = PLANS,
        **settings: Any,
    ) -> None:
        super().__init__(database, webhooks=webhooks, plans=plans, **settings)
        self.stripe.reset(now=moment(start))
        self.v1 = stripe.StripeClient("sk_test_shop", http_client=self.stripe.http_client()).v1

    # What the customer does

    def page(self, owner: str = "user:1") -> str:
        """The customer's plan page, as text without entities."""
        answer = self.browser(owner).get(PAGE)
        assert answer.status_code == 200, answer.text
        return words(answer.text)

    def send(self, path: str = "", owner: str = "user:1", **fields: str) -> TestResponse:
        """Send a form to the plan's page, or to a place below it."""
        return self.send_form(self.browser(owner), "/prepaid/buy", to=PAGE + path, **fields)

    def choose(self, plan: str, owner: str = "user:1", **fields: str) -> str:
        """Press the button of a plan; the id of the Checkout Session that it led to."""
        return self.session_of(self.send(owner=owner, plan=plan, **fields))

    @beginning
    def subscribe(self, plan: str = "small", owner: str = "user:1", card: str = VISA, **fields: str) -> None:
        """Subscribe on Stripe's page, come back and let the events arrive. No card: ``card=""``."""
        session = self.choose(plan, owner, **fields)
        if card:
            self.stripe.pay(session, card)
        else:
            self.stripe.browser().post(f"/pay/{session}", data={"email": "pat@example.com", "name": "Pat"})
        answer = self.browser(owner).get(PAGE, query_string={"session_id": session})
        assert answer.status_code == 200, answer.text
        self.stripe.deliver()

    def preview(self, plan: str, owner: str = "user:1", **query: str) -> tuple[str, dict[str, str]]:
        """The preview page of a change, and the fields of its form."""
        answer = self.browser(owner).get(f"{PAGE}/change", query_string={"plan": plan, **query})
        assert answer.status_code == 200, answer.text
        return words(answer.text), hidden_fields(answer.text)

    def change(self, plan: str, owner: str = "user:1", **query: str) -> str:
        """Preview a change and press its button; the moment since when it counts."""
        _, fields = self.preview(plan, owner, **query)
        answer = self.send("/change", owner, **fields)
        assert answer.status_code == 303, answer.text
        self.stripe.deliver()
        return fields["proration_date"]

    def do(self, verb: str, owner: str = "user:1", **fields: str) -> TestResponse:
        """Press one of the plan's buttons: cancel, keep, pause, resume, card."""
        answer = self.send(f"/{verb}", owner, **fields)
        self.stripe.deliver()
        return answer

    def pass_time(self, owner: str = "user:1", **time: int) -> None:
        """Let time go by; what falls due happens, its events arrive, and the shop ticks."""
        self.stripe.advance(**time)
        self.tick()

    def pay_invoice(self, card: str = VISA, owner: str = "user:1") -> TestResponse:
        """Follow the page's link to Stripe's invoice, and pay it there."""
        link = re.search(r'href="([^"]+/invoice/[^"]+)"', self.page(owner))
        assert link is not None, self.page(owner)
        path = link[1].removeprefix("http://127.0.0.1:12111")
        number = {"card_number": card, "card_expiry": "12/34", "card_cvc": "123", "name": "Pat"}
        answer = self.stripe.browser().post(path, data=number)
        if answer.status_code == 303 and "challenge" in answer.location:
            self.answer_bank(answer.location, "complete")
        self.stripe.deliver()
        return answer

    def save_card(self, card: str = "pm_card_visa", owner: str = "user:1") -> str:
        """Put a card on file beside the others; its id."""
        customer = self.v1.subscriptions.retrieve(self.stripe_id(owner)).customer
        method = self.v1.payment_methods.attach(card, {"customer": cast(str, customer)})
        self.read(lambda: copies.refresh(self.prepaid, cast(str, customer)))
        return method.id

    # What stands

    def row(self, owner: str = "user:1") -> Subscription:
        """The customer's last subscription."""
        mine = select(Subscription).where(Subscription.owner == owner).order_by(Subscription.id.desc())
        plan = self.read(lambda: self.prepaid.session.scalars(mine).first())
        assert isinstance(plan, Subscription)
        return plan

    def state(self, owner: str = "user:1") -> State:
        return self.row(owner).state

    def stripe_id(self, owner: str = "user:1") -> str:
        stripe_id = self.row(owner).stripe_id
        assert stripe_id is not None
        return stripe_id

    def change_subscriptions(self, **values: object) -> None:
        """Somebody's hand in the table of subscriptions, or a fault of ours."""
        self._change(Subscription, values)

    def invoices(self, owner: str = "user:1") -> list[Invoice]:
        """The customer's invoices, oldest first."""
        mine = (
            select(Invoice)
            .join(Subscription, Subscription.id == Invoice.subscription_id)
            .where(Subscription.owner == owner)
            .order_by(Invoice.created_at, Invoice.id)
        )
        return list(self.read(lambda: self.prepaid.session.scalars(mine).all()))

    def entries(self, owner: str = "user:1") -> list[tuple[str, int]]:
        """Kind and credits of the customer's entries, oldest first."""
        mine = select(Entry).join(Wallet, Entry.of(Wallet)).where(Wallet.owner == owner)
        rows = self.read(lambda: self.prepaid.session.scalars(mine.order_by(Entry.seq)).all())
        return [(str(row.kind), row.credits) for row in rows]

    def given(self, owner: str = "user:1") -> list[tuple[str, int]]:
        """Key and credits of each allowance, oldest first."""
        mine = select(Entry).join(Wallet, Entry.of(Wallet))
        mine = mine.where(Wallet.owner == owner, Entry.kind == Kind.ALLOWANCE)
        rows = self.read(lambda: self.prepaid.session.scalars(mine.order_by(Entry.seq)).all())
        return [(row.key, row.credits) for row in rows]

    def history(self, owner: str = "user:1") -> list[SubscriptionChange]:
        mine = select(SubscriptionChange).where(SubscriptionChange.owner == owner)
        return list(
            self.read(lambda: self.prepaid.session.scalars(mine.order_by(SubscriptionChange.id)).all())
        )

    def drift(self, *options: str) -> list[dict[str, Any]]:
        """What ``flask prepaid reconcile`` finds."""
        drift: list[dict[str, Any]] = json.loads(self.command("reconcile", "--json", *options).stdout)[
            "drift"
        ]
        return drift

    def share(self, credits: int, proration_date: str, owner: str = "user:1") -> int:
        """So many credits a period, from a moment to the period's end, rounded down."""
        row = self.row(owner)
        assert row.period_start is not None
        assert row.period_end is not None
        start, end = int(row.period_start.timestamp()), int(row.period_end.timestamp())
        return credits * (end - int(proration_date)) // (end - start)

    def spend(self, credits: int, owner: str = "user:1") -> None:
        def spend() -> None:
            self.prepaid.spend(owner, credits=credits, key=f"work:{self.stripe.now()}:{credits}")
            self.prepaid.session.commit()

        self.read(spend)


def words(page: str) -> str:
    """A page as its reader has it: a date is no more than its letters."""
    return re.sub(r"</?time[^>]*>", "", html.unescape(page))


def one_line(page: str) -> str:
    """A page as its reader has it, with one space wherever its text is broken."""
    return " ".join(words(page).split())


def hidden_fields(page: str) -> dict[str, str]:
    """What a page's form sends along, but for what proves it."""
    hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
    return {name: value for name, value in hidden if name != "csrf_token"}
