"""``Prepaid``: the one class that a host meets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol
from weakref import WeakKeyDictionary

from flask import Flask, Response, current_app
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from prepaid_ledger import HeldCredits, Ledger, Setup, UnfitDatabase, Unit
from prepaid_ledger import clock as clocks
from prepaid_ledger.aio import AsyncLedger
from prepaid_ledger.clock import Clock
from prepaid_ledger.database import answer_within

from . import checks, upgrade
from . import config as settings
from .catalog import Catalog, Pack, Plan, Quantity
from .cli.commands import commands
from .codes.verbs import CodeVerbs
from .costs import priced_views, view_holds
from .costs.lasting_ledger import LastingLedger
from .errors import ConfigError
from .gateway import calls
from .gateway.client import Gateway
from .host import apps, database, effects, functions, users
from .keys import setup as key_setup
from .keys.setup import Keys
from .keys.verbs import AppKeys
from .languages.units import CREDIT
from .operations import audit_rules, stripe_events
from .operations.verbs import OperationVerbs
from .outbox.app_outbox import AppOutbox
from .outbox.verbs import OutboxVerbs
from .outbox.webhooks.http import Poster
from .payments import refusals
from .purchases.buying_verbs import BuyingVerbs
from .purchases.customer_verbs import CustomerVerbs
from .uncommitted import JoinedVerbs, warn_of_uncommitted
from .web import blueprint, replaced, routes
from .web.api import routes as api
from .web.mailing import mails
from .web.mailing.mail_content import WrittenMail
from .web.mailing.mails import Mail, MailVerbs
from .web.operator import routes as operator_routes
from .web.operator.roles import NOBODY, Operators
from .web.selling import SellingVerbs
from .web.visitors import current_caller, reader
from .web.visitors.address import client_address
from .web.visitors.team import ALONE, Team

View = ParamSpec("View")


class Database(Protocol):
    """What the host lends: Flask-SQLAlchemy's ``db``, or anything with these two."""

    @property
    def session(self) -> Any: ...

    @property
    def engine(self) -> Engine: ...


@dataclass
class AppState:
    """What one app has: its database, its settings, and its door to Stripe."""

    db: Database
    config: settings.Config
    gateway: Gateway
    ledger: Ledger
    clock: Clock
    keys: AppKeys | None
    outbox: AppOutbox


class Prepaid(
    SellingVerbs, JoinedVerbs, BuyingVerbs, CustomerVerbs, CodeVerbs, OutboxVerbs, MailVerbs, OperationVerbs
):
    """Prepaid credits for one or more Flask apps.

    :param app: The app, which needs ``db``, too; or leave both out, and call ``init_app`` for each app.
    :param db: Anything with ``.session`` and ``.engine``.
    :param packs: What is sold once.
    :param quantity: A free number of credits, by volume tiers.
    :param plans: What is sold by the period.
    :param clock: Gives the time now, in UTC.
    :param owner: Says who the customer of this request is; ``None`` is nobody. By
        default Flask-Login's ``current_user``, as ``user:<id>``.
    :param operators: Says who the operators are, and how customers are found. By default nobody is one.
    :param email: Gives the address of an owner; ``None`` is: none is known. Stripe's customers get it.
    :param mail: Sends a mail: the address, the subject, the text. If it takes ``html`` by name, it gets that,
        too. Needs ``email`` and PREPAID_BASE_URL.
    :param trial: Says whether an owner may try a plan free. By default everybody may; each owner once.
    :param language: Gives the language that an owner has chosen, such as ``"de"``, for pages and mails;
        ``None`` is: none was chosen. It is asked with ``None`` for a visitor who is not signed in. By default
        pages follow the browser, and mails the browser with which the customer bought last.
    :param keys: ``True`` gives your customers API keys for their programs, with pages to make and limit them;
        ``Keys(prefix="acme_")`` says how.
    :param team: Where an owner is many people: who of them asks, who pays, and what they are called.
    :param unit: What credits are called, and with how many decimals people read them. Amounts stay whole
        numbers in the price list and in all verbs: ``unit.parts("2.5")`` makes one.
    :param http_client: A ``stripe.HTTPClient`` to use in place of the SDK's own.
    :raises ConfigError: An argument is wrong: the message names it, with the cure.
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
        language: Callable[[str | None], str | None] | None = None,
        keys: bool | Keys = False,
        team: Team = ALONE,
        unit: Unit = CREDIT,
        http_client: Any = None,
    ) -> None:
        by_name = {"clock": clock, "owner": owner, "email": email, "mail": mail, "trial": trial}
        functions.check_functions({**by_name, "language": language})
        if not isinstance(operators, Operators):
            checks.refuse("Prepaid(operators=...)", operators, "Write Operators(current=...) there.")
        if not isinstance(team, Team):
            checks.refuse("Prepaid(team=...)", team, "Write Team(member=...) there.")
        if mail is not None and email is None:
            raise ConfigError(
                "Prepaid(mail=...) needs addresses to write to: give it Prepaid(email=...), too."
            )
        if not isinstance(unit, Unit):
            checks.refuse("Prepaid(unit=...)", unit, 'Write Unit("credit", scale=3) there.')
        if unit.scale and quantity is not None:
            cure = "Sell packs, of credits=unit.parts(...) each: a tier prices each part in whole cents."
            checks.refuse("Prepaid(quantity=...) beside a unit with decimals", quantity, cure)
        self.catalog = Catalog(packs, quantity, plans)
        self.unit = unit
        self.operators = operators
        self.team = team
        self._clock = clock
        self._http_client = http_client
        self._owner = owner
        self._email = email
        self._mail = mail
        self._mail_takes_html = mail is not None and functions.takes_html(mail)
        self._trial = trial
        self._language = language
        self._keys = key_setup.read(keys)
        self._states: WeakKeyDictionary[Flask, AppState] = WeakKeyDictionary()
        if app is not None:
            self.init_app(app, db)

    def init_app(
        self,
        app: Flask,
        db: Database | None = None,
        *,
        clock: Clock | None = None,
        http_client: Any = None,
    ) -> None:
        """Make the verbs, pages and commands work in ``app``.

        :param db: Anything with ``.session`` and ``.engine``, such as Flask-SQLAlchemy's ``db``.
        :param clock: In place of that of ``Prepaid``, as a test of a module's ``prepaid`` needs it.
        :param http_client: In place of that of ``Prepaid``, as well.
        :raises ConfigError: The app, the database or a setting is missing or wrong.
        """
        apps.check_app(app)
        engine = database.engine_of(app, db)
        assert db is not None, "it has an engine"
        config = settings.read(app)
        effects.check_currency(config.currency, self.catalog.currencies)
        effects.check_languages(config.languages, config.translations)
        has_operators = self.operators is not NOBODY
        given = effects.Given(self._mail, self._trial, self._language, self._keys, has_operators)
        effects.check_effects(app, config, given, self.catalog.plans.values())
        if self._owner is None:
            users.check_user_models(db)
        clock = clock or self._clock
        functions.check_clock(app, clock)
        ledger = _open_books(engine, clock, config, self.unit)
        gateway = Gateway(config, http_client or self._http_client)
        app_keys = AppKeys.open(app, engine, self._keys, self.operators.shut_out) if self._keys else None
        apps.check_secret_key(app)
        outbox = AppOutbox(Poster(local=config.local_webhooks))
        if self._mail is not None:
            outbox.mailed, outbox.write_mail = mails.mailed(receipts=config.receipts), mails.writer(self)
        self._states[app] = AppState(db, config, gateway, ledger, clock, app_keys, outbox)
        app.extensions["prepaid"] = self
        pages = blueprint.create()
        routes.add_to(pages, config.paths)
        if self._keys is not None:
            routes.add_keys_to(pages, config.paths["keys"])
            current_caller.register(app)
        if config.json_api:
            api.add_to(pages, config.paths["api"], with_keys=self._keys is not None)
        operator_routes.add_to(pages, config.paths["operator"])
        blueprint.register(app, pages)
        apps.check_routes(app)
        apps.check_template(app, config.base_template)
        replaced.check(app, config.base_template)
        warn_of_uncommitted(app)
        app.cli.add_command(commands)  # a test's runner does not look for the entry point

    @property
    def state(self) -> AppState:
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

    @property
    def books(self) -> Ledger:
        """The books of this app, on its engine: each verb is a transaction of its own."""
        return self.state.ledger

    def apps(self) -> list[Flask]:
        """The apps that this has been given."""
        return list(self._states)

    def async_ledger(self) -> AsyncLedger:
        """The books of this app for an event loop, each verb in a transaction of its own, and awaited.

        For an ASGI callable in front of the app: make one for each loop, and keep it.
        """
        return AsyncLedger(self.state.ledger)

    @property
    def clock(self) -> Clock:
        """Gives the time now, in UTC."""
        return self.state.clock

    def costs(
        self,
        credits: priced_views.ViewPrice,
        *,
        key: priced_views.KeyOf | None = None,
        item: str | None = None,
    ) -> Callable[[Callable[View, priced_views.Answer]], Callable[View, Response]]:
        """Make a view cost ``credits``: held before it, taken after it.

        They go back if the view raises or answers 4xx or 5xx. An owner who has fewer gets 402, a visitor who
        is not signed in 401. The view may be ``async def``. Inside it, ``current_hold`` takes less than all.
        A view that streams is charged when its stream ends; a reader who leaves after the first part pays.

        :param credits: A whole number from 1 on, or a price of ``prepaid_ledger.Rates``, whose item, quantity
            and version stand on the entry; or a function without arguments that says one of them for this
            request, where 0 is free.
        :param key: A function that names what is paid for, such as
            ``lambda: request.headers.get("Idempotency-Key")``. A second request of the same owner under the
            same key gets 409 and pays nothing: ``still_running`` or ``already_paid``. After a failure the key
            can be used again. ``None`` names nothing: each request pays. An empty text gets 400.
        :param item: What is bought, for ``usage(by="item")``: ``report``. A price of ``Rates`` says its own.
        :raises ConfigError: They are no price, no key, or no item; or what stands below is no view.
        """
        return priced_views.priced(self, credits, key, item)

    def _lasting(self) -> Any:
        """A hold or a meter goes on in a stream that has no request around it any more."""
        return LastingLedger(self)

    @property
    def current_hold(self) -> HeldCredits:
        """The credits that are held for the view at work, to ``capture`` fewer, ``extend``, or ``release``.

        A view that streams asks for it before it returns, and keeps it for its generator.

        :raises RuntimeError: No view that costs credits is at work, or it is free this time.
        """
        return view_holds.current_hold()

    def answer_within(self, seconds: float) -> None:
        """Let nothing that this process asks of PostgreSQL wait longer than ``seconds`` for an answer.

        Call it where the app is served, once for each process, and not in commands: theirs may take long.
        Where the server stands still, a request gets ``Busy`` or an ``OperationalError`` of SQLAlchemy's in
        time. It holds for the host's own statements on this engine, too.

        :raises UnfitDatabase: PostgreSQL is reached by another driver than psycopg.
        """
        answer_within(self.engine, seconds)

    def upgrade(self, *, partitions: int | None = None) -> None:
        """Bring the ``prepaid_*`` tables up to date.

        Tables of a later release that this one can work with stay as they are.

        :param partitions: Make the ledger's tables in so many partitions by slot, on PostgreSQL: 2, 4,
            ... 256, for billions of entries. In one piece each by default. What stands stays as it is.
        :raises ValueError: ``partitions`` is no power of two from 2 to 256.
        :raises UnfitDatabase: The database is SQLite, or the tables stand already, parted otherwise.
        :raises UnknownVersion: Tables are there that this code has not made and can't work with.
        :raises Busy: A table was in use for minutes. Nothing was changed.
        """
        upgrade.upgrade(self.engine, partitions=partitions)

    def is_upgraded(self) -> bool:
        """Whether the ``prepaid_*`` tables have all that this version wants: for a readiness check."""
        return not self.behind()

    def behind(self) -> list[str]:
        """What the ``prepaid_*`` tables lack of this version, with the cure; empty when nothing.

        Tables of a later release may lack nothing, so that two releases serve side by side.
        """
        return upgrade.behind(self.engine)

    @property
    def app_keys(self) -> AppKeys | None:
        """What this app has of API keys; ``None`` where it has none."""
        return self.state.keys

    @property
    def outbox(self) -> AppOutbox:
        return self.state.outbox

    @property
    def gateway(self) -> Gateway:
        return self.state.gateway

    def current_owner(self) -> str | None:
        """The customer of this request, or ``None`` when nobody is signed in."""
        owner = (self._owner or users.login_owner)()
        if owner is not None and (not isinstance(owner, str) or not owner):
            checks.refuse("What Prepaid(owner=...) gave", owner, "Give a text such as 'user:42', or None.")
        return owner

    def email_of(self, owner: str) -> str | None:
        """The owner's address, if the host has said how to find it and knows one."""
        return self._email(owner) if self._email else None

    def is_blocked(self, owner: str) -> bool:
        """Whether the host has shut the owner out, as ``Operators(blocked=...)`` says."""
        return self.operators.blocked(owner)

    def may_try(self, owner: str) -> bool:
        """Whether the host lets the owner try a plan free, if they have not done so before."""
        return self._trial is None or self._trial(owner)

    def language_of(self, owner: str | None) -> str | None:
        """The language that the host says this owner has chosen, if it is one that is offered.

        ``None`` as the owner is who is not signed in.
        """
        chosen = self._language(owner) if self._language is not None else None
        return chosen if chosen in self.config.languages else None

    @property
    def current_language(self) -> str:
        """The language that this request is answered in; ``en`` for programs and in commands."""
        return reader.current(self)

    @property
    def reader_language(self) -> str | None:
        """The language of this request's customer; ``None`` in a command, or where one is offered."""
        return reader.of_customer(self)

    @property
    def address(self) -> str | None:
        """The network address of the customer's browser; ``None`` in a command."""
        return client_address()

    def send_mail(self, address: str, mail: WrittenMail) -> None:
        """Hand a mail to the host; nothing where it wants none."""
        send: Any = self._mail
        if send is not None:
            send(address, mail.subject, mail.text, **{"html": mail.html} if self._mail_takes_html else {})

    @property
    def heard(self) -> list[str]:
        """The types of Stripe's events that are handled here; an endpoint need be sent no others."""
        return sorted(stripe_events.HEARD)

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


class AppLedger(Ledger):
    """An app's books. The extension posts in a session; what posts on the engine alone is the host's code."""

    def _refuse_key(self, key: str) -> None:
        if not self.is_joined:
            checks.not_own_key(key)


def _open_books(engine: Engine, clock: Clock, config: settings.Config, unit: Unit) -> Ledger:
    """:raises ConfigError: The database is another one than we work on, or does not open."""
    try:
        return AppLedger(
            engine,
            clock=clock,
            debt_blocks=config.debt_blocks,
            hold_expires_after=config.hold_expires_after,
            audit_rules=[audit_rules.problems],
            standby=database.standby(engine, config.standby),
            scale=unit.scale,
        )
    except UnfitDatabase as error:
        raise ConfigError(str(error)) from error
    except SQLAlchemyError as error:
        raise database.unreachable(error) from error


#: What Stripe refuses is counted, for ``doctor``, wherever it was asked.
calls.refused.connect(refusals.count_refusal)
