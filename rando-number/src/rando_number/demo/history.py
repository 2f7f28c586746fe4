"""Months of a shop's life on the emulator's clock: customers with browsers, one day after the other.

Everything goes the way it goes for people: forms, Stripe's page, the way back, webhooks. Only who comes
when, and what they want, is made up; the same seed makes up the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from click.testing import Result
from flask import Flask
from flask.cli import FlaskGroup
from sqlalchemy import ColumnElement, select, update
from werkzeug.test import TestResponse

from flask_prepaid import Payment, PrepaidError

from ..callers import Caller
from ..models import Number, User, db, owner_of, utc_now
from ..numbers import Ask, sell
from ..shop import prepaid
from .clock import EmulatorClock
from .customers import EMPTY, PLANS, SOUND, Person, somebody
from .emulator import emulator_of

#: How likely it is that a subscriber changes the plan on a day, and that one who left comes back.
CHANGES_PLAN = 0.012
COMES_BACK = 0.4

#: How likely it is that a card is left before a trial ends.
STAYS_AFTER_TRIAL = 0.7

#: How likely it is that money is asked back, or taken back by the bank, for each payment.
REFUNDED = 0.03
DISPUTED = 0.01

#: Days until a bank says who is right.
DECIDES_AFTER = 20

#: The day of a plan on which who could not pay its renewal does so, some days after that.
PAYS_ON = 33

#: What is bought by itself, below so many credits: more than anybody wants at once.
TOPS_UP = {"pack": "bulk", "threshold": "41", "times": "8"}


@dataclass(frozen=True)
class Paid:
    """A payment that was made, of ``minor`` in the currency's smallest unit."""

    id: int
    charge_id: str
    minor: int


class History:
    """So many months, as so many customers live them.

    :param opening: Done on the first day; returns customers who have an account already.
    """

    def __init__(
        self,
        app: Flask,
        customers: int,
        months: float,
        seed: int,
        opening: Callable[[], list[Person]] = list,
    ) -> None:
        self.app = app
        self.chance = random.Random(seed)
        self.emulator = emulator_of(app)
        self.days = round(months * 30.44)
        self.people = [somebody(number, self.days, self.chance) for number in range(customers)]
        self.opening = opening
        self.today = 0
        self.later: list[tuple[int, Callable[[], object]]] = []
        self.seen = 0

    def live(self) -> Iterator[int]:
        """Live it; yields after each day. At the end it is now."""
        wall = utc_now()
        begin = wall - timedelta(days=self.days)
        self.emulator.say("reset", now=int(begin.timestamp()))
        self.look_at_the_clock()
        self.people = [*self.opening(), *self.people]
        self.date_back(wall, begin)
        for day in range(self.days):
            wall, now = utc_now(), begin + timedelta(days=day, hours=self.chance.uniform(7, 20))
            self.today = day
            here = [person for person in self.people if 0 <= day - person.comes_on <= person.stays]
            wanted = [person.wants(self.chance) for person in here]
            if any(wanted) or self.something_is_due(now):
                self.move_to(now)
                for person, numbers in zip(here, wanted, strict=True):
                    self.live_day(person, numbers)
                self.happen()
                self.date_back(wall, now)
            yield day
        self.come_to_today()

    def something_is_due(self, now: datetime) -> bool:
        """Whether the day brings more than customers who want something; else it passes unseen."""
        days = [person.comes_on for person in self.people] + [day for day, _ in self.later]
        if self.today in days or any(self.leaves(person) for person in self.people):
            return True
        falls_due = self.emulator.state()["due"]["next"]
        return falls_due is not None and falls_due <= now.timestamp()

    def move_to(self, now: datetime) -> None:
        """Let the shop hear of everything so far; then let the time come, and what falls due until then."""
        self.emulator.await_deliveries()
        self.emulator.say("advance", to=int(now.timestamp()))
        self.look_at_the_clock()

    def come_to_today(self) -> None:
        for _ in range(2):  # the first may take some seconds, by which the clock would be behind
            self.move_to(utc_now())
        self.emulator.await_deliveries()

    def look_at_the_clock(self) -> None:
        if isinstance(clock := self.app.extensions["prepaid"].clock, EmulatorClock):
            clock.ask_anew()

    def in_days(self, days: int, what: Callable[[], object]) -> None:
        self.later.append((self.today + days, what))

    # ---- what a customer does

    def live_day(self, person: Person, wanted: int) -> None:
        if person.browser is None:
            self.arrive(person)
        if person.subscribed and person.fate is None and self.chance.random() < CHANGES_PLAN:
            self.change_plan(person)
        if self.leaves(person):
            self.send(person, "/subscription/cancel")
            person.subscribed = False
            if self.chance.random() < COMES_BACK:
                person.stays += self.chance.randint(40, 120)
        if not wanted:
            return
        try:
            with self.app.app_context():
                left = sell(Caller(person.user_id), Ask(wanted)).balance
        except PrepaidError:  # too few are left, or a debt blocks the wallet
            left = 0
            if not person.tops_up:
                self.get_credits(person, wanted)
        if person.tops_up and left < int(TOPS_UP["threshold"]):
            self.command("prepaid", "tick")

    def leaves(self, person: Person) -> bool:
        return person.subscribed and person.comes_on + person.stays == self.today

    def arrive(self, person: Person) -> None:
        """Register, or sign in where there is an account already."""
        browser = person.browser = self.app.test_client()
        host = self.people.index(person)
        browser.environ_base["REMOTE_ADDR"] = f"198.51.{100 + host // 250}.{host % 250 + 1}"
        secret = {"email": person.name, "password": person.password}
        if person.has_account:
            self.send(person, "/login", **secret)
        else:
            self.send(person, "/register", **secret, password_confirm=person.password)
        with self.app.app_context():
            person.user_id = db.session.scalars(select(User.id).where(User.email == person.name)).one()

    def get_credits(self, person: Person, wanted: int) -> None:
        """Subscribe, buy a pack or a number of credits, or give up for today."""
        if person.fate is None and self.chance.random() < (
            0.7 if person.temper in ("looks", "tries") else 0.15
        ):
            return
        if person.temper == "subscribes" and not person.subscribed:
            plan = "small" if person.fate else self.chance.choices(list(PLANS), list(PLANS.values()))[0]
            sent = self.send(person, "/subscription", plan=plan)
            paid = person.subscribed = self.pay(person, sent, "/subscription")
            if paid and self.chance.random() < STAYS_AFTER_TRIAL:  # which began without a card
                self.in_days(4, lambda: self.keep_card(person, SOUND))
        else:
            pack = "bulk" if wanted > 25 else "regular" if wanted > 8 else "starter"
            choice = {"pack": pack} if self.chance.random() < 0.75 else {"credits": str(wanted + 3)}
            paid = self.pay(person, self.send(person, "/buy-credits", **choice), "/buy-credits/return")
        if paid and not person.has_met_fate:
            self.meet_fate(person)

    def change_plan(self, person: Person) -> None:
        """Look at what another plan costs, and take it."""
        wanted = {"plan": self.chance.choice(list(PLANS))}
        fields = hidden_fields(self.open(person, "/subscription/change", **wanted))
        if "due_minor" in fields:  # it can be changed, and is another one than theirs
            self.post(person, "/subscription/change", **fields)

    def pay(self, person: Person, sent: TestResponse, back: str) -> bool:
        """What the customer does on Stripe's page, and the way back; whether the card was good."""
        found = re.search(r"cs_test_\w+", sent.location or "")
        if found is None or person.browser is None:
            return False
        paid = self.emulator.say("pay", session=found[0], card=person.card)
        gives_up = person.fate == "is refused" and not person.has_met_fate
        if gives_up:  # and comes back another day
            person.has_met_fate, person.card = True, SOUND
        elif paid is None and self.chance.random() < 0.6:  # another card, then
            paid = self.emulator.say("pay", session=found[0], card=SOUND)
            person.card = SOUND
        person.browser.get(back, query_string={"session_id": found[0]}, base_url=self.base_url)
        return paid is not None

    # ---- what befalls a customer

    def meet_fate(self, person: Person) -> None:
        """Once, after the first that was paid."""
        person.has_met_fate = True
        if person.fate == "tops up":
            self.keep_card(person, SOUND)
            self.send(person, "/cards/top-up", at="/cards", **TOPS_UP)
            person.tops_up = True
        elif person.fate == "wants money back":
            self.in_days(self.chance.randint(1, 4), lambda: self.refund(self.paid_by(person)))
        elif person.fate == "disputes":
            self.in_days(self.chance.randint(3, 9), lambda: self.dispute(self.paid_by(person)))
        elif person.fate == "keeps a card":
            self.keep_card(person, SOUND)
        elif person.fate == "is kept by a discount":
            self.discount()
        elif person.fate in ("owes and pays", "owes and goes"):
            self.in_days(2, lambda: self.pay_plan_by(person, EMPTY))
            if person.fate == "owes and pays":
                self.in_days(PAYS_ON, lambda: self.pay_plan_by(person, SOUND))

    def keep_card(self, person: Person, number: str) -> str:
        """Leave a card on Stripe's page, if it is not on file yet, and let it pay by default; its id."""
        if number[-4:] not in self.kept(person):
            sent = self.send(person, "/cards/add", at="/cards")
            if found := re.search(r"cs_test_\w+", sent.location or ""):
                self.emulator.say("pay", session=found[0], card=number)
        card = self.kept(person)[number[-4:]]
        self.send(person, f"/cards/{card}/default", at="/cards")
        return card

    def kept(self, person: Person) -> dict[str, str]:
        """The cards on file by their last four digits; the page of cards fetches them."""
        self.open(person, "/cards")
        with self.app.app_context():
            return {card.last4: card.id for card in prepaid.cards(owner_of(person.user_id))}

    def pay_plan_by(self, person: Person, number: str) -> None:
        """From now on; what is owed is paid at once, if the card can."""
        card = self.keep_card(person, number)
        self.send(person, "/subscription/card", at="/subscription", saved_card=card)

    def discount(self) -> None:
        """What an operator gives in Stripe's dashboard to whom has just subscribed."""
        coupon = self.emulator.ask(
            "coupons", percent_off=25, duration="repeating", duration_in_months=3, name="A quarter off"
        )
        (newest,) = self.emulator.ask("subscriptions?limit=1")["data"]
        self.emulator.ask(f"subscriptions/{newest['id']}", **{"discounts[0][coupon]": coupon["id"]})

    def paid_by(self, person: Person) -> Paid | None:
        """The last that a customer has paid."""
        return next(iter(self.paid(Payment.owner == owner_of(person.user_id))), None)

    def paid(self, *which: ColumnElement[bool]) -> list[Paid]:
        """What was paid and not sent back, the newest first."""
        wanted = select(Payment.id, Payment.charge_id, Payment.paid_minor).where(*which)
        wanted = wanted.where(Payment.state == "paid", Payment.refunded_minor == 0, Payment.paid_minor > 0)
        with self.app.app_context():
            rows = db.session.execute(wanted.order_by(Payment.id.desc()).limit(40)).all()
        return [Paid(id, charge_id or "", minor or 0) for id, charge_id, minor in rows]

    def refund(self, payment: Paid | None) -> None:
        """The whole of it, or half."""
        if payment is not None:
            amount = payment.minor if self.chance.random() < 0.6 else max(payment.minor // 2, 1)
            self.command(
                "prepaid", "refund", str(payment.id), "--amount", str(amount), "--reason", "asked for"
            )

    def dispute(self, payment: Paid | None) -> None:
        """The bank takes the money back, and is won over or not."""
        opened = payment and self.emulator.say("dispute", charge=payment.charge_id)
        if opened:
            outcome = self.chance.choice(["won", "lost", "lost"])
            end = {"dispute": opened["id"], "outcome": outcome}
            self.in_days(DECIDES_AFTER, lambda: self.emulator.say("dispute", **end))

    # ---- what happens in the shop

    def happen(self) -> None:
        """What was to come today comes; and of what was paid since the last time, some goes back."""
        due = [what for day, what in self.later if day <= self.today]
        self.later = [(day, what) for day, what in self.later if day > self.today]
        for what in due:
            what()
        for payment in reversed(self.paid(Payment.id > self.seen)):
            self.seen = payment.id
            if self.chance.random() < REFUNDED:
                self.in_days(self.chance.randint(1, 10), partial(self.refund, payment))
            elif self.chance.random() < DISPUTED:
                self.in_days(self.chance.randint(5, 30), partial(self.dispute, payment))

    def date_back(self, wall: datetime, now: datetime) -> None:
        """What our own tables date by the wall belongs to the day that was lived."""
        with self.app.app_context():
            for table in (Number, User):
                lived = update(table).where(table.created_at >= wall, table.created_at > now)
                db.session.execute(lived.values(created_at=now))
            db.session.commit()

    def command(self, *words: str) -> Result:
        """``flask`` with these words, as an operator types them."""
        return self.app.test_cli_runner().invoke(FlaskGroup(create_app=lambda: self.app), words)

    # ---- pages

    def send(self, person: Person, path: str, *, at: str | None = None, **fields: str) -> TestResponse:
        """Open a page, ``at`` or ``path`` itself, and send a form of it with the field that proves it."""
        token = hidden_fields(self.open(person, at or path)).get("csrf_token", "")
        return self.post(person, path, csrf_token=token, **fields)

    def open(self, person: Person, path: str, **query: str) -> str:
        assert person.browser is not None, "who has come has a browser"
        return person.browser.get(path, query_string=query, base_url=self.base_url).text

    def post(self, person: Person, path: str, **fields: str) -> TestResponse:
        assert person.browser is not None, "who has come has a browser"
        return person.browser.post(path, data=fields, base_url=self.base_url)

    @property
    def base_url(self) -> str | None:
        return self.app.config["BASE_URL"] or None


def hidden_fields(page: str) -> dict[str, str]:
    """What the forms of a page send by themselves."""
    found = {}
    for tag in re.findall(r"<input [^>]*>", page):
        told = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if told.get("type") == "hidden" and "name" in told:
            found[told["name"]] = told.get("value", "")
    return found
