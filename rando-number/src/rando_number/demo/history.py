"""Months of a shop's life on the emulator's clock: made-up customers with browsers, day after day.

They do what real customers do: forms, Stripe's page, the way back; and webhooks come. Only who comes when,
and what they want, is made up. The same seed makes up the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from flask_prepaid import Caller, Payment, PrepaidError

from ..columns import utc_now
from ..extensions import db, prepaid
from ..models import User
from ..numbers import NUMBER, Ask
from ..owners import owner_of
from .back_office import BackOffice, Paid
from .browsing import Browser, hidden_fields
from .clock import EmulatorClock
from .customers import EMPTY, PLANS, SOUND, Customer, make_customer, weighted
from .emulator import emulator_of

#: How likely it is that a subscriber changes the plan on a day, and that a former one comes back.
CHANGES_PLAN = 0.012
COMES_BACK = 0.4

#: How likely it is that a card is saved before a trial ends.
STAYS_AFTER_TRIAL = 0.7

#: How likely it is that a payment is refunded, or disputed.
REFUNDED = 0.03
DISPUTED = 0.01

#: Days until a bank decides a dispute.
DECIDES_AFTER = 20

#: The day of a plan on which a customer pays the renewal that failed some days before.
PAYS_ON = 33

#: The auto top-up, at a threshold above what anybody wants at once.
TOPS_UP = {"pack": "bulk", "threshold": "41", "times": "8"}


class History:
    """A history of so many months, with so many customers.

    :param opening: Called on the first day; returns customers who have an account already.
    """

    def __init__(
        self,
        app: Flask,
        customers: int,
        months: float,
        seed: int,
        opening: Callable[[], list[Customer]] = list,
    ) -> None:
        self.app = app
        self.chance = random.Random(seed)
        self.emulator = emulator_of(app)
        self.office = BackOffice(app, self.emulator, self.chance)
        self.days = round(months * 30.44)
        self.customers = [make_customer(number, self.days, self.chance) for number in range(customers)]
        self.opening = opening
        self.today = 0
        self.planned: list[tuple[int, Callable[[], object]]] = []
        self.last_payment_id = 0

    def live(self) -> Iterator[int]:
        """Live all days; yields after each. At the end it is now."""
        begin = utc_now() - timedelta(days=self.days)
        self.emulator.control("reset", now=int(begin.timestamp()))
        self.read_clock()
        self.customers = [*self.opening(), *self.customers]
        for day in range(self.days):
            now = begin + timedelta(days=day, hours=self.chance.uniform(7, 20))
            self.today = day
            present = [
                customer for customer in self.customers if 0 <= day - customer.comes_on <= customer.stays
            ]
            wanted = [customer.wants(self.chance) for customer in present]
            if any(wanted) or self.something_is_due(now):
                self.move_to(now)
                for customer, numbers in zip(present, wanted, strict=True):
                    self.live_day(customer, numbers)
                self.do_what_is_planned()
            yield day
        self.come_to_today()

    def something_is_due(self, now: datetime) -> bool:
        """Whether something is planned or falls due on this day. A day without is skipped."""
        days = [customer.comes_on for customer in self.customers] + [day for day, _ in self.planned]
        if self.today in days or any(self.leaves(customer) for customer in self.customers):
            return True
        falls_due = self.emulator.state()["due"]["next"]
        return falls_due is not None and falls_due <= now.timestamp()

    def move_to(self, now: datetime) -> None:
        """Let the shop hear of everything so far; then move the clock.

        It stops wherever something falls due, until the shop has heard of that: what a renewal brings, its
        mails and its credits, is dated by the renewal and not by the hour at which somebody comes.
        """
        self.emulator.await_deliveries()
        for due in self.emulator.due_until(now.timestamp()):
            self.emulator.control("advance", to=due)
            self.emulator.await_deliveries()
        self.emulator.control("advance", to=int(now.timestamp()))
        self.read_clock()

    def come_to_today(self) -> None:
        for _ in range(2):  # the first may take some seconds, by which the clock would be behind
            self.move_to(utc_now())
        self.emulator.await_deliveries()

    def read_clock(self) -> None:
        with self.app.app_context():
            clock = prepaid.clock
        if isinstance(clock, EmulatorClock):
            clock.ask_anew()

    def after_days(self, days: int, action: Callable[[], object]) -> None:
        self.planned.append((self.today + days, action))

    # ---- what a customer does

    def live_day(self, customer: Customer, wanted: int) -> None:
        if not customer.has_arrived:
            self.arrive(customer)
        if customer.subscribed and customer.incident is None and self.chance.random() < CHANGES_PLAN:
            self.change_plan(customer)
        if self.leaves(customer):
            customer.browser.send("/subscription/cancel")
            customer.subscribed = False
            if self.chance.random() < COMES_BACK:
                customer.stays += self.chance.randint(40, 120)
        if not wanted:
            return
        try:
            with self.app.app_context():
                left = prepaid.sell(NUMBER, Ask(wanted), caller=Caller(owner_of(customer.user_id))).balance
        except PrepaidError:  # too few are left, or a debt blocks the wallet
            left = 0
            if not customer.tops_up:
                self.get_credits(customer, wanted)
        if customer.tops_up and left < int(TOPS_UP["threshold"]):
            self.office.command("prepaid", "tick")

    def leaves(self, customer: Customer) -> bool:
        return customer.subscribed and customer.comes_on + customer.stays == self.today

    def arrive(self, customer: Customer) -> None:
        """Register, or sign in where there is an account already."""
        host = self.customers.index(customer)
        customer.opened = Browser(self.app, address=f"198.51.{100 + host // 250}.{host % 250 + 1}")
        secret = {"email": customer.name, "password": customer.password}
        if customer.has_account:
            customer.browser.send("/login", **secret)
        else:
            customer.browser.send("/register", **secret)
        with self.app.app_context():
            customer.user_id = db.session.scalars(select(User.id).where(User.email == customer.name)).one()

    def get_credits(self, customer: Customer, wanted: int) -> None:
        """Subscribe, buy a pack or a number of credits, or give up for today."""
        if customer.incident is None and self.chance.random() < (
            0.7 if customer.habit in ("looks", "tries") else 0.15
        ):
            return
        if customer.habit == "subscribes" and not customer.subscribed:
            plan = "small" if customer.incident else weighted(PLANS, self.chance)
            sent = customer.browser.send("/subscription", plan=plan)
            paid = customer.subscribed = self.pay(customer, sent, "/subscription")
            if paid and self.chance.random() < STAYS_AFTER_TRIAL:  # which began without a card
                self.after_days(4, lambda: self.save_card(customer, SOUND))
        else:
            pack = "bulk" if wanted > 25 else "regular" if wanted > 8 else "starter"
            choice = {"pack": pack} if self.chance.random() < 0.75 else {"credits": str(wanted + 3)}
            paid = self.pay(customer, customer.browser.send("/buy-credits", **choice), "/buy-credits/return")
        if paid and not customer.had_incident:
            self.begin_incident(customer)

    def change_plan(self, customer: Customer) -> None:
        """Look at what another plan costs, and take it."""
        wanted = {"plan": self.chance.choice(list(PLANS))}
        fields = hidden_fields(customer.browser.open("/subscription/change", **wanted))
        if "due_minor" in fields:  # it can be changed, and is another one than theirs
            customer.browser.post("/subscription/change", **fields)

    def pay(self, customer: Customer, sent: TestResponse, back: str) -> bool:
        """What the customer does on Stripe's page, and the way back; whether the card was good."""
        session = re.search(r"cs_test_\w+", sent.location or "")
        if session is None:
            return False
        paid = self.emulator.control("pay", session=session[0], card=customer.card, name=customer.full_name)
        gives_up = customer.incident == "is refused" and not customer.had_incident
        if gives_up:  # and comes back another day
            customer.had_incident, customer.card = True, SOUND
        elif paid is None and self.chance.random() < 0.6:  # another card, then
            paid = self.emulator.control("pay", session=session[0], card=SOUND, name=customer.full_name)
            customer.card = SOUND
        customer.browser.open(back, session_id=session[0])
        return paid is not None

    # ---- what happens to a customer once

    def begin_incident(self, customer: Customer) -> None:
        """Begin what happens once to this customer, after the first payment."""
        customer.had_incident = True
        if customer.incident == "tops up":
            self.save_card(customer, SOUND)
            customer.browser.send("/cards/top-up", at="/cards", **TOPS_UP)
            customer.tops_up = True
        elif customer.incident == "wants money back":
            self.after_days(self.chance.randint(1, 4), lambda: self.refund_last_of(customer))
        elif customer.incident == "disputes":
            self.after_days(self.chance.randint(3, 9), lambda: self.dispute_last_of(customer))
        elif customer.incident == "saves a card":
            self.save_card(customer, SOUND)
        elif customer.incident == "gets a discount":
            self.office.give_discount()
        elif customer.incident in ("owes and pays", "owes and goes"):
            self.after_days(2, lambda: self.pay_plan_with(customer, EMPTY))
            if customer.incident == "owes and pays":
                self.after_days(PAYS_ON, lambda: self.pay_plan_with(customer, SOUND))

    def save_card(self, customer: Customer, number: str) -> str:
        """Save a card on Stripe's page, unless it is saved, and make it the default; returns its id."""
        if number[-4:] not in self.saved_cards(customer):
            sent = customer.browser.send("/cards/add", at="/cards")
            if session := re.search(r"cs_test_\w+", sent.location or ""):
                self.emulator.control("pay", session=session[0], card=number, name=customer.full_name)
        card = self.saved_cards(customer)[number[-4:]]
        customer.browser.send(f"/cards/{card}/default", at="/cards")
        return card

    def saved_cards(self, customer: Customer) -> dict[str, str]:
        """The saved cards by their last four digits; the page of cards fetches them."""
        customer.browser.open("/cards")
        with self.app.app_context():
            return {card.last4: card.id for card in prepaid.cards(owner_of(customer.user_id))}

    def pay_plan_with(self, customer: Customer, number: str) -> None:
        """Pay the plan with this card from now on; what is owed is paid at once, if the card can."""
        card = self.save_card(customer, number)
        customer.browser.send("/subscription/card", at="/subscription", saved_card=card)

    def refund_last_of(self, customer: Customer) -> None:
        self.office.refund(self.office.last_payment_of(owner_of(customer.user_id)))

    def dispute_last_of(self, customer: Customer) -> None:
        self.dispute(self.office.last_payment_of(owner_of(customer.user_id)))

    def dispute(self, payment: Paid | None) -> None:
        """Let the bank dispute a payment, and decide some weeks later."""
        decide = self.office.dispute(payment)
        if decide is not None:
            self.after_days(DECIDES_AFTER, decide)

    # ---- what happens in the shop

    def do_what_is_planned(self) -> None:
        """Do what was planned for today, and plan refunds and disputes of the newest payments."""
        due = [action for day, action in self.planned if day <= self.today]
        self.planned = [(day, action) for day, action in self.planned if day > self.today]
        for action in due:
            action()
        for payment in reversed(self.office.paid(Payment.id > self.last_payment_id)):
            self.last_payment_id = payment.id
            if self.chance.random() < REFUNDED:
                self.after_days(self.chance.randint(1, 10), partial(self.office.refund, payment))
            elif self.chance.random() < DISPUTED:
                self.after_days(self.chance.randint(5, 30), partial(self.dispute, payment))
