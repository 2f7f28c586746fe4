"""``Prepaid``: the one class that a host meets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol
from weakref import WeakKeyDictionary

from flask import Flask, Response, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from prepaid_ledger import Ledger, LedgerVerbs, Setup, UnfitDatabase
from prepaid_ledger import clock as clocks
from prepaid_ledger.aio import AsyncLedger
from prepaid_ledger.clock import Clock

from . import config as settings
from . import costs, upgrade
from .catalog import Catalog, Pack, Plan, Quantity
from .gateway.client import Gateway
from .operations import audit_rules, webhooks
from .payments import customers
from .payments.models import SavedCard
from .purchases import cards
from .subscriptions import subscribing
from .subscriptions.subscribing import PlanSummary
from .web import blueprint, mails, routes
from .web.address import client_address
from .web.mails import Mail
from .web.operator import routes as operator_routes
from .web.operator.roles import NOBODY, Operators

View = ParamSpec("View")


class Database(Protocol):
    """What the host lends: Flask-SQLAlchemy's ``db``, or anything with these two."""

    @property
    def session(self) -> Any: ...

    @property
    def engine(self) -> Engine: ...


@dataclass
class State:
    """What one app has: its database, its settings, and its door to Stripe."""

    db: Database
    config: settings.Config
    gateway: Gateway
    ledger: Ledger


class Prepaid(LedgerVerbs):
    """Prepaid credits for one or more Flask apps.

    :param db: Anything with ``.session`` and ``.engine``.
    :param packs: What is sold once.
    :param quantity: A free number of credits, by volume tiers.
    :param plans: What is sold by the period.
    :param clock: Gives the time now, in UTC.
    :param owner: Says who the customer of this request is; ``None`` is nobody. By
        default Flask-Login's ``current_user``, as ``user:<id>``.
    :param operators: Says who the operators are, and how customers are found. By default nobody is one.
    :param email: Gives the address of an owner; ``None`` is: none is known. Stripe's customers get it.
    :param mail: Sends a mail: the address, the subject, the text. Needs ``email`` and PREPAID_BASE_URL.
    :param trial: Says whether an owner may try a plan free. By default everybody may; each owner once.
    :param http_client: A ``stripe.HTTPClient`` to use in place of the SDK's own.
    """

    def __init__(
        self,
        app: Flask | None = None,
        db: Database | None = None,
        *,
        packs: Iterable[Pack] = (),
        quantity: Quantity | None = None,
        plans: Iterable[Plan] = (),
        clock: Clock = clocks.wall,
        owner: Callable[[], str | None] | None = None,
        operators: Operators = NOBODY,
        email: Callable[[str], str | None] | None = None,
        mail: Mail | None = None,
        trial: Callable[[str], bool] | None = None,
        http_client: Any = None,
    ) -> None:
        self.catalog = Catalog(packs, quantity, plans)
        self.clock = clock
        self.operators = operators
        self.http_client = http_client
        self._owner = owner or login_owner
        self._email = email
        self._mail = mail
        self._trial = trial
        if mail is not None and email is None:
            raise TypeError("Prepaid(mail=...) needs addresses to write to: give it Prepaid(email=...), too.")
        self._states: WeakKeyDictionary[Flask, State] = WeakKeyDictionary()
        if app is not None:
            self.init_app(app, db)

    def init_app(self, app: Flask, db: Database | None) -> None:
        """Make the verbs, pages and commands work in ``app``.

        :raises ConfigError: A setting is missing or wrong.
        """
        if db is None:
            raise TypeError("Prepaid needs a database: Prepaid(app, db) or prepaid.init_app(app, db)")
        config = settings.read(app)
        if self._mail is not None and not config.base_url:
            raise settings.ConfigError("PREPAID_BASE_URL is not set. The links in mails need it.")
        with app.app_context():
            engine = db.engine
        try:
            ledger = Ledger(
                engine,
                clock=self.clock,
                debt_blocks=config.debt_blocks,
                hold_expires_after=config.hold_expires_after,
                audit_rules=[audit_rules.problems],
            )
        except UnfitDatabase as error:
            raise settings.ConfigError(str(error)) from error
        self._states[app] = State(db, config, Gateway(config, self.http_client), ledger)
        app.extensions["prepaid"] = self
        pages = blueprint.create()
        routes.add_to(pages, config.paths)
        operator_routes.add_to(pages, config.paths["operator"])
        blueprint.register(app, pages)
        if self._mail is not None:
            mails.register(app, self)

    @property
    def state(self) -> State:
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        try:
            return self._states[app]
        except KeyError:
            raise RuntimeError(
                "This app is not set up for Prepaid. Did you forget to call init_app?"
            ) from None

    @property
    def config(self) -> settings.Config:
        return self.state.config

    @property
    def ledger(self) -> Ledger:
        """The books of this app, on the host's session."""
        return self.state.ledger.on(self.session)

    def async_ledger(self) -> AsyncLedger:
        """The books of this app for an event loop, each verb in a transaction of its own, and awaited.

        For an ASGI callable in front of the app: make one for each loop, and keep it.
        """
        return AsyncLedger(self.state.ledger)

    def costs(
        self, credits: int
    ) -> Callable[[Callable[View, ResponseReturnValue]], Callable[View, Response]]:
        """Make a view cost ``credits``: held before it, taken after it.

        They go back if the view raises or answers 4xx or 5xx. An owner who has fewer gets 402, a visitor who
        is not signed in 401.
        """
        return costs.priced(self, credits)

    def upgrade(self) -> None:
        """Bring the ``prepaid_*`` tables up to date.

        :raises UnknownVersion: Tables are there that this code has not made. They stay as they are.
        """
        upgrade.upgrade(self.engine)

    def is_upgraded(self) -> bool:
        """Whether the ``prepaid_*`` tables are those of this version: for a readiness check."""
        return not self.behind()

    def behind(self) -> list[str]:
        """Why the ``prepaid_*`` tables are not those of this version, with the cure; empty when they are."""
        return upgrade.behind(self.engine)

    @property
    def gateway(self) -> Gateway:
        return self.state.gateway

    def current_owner(self) -> str | None:
        """The customer of this request, or ``None`` when nobody is signed in."""
        return self._owner()

    def customer_id(self, owner: str) -> str | None:
        """The id of the owner's Stripe customer, ``cus_...``; ``None`` before the first purchase."""
        return customers.known_customer(self.session, owner)

    def cards(self, owner: str) -> list[SavedCard]:
        """The owner's saved cards, the one that pays by default first."""
        return cards.saved(self.session, owner)

    def plan(self, owner: str) -> PlanSummary | None:
        """The owner's plan: its title, its state and until when it is paid; ``None`` without one."""
        return subscribing.summary(self, owner)

    def sync_customer(self, owner: str) -> None:
        """Let Stripe write to the address that ``Prepaid(email=...)`` gives for the owner now. Commits.

        Call it when a customer has changed their address, after your commit: receipts and invoices follow.
        Where Stripe does not answer, ``tick`` does it; an address that Stripe does not take is shown to
        operators. Without a Stripe customer yet there is nothing to do.

        :raises RuntimeError: The session holds work of yours.
        """
        customers.sync(self, owner)

    def remove_customer(self, owner: str) -> None:
        """Delete the owner's Stripe customer, and with it saved cards, auto top-up and plan. Commits.

        Credits, entries and payments stay. A repeat does nothing.

        :raises GatewayUnavailable: Stripe did not answer. Ask again.
        """
        customers.remove(self, owner)

    def email_of(self, owner: str) -> str | None:
        """The owner's address, if the host has said how to find it and knows one."""
        return self._email(owner) if self._email else None

    def is_blocked(self, owner: str) -> bool:
        """Whether the host has shut the owner out, as ``Operators(blocked=...)`` says."""
        return self.operators.blocked(owner)

    def may_try(self, owner: str) -> bool:
        """Whether the host lets the owner try a plan free, if they have not done so before."""
        return self._trial is None or self._trial(owner)

    @property
    def address(self) -> str | None:
        """The network address of the customer's browser; ``None`` in a command."""
        return client_address()

    def send_mail(self, address: str, subject: str, text: str) -> None:
        """Hand a mail to the host; nothing where it wants none."""
        if self._mail is not None:
            self._mail(address, subject, text)

    @property
    def heard(self) -> list[str]:
        """The types of Stripe's events that are handled here; an endpoint need be sent no others."""
        return sorted(webhooks.HEARD)

    @property
    def session(self) -> Session:
        """The host's session of this request."""
        session = self.state.db.session
        return session() if callable(session) else session  # type: ignore[no-any-return]

    @property
    def engine(self) -> Engine:
        """The engine of the books, which is the host's."""
        return self.setup.engine

    @property
    def setup(self) -> Setup:
        return self.state.ledger.setup

    @property
    def _session(self) -> Session:
        return self.session


def login_owner() -> str | None:
    """Flask-Login's current user as an owner, or ``None`` when nobody is signed in.

    :raises RuntimeError: The host has no Flask-Login and has not said who its customers are.
    """
    if not hasattr(current_app, "login_manager"):
        raise RuntimeError("Who is the customer? Set up Flask-Login, or give Prepaid(owner=...) a function.")
    from flask_login import current_user

    return f"user:{current_user.get_id()}" if current_user.is_authenticated else None
