"""A small shop: one Flask app that sells credits, with Stripe beside it in the same process."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import stripe
from click.testing import Result
from flask import Flask, request
from flask.testing import FlaskClient
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, select, update
from werkzeug.test import TestResponse

from flask_prepaid import Operators, Pack, Plan, Prepaid, PriceTier, Quantity
from flask_prepaid.cli.commands import commands
from flask_prepaid.gateway.values import Checkout
from flask_prepaid.languages.units import CREDIT
from flask_prepaid.operations.models import InboxEvent
from flask_prepaid.operations.stripe_events import HEARD
from flask_prepaid.payments.models import Payment
from flask_prepaid.purchases.saved_cards import cards_on_file
from flask_prepaid.web.mailing.mails import Mail
from flask_prepaid.web.operator.roles import NOBODY
from prepaid_ledger import Unit
from prepaid_ledger.database import Base
from stripe_emulator import Emulator

from .beginnings import beginning

PACKS = (
    Pack("starter", credits=100, amount_minor=500),
    Pack("bonus", credits=100, amount_minor=1_000, bonus=20, expires_after=timedelta(days=30)),
    Pack("tokyo", credits=50, amount_minor=700, currency="jpy"),
    Pack("berlin", credits=70, amount_minor=700, currency="eur"),
    Pack("gift", credits=5, amount_minor=0),
    Pack("kuwait", credits=50, amount_minor=1_250, currency="kwd"),
)
QUANTITY = Quantity((PriceTier(1, 100), PriceTier(50, 95), PriceTier(100, 90)))

SECRET = "whsec_shop"
WEBHOOK = "/prepaid/webhook"


#: The shops of the test that runs: however it ends, they are let go after it.
OPENED: list[Shop] = []


class Shop:
    """The app, its customers' browsers, and Stripe.

    :param http_client: How the app reaches Stripe; by default in this process, and by a
        socket if PREPAID_STRIPE_API_BASE is set.
    """

    def __init__(
        self,
        database: URL,
        *,
        webhooks: bool = True,
        emulator: Emulator | None = None,
        http_client: stripe.HTTPClient | None = None,
        email: Callable[[str], str | None] | None = None,
        mail: Mail | None = None,
        trial: Callable[[str], bool] | None = None,
        language: Callable[[str | None], str | None] | None = None,
        plans: Iterable[Plan] = (),
        packs: Iterable[Pack] = PACKS,
        quantity: Quantity | None = QUANTITY,
        unit: Unit = CREDIT,
        operators: Operators = NOBODY,
        **settings: Any,
    ) -> None:
        self.stripe = emulator or Emulator()
        self.app = Flask("shop")
        self.app.config.update(
            TESTING=True,
            SECRET_KEY="of the tests",
            SQLALCHEMY_DATABASE_URI=database,
            PREPAID_STRIPE_SECRET_KEY="sk_test_shop",
            PREPAID_STRIPE_PUBLISHABLE_KEY="pk_test_shop",
            PREPAID_STRIPE_WEBHOOK_SECRET=SECRET,
            PREPAID_CHECK_AFTER=timedelta(0),
            PREPAID_ATTEMPTS_PER_HOUR=0,
            PREPAID_ATTEMPTS_PER_ADDRESS=0,
            PREPAID_DECLINES_PER_HOUR=0,
            PREPAID_ASKS_PER_MINUTE=0,
        )
        self.app.config.update(settings)
        self.db = SQLAlchemy(self.app)
        here = None if "PREPAID_STRIPE_API_BASE" in settings else self.stripe.http_client()
        self.prepaid = Prepaid(
            self.app,
            self.db,
            packs=packs,
            quantity=None if unit.scale else quantity,
            unit=unit,
            operators=operators,
            plans=plans,
            clock=self.now,
            owner=lambda: request.headers.get("X-Owner") or request.cookies.get("owner"),
            email=email,
            mail=mail,
            trial=trial,
            language=language,
            http_client=http_client or here,
        )
        OPENED.append(self)
        #: How a fixture made it, if it is as all that were made so; ``beginnings.py`` copies those.
        self.as_made: str | None = None
        self.written_at = 0
        if webhooks:
            self.stripe.connect(self.app, WEBHOOK, SECRET)
            self.stripe.hear(*HEARD)  # what `flask prepaid connect` asks for

    def close(self) -> None:
        """Look at the books and the inbox for a last time, and let go of the database."""
        assert self.audit() == []
        assert [event.outcome for event in self.inbox() if is_our_fault(event)] == []
        self.let_go()

    def let_go(self) -> None:
        """Close what is open: connections to the database, and the emulator's file. A repeat does nothing."""
        with self.app.app_context():
            self.db.engine.dispose()
        self.stripe.close()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.stripe.now(), UTC)

    def browser(self, owner: str | None = "user:1") -> FlaskClient:
        """A new browser, with ``owner`` signed in."""
        client = self.app.test_client()
        if owner:
            client.environ_base["HTTP_X_OWNER"] = owner
        return client

    def send_form(
        self, browser: FlaskClient, path: str, *, to: str | None = None, **fields: str
    ) -> TestResponse:
        """Open ``path`` and send a form of it, with the hidden field that proves it."""
        page = browser.get(path).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token, page
        return browser.post(to or path, data={"csrf_token": token[1], **fields})

    def session_of(self, sent: TestResponse) -> str:
        """The id of the Checkout Session that an answer leads to."""
        assert sent.status_code == 303, sent.text
        session = re.search(r"cs_test_\w+", sent.location)
        assert session, sent.location
        return session[0]

    def buy(self, owner: str = "user:1", **choice: str) -> str:
        """Press the button of a pack or a quantity; the id of the Checkout Session that it led to."""
        return self.session_of(
            self.send_form(self.browser(owner), "/prepaid/buy", **(choice or {"pack": "starter"}))
        )

    def pay(self, session_id: str) -> None:
        """What the customer does on Stripe's page. Events arrive by themselves."""
        self.stripe.pay(session_id)

    @beginning
    def keep_card(self, owner: str = "user:1", number: str = "4242424242424242") -> str:
        """Leave a first card on Stripe's page, and pay nothing; the card's id."""
        opened = self.send_form(self.browser(owner), "/prepaid/cards", to="/prepaid/cards/add")
        self.stripe.pay(self.session_of(opened), card=number)
        self.browser(owner).get("/prepaid/cards")
        return self.saved_card(owner)

    def press(self, card: str, owner: str = "user:1", **fields: str) -> TestResponse:
        """Buy a pack with a card on file, in one press; the page after it, or the way to the bank."""
        choice = {"pack": "starter", "saved_card": card, **fields}
        browser = self.browser(owner)
        answer = self.send_form(browser, "/prepaid/buy", **choice)
        return browser.get(answer.location) if "/prepaid/return" in (answer.location or "") else answer

    def answer_bank(self, challenge_url: str, answer: str) -> TestResponse:
        """What the customer does on the bank's page, "complete" or "fail"; and where that leads them."""
        path = challenge_url.removeprefix("http://127.0.0.1:12111")
        answered = self.stripe.browser().post(path, data={"outcome": answer})
        self.stripe.deliver()
        return answered

    def come_back(self, session_id: str, owner: str | None = "user:1") -> TestResponse:
        return self.browser(owner).get("/prepaid/return", query_string={"session_id": session_id})

    def command(self, *words: str) -> Result:
        """``flask prepaid`` with these words."""
        return self.app.test_cli_runner().invoke(commands, words)

    def tick(self) -> None:
        result = self.command("tick")
        assert result.exit_code == 0, result.output

    def put_right(self, *, ticks: int = 2) -> None:
        """Time goes by, and the tick comes around; it looks at a hundred payments each time."""
        self.stripe.advance(minutes=10)
        for _ in range(ticks):
            self.tick()

    def dashboard(self) -> stripe.StripeClient:
        """Somebody acts at Stripe, not here. Tell it to ``deliver`` what that makes of events."""
        return stripe.StripeClient("sk_test_shop", http_client=self.stripe.http_client())

    def charges(self) -> list[stripe.Charge]:
        """The charges at Stripe that went through, newest first."""
        every = self.dashboard().v1.charges.list({"limit": 100}).auto_paging_iter()
        return [charge for charge in every if charge.status == "succeeded"]

    def read(self, question: Callable[[], Any]) -> Any:
        """Ask in an app context of its own, as a new request would."""
        with self.app.app_context():
            return question()

    def balance(self, owner: str = "user:1") -> int:
        return int(self.read(lambda: self.prepaid.balance(owner)))

    def audit(self) -> list[Any]:
        return list(self.read(self.prepaid.audit))

    def payments(self, owner: str = "user:1") -> list[Payment]:
        wanted = select(Payment).where(Payment.owner == owner).order_by(Payment.id)
        return list(self.read(lambda: self.prepaid.session.scalars(wanted).all()))

    def change_payments(self, **values: object) -> None:
        """Somebody's hand in the table of payments, or a fault of ours."""
        self._change(Payment, values)

    def change_inbox(self, **values: object) -> None:
        """Somebody's hand in the table of events, or a fault of ours."""
        self._change(InboxEvent, values)

    def _change(self, table: type[Base], values: dict[str, object]) -> None:
        def write() -> None:
            self.prepaid.session.execute(update(table).values(values))
            self.prepaid.session.commit()

        self.read(write)

    def at_stripe(self, session_id: str) -> Checkout:
        """The session as Stripe has it."""
        checkout = self.read(lambda: self.prepaid.gateway.checkout.fetch(session_id))
        assert isinstance(checkout, Checkout)
        return checkout

    def saved_card(self, owner: str = "user:1") -> str:
        """The id of the card that pays by default."""
        card = self.read(lambda: cards_on_file.default_card(self.prepaid.session, owner))
        assert card is not None
        return str(card)

    def inbox(self) -> list[InboxEvent]:
        wanted = select(InboxEvent).order_by(InboxEvent.received_at)
        return list(self.read(lambda: self.prepaid.session.scalars(wanted).all()))


def is_our_fault(event: InboxEvent) -> bool:
    """Whether it failed for another reason than that Stripe or the database were busy or away."""
    theirs = ("GatewayUnavailable", "Busy", "OperationalError")
    return event.handled_at is None and not (event.outcome or theirs[0]).startswith(theirs)


def at_once(count: int, do: Callable[[int], Any]) -> list[Any]:
    """What ``do`` returns for each of ``count`` threads that begin it together."""
    start = Barrier(count)

    def begin(number: int) -> Any:
        start.wait()
        return do(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(begin, range(count)))


#: Opens a shop with these settings; the fixture ``shop_with`` closes it.
ShopWith = Callable[..., Shop]
