"""``flask rando seed``: a plausible history, lived on the emulator's clock by customers with browsers.

Everything goes the way it goes for people: forms, Stripe's page, the way back, webhooks. Only who comes
when, and what they want, is made up; the same seed makes up the same.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import click
from click.testing import Result
from flask import Flask, current_app
from flask.cli import FlaskGroup
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from flask_prepaid import Payment, PrepaidError

from .clock import EmulatorClock
from .models import Number, User, db, utc_now
from .numbers import Ask, sell
from .who import Caller

#: Cards and how often they are used: from the United States and elsewhere, and two that are refused.
CARDS = {
    "4242424242424242": 50,
    "5555555555554444": 14,
    "4000002760000016": 9,
    "4000008260000000": 9,
    "4000001240000000": 6,
    "4000000760000002": 6,
    "4000000000000002": 8,
    "4000000000009995": 5,
}
SOUND = "4242424242424242"

#: How likely it is that a subscriber changes the plan on a day, and that one who left comes back.
CHANGES_PLAN = 0.012
COMES_BACK = 0.4

PLANS = {"small": 5, "medium": 3, "large": 1}

#: What one customer in so many is like: how many numbers on how many days, and what they buy.
TEMPERS = {
    "looks": 20,
    "tries": 30,
    "returns": 25,
    "works": 10,
    "subscribes": 15,
}

NAMES = (
    "ada ben cleo dan eva fay gus hana ivo jo kai lea max nia otto pia quin rosa sam tea uma vic wim yara zoe"
)


@dataclass
class Person:
    """A customer: when they come first, and what they are like."""

    name: str
    comes_on: int
    temper: str
    card: str
    stays: int
    browser: FlaskClient | None = None
    user_id: int = 0
    subscribed: bool = False

    def spends(self, chance: random.Random) -> int:
        """How many numbers they want today."""
        often, many = {
            "looks": (0.03, 2),
            "tries": (0.08, 6),
            "returns": (0.16, 8),
            "works": (0.55, 40),
            "subscribes": (0.35, 12),
        }[self.temper]
        return chance.randint(1, many) if chance.random() < often else 0


@dataclass
class Emulator:
    """Stripe's stand-in, by its own controls."""

    url: str
    open: Callable[..., Any] = field(default_factory=lambda: build_opener(ProxyHandler({})).open)

    def say(self, what: str, **fields: Any) -> dict[str, Any] | None:
        """``None`` is: it said no, such as a card that is declined."""
        body = json.dumps(fields).encode()
        asked = Request(f"{self.url}/_emulator/{what}", body, {"Content-Type": "application/json"})
        try:
            with self.open(asked, timeout=120) as answer:
                return cast("dict[str, Any]", json.load(answer))
        except HTTPError as refused:
            refused.close()
            return None

    def state(self) -> dict[str, Any]:
        with self.open(f"{self.url}/_emulator/state", timeout=10) as answer:
            return cast("dict[str, Any]", json.load(answer))


class History:
    """The months as they are lived, one day after the other."""

    def __init__(self, app: Flask, customers: int, months: int, seed: int) -> None:
        self.app = app
        self.chance = random.Random(seed)
        self.emulator = Emulator(app.config["PREPAID_STRIPE_API_BASE"])
        self.today = utc_now()
        self.days = round(months * 30.44)
        self.people = [self.somebody(number) for number in range(customers)]
        self.disputes: list[tuple[int, str]] = []

    def somebody(self, number: int) -> Person:
        """More come each month than the month before."""
        chance = self.chance
        temper, card = (chance.choices(list(one), list(one.values()))[0] for one in (TEMPERS, CARDS))
        return Person(
            name=f"{chance.choice(NAMES.split())}{number}@customers.test",
            comes_on=int(self.days * chance.random() ** 0.6),
            temper=temper,
            card=card,
            stays=int(chance.expovariate(1 / 150)) + 3,
        )

    def live(self) -> Iterator[int]:
        """Live it; yields after each day. At the end it is now."""
        begin = self.today - timedelta(days=self.days)
        self.emulator.say("reset", now=int(begin.timestamp()))
        for day in range(self.days):
            wall, now = utc_now(), begin + timedelta(days=day, hours=self.chance.uniform(7, 20))
            self.move_to(now)
            for person in self.people:
                if 0 <= day - person.comes_on <= person.stays:
                    self.live_day(person, first=day == person.comes_on)
            self.happen(day)
            self.date_back(wall, now)
            yield day
        self.move_to(utc_now())

    def move_to(self, now: datetime) -> None:
        """Let the time come, and what falls due until then, and let the shop hear of it."""
        self.emulator.say("advance", to=int(now.timestamp()))
        if isinstance(clock := self.app.extensions["prepaid"].clock, EmulatorClock):
            clock.ask_anew()
        patience = time.monotonic() + 10
        while self.emulator.state()["pending_deliveries"] and time.monotonic() < patience:
            time.sleep(0.02)

    def live_day(self, person: Person, *, first: bool) -> None:
        if first:
            self.register(person)
        if person.subscribed and self.chance.random() < CHANGES_PLAN:
            self.change_plan(person)
        wanted = person.spends(self.chance)
        if not wanted:
            return
        try:
            with self.app.app_context():
                sell(Caller(person.user_id), Ask(wanted))
        except PrepaidError:  # too few are left, or a debt blocks the wallet
            self.get_credits(person, wanted)

    def register(self, person: Person) -> None:
        browser = self.app.test_client()
        host = self.people.index(person)
        browser.environ_base["REMOTE_ADDR"] = f"198.51.{100 + host // 250}.{host % 250 + 1}"
        person.browser = browser
        secret = "a password of the demo"
        self.send(person, "/register", email=person.name, password=secret, password_confirm=secret)
        with self.app.app_context():
            person.user_id = db.session.scalars(select(User.id).where(User.email == person.name)).one()

    def get_credits(self, person: Person, wanted: int) -> None:
        """Subscribe, buy a pack or a number of credits, or give up for today."""
        if self.chance.random() < (0.7 if person.temper in ("looks", "tries") else 0.15):
            return
        if person.temper == "subscribes" and not person.subscribed:
            plan = self.chance.choices(list(PLANS), list(PLANS.values()))[0]
            person.subscribed = self.pay(
                person, self.send(person, "/subscription", plan=plan), "/subscription"
            )
            return
        pack = "bulk" if wanted > 25 else "regular" if wanted > 8 else "starter"
        choice = {"pack": pack} if self.chance.random() < 0.75 else {"credits": str(wanted + 3)}
        self.pay(person, self.send(person, "/buy-credits", **choice), "/buy-credits/return")

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
        if paid is None and self.chance.random() < 0.6:  # another card, then
            paid = self.emulator.say("pay", session=found[0], card=SOUND)
            person.card = SOUND
        person.browser.get(back, query_string={"session_id": found[0]}, base_url=self.base_url)
        return paid is not None

    def send(self, person: Person, path: str, **fields: str) -> TestResponse:
        """Open a page and send a form of it, with the hidden field that proves it."""
        token = hidden_fields(self.open(person, path)).get("csrf_token", "")
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

    def happen(self, day: int) -> None:
        """Now and then money goes back: by us, or by a bank that is won over or not."""
        with self.app.app_context():
            paid = select(Payment).where(Payment.state == "paid", Payment.refunded_minor == 0)
            some = db.session.scalars(paid.order_by(Payment.id.desc()).limit(40)).all()
            names = [(payment.id, payment.charge_id, payment.paid_minor or 0) for payment in some]
        if names and self.chance.random() < 0.10:
            payment_id, _, minor = self.chance.choice(names)
            amount = minor if self.chance.random() < 0.6 else max(minor // 2, 1)
            words = ["prepaid", "refund", str(payment_id), "--amount", str(amount), "--reason", "asked for"]
            command(self.app, words)
        charges = [charge_id for _, charge_id, _ in names if charge_id]
        if charges and self.chance.random() < 0.02:
            opened = self.emulator.say("dispute", charge=self.chance.choice(charges))
            if opened:
                self.disputes.append((day + 20, opened["id"]))
        for due, dispute_id in list(self.disputes):
            if due <= day:
                outcome = self.chance.choice(["won", "lost", "lost"])
                self.emulator.say("dispute", dispute=dispute_id, outcome=outcome)
                self.disputes.remove((due, dispute_id))
        for person in self.people:
            if person.subscribed and person.comes_on + person.stays == day:
                self.send(person, "/subscription/cancel")
                person.subscribed = False
                if self.chance.random() < COMES_BACK:
                    person.stays += self.chance.randint(40, 120)

    def date_back(self, wall: datetime, now: datetime) -> None:
        """What our own tables date by the wall belongs to the day that was lived."""
        with self.app.app_context():
            for table in (Number, User):
                lived = update(table).where(table.created_at >= wall, table.created_at > now)
                db.session.execute(lived.values(created_at=now))
            db.session.commit()


def hidden_fields(page: str) -> dict[str, str]:
    """What the forms of a page send by themselves."""
    found = {}
    for tag in re.findall(r"<input [^>]*>", page):
        told = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if told.get("type") == "hidden" and "name" in told:
            found[told["name"]] = told.get("value", "")
    return found


def command(app: Flask, words: list[str]) -> Result:
    """``flask`` with these words, as an operator types them."""
    return app.test_cli_runner().invoke(FlaskGroup(create_app=lambda: app), words)


@contextmanager
def patient(app: Flask) -> Iterator[None]:
    """Limits are for the world: a year in a minute would run into each of them."""
    before = app.config["RATELIMIT_ENABLED"]
    app.config["RATELIMIT_ENABLED"] = False
    yield
    app.config["RATELIMIT_ENABLED"] = before


@click.command()
@click.option("--customers", type=click.IntRange(1, 5_000), default=500, show_default=True)
@click.option("--months", type=click.IntRange(1, 60), default=18, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True, help="Another one is another history.")
def seed(customers: int, months: int, seed: int) -> None:
    """Live a plausible history on the emulator's clock, up to now. For a shop that has sold nothing yet.

    Stripe's side is begun anew. Run ./dev run beside it, so that the shop hears its webhooks.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    if not app.config["TEST_MODE"] or not app.config["PREPAID_STRIPE_API_BASE"]:
        raise click.ClickException("This lives on the emulator only. Unset STRIPE_SECRET_KEY.")
    if db.session.scalar(select(func.count()).select_from(Payment)):
        raise click.ClickException("This shop has sold already. Give it another folder: RANDO_DATA=... ")
    db.session.rollback()
    # In the command's own app context every request would share one session and one signed-in user.
    Context().run(live, app, History(app, customers, months, seed))


def live(app: Flask, history: History) -> None:
    """Live all of it, and bring the books up to date as an operator does."""
    with patient(app), click.progressbar(length=history.days, label="days") as bar:
        for _ in history.live():
            bar.update(1)
    for words in (["prepaid", "reconcile", "--fix"], ["prepaid", "sync"], ["prepaid", "audit"]):
        done = command(app, words)
        click.echo(f"{' '.join(words)}: {done.stderr.strip().splitlines()[-1]}", err=True)
        if done.exit_code:
            raise SystemExit(done.exit_code)
