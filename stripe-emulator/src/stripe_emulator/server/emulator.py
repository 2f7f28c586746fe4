"""One emulated Stripe account: what a test holds in its hand, and what the command serves."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stripe_emulator import controls
from stripe_emulator.api import request_log
from stripe_emulator.api.request import Api
from stripe_emulator.core.database.storage import ACCOUNT, Store
from stripe_emulator.core.errors import CardError
from stripe_emulator.core.hosts import name_of
from stripe_emulator.core.ids import token
from stripe_emulator.core.time import clock
from stripe_emulator.core.types import Json
from stripe_emulator.events import listeners
from stripe_emulator.events.deliveries import Courier, Reply
from stripe_emulator.payments.account import account as account_object
from stripe_emulator.server import load
from stripe_emulator.server.accounts import Accounts, file_of

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.test import Client

    from stripe_emulator.server.client import LocalHTTPClient


class Emulator:
    """Stripe in this process.

    ``emulator.http_client()`` goes into ``StripeClient``; ``emulator.connect(app, ...)`` delivers
    events to a WSGI app. The verbs below are what happens outside of the API: a customer pays, a
    bank disputes, time goes by. Each delivers, at its end, whatever events are due. Calls to the
    API only leave events behind for the next verb, so that none is delivered into the middle of
    the caller's own request.

    :param data: A file that keeps everything; in memory if None.
    :param now: Unix time to start at; the real time if None.
    :param seed: The same calls get the same ids and times; the clock moves by ``advance`` only.
    :param webhook: A URL to send every event to, signed with ``webhook_secret``.
    :param webhook_thin: The same for thin events.
    :param base_url: Where the hosted pages are reached.
    :param accounts: "by-key" gives each secret key an account of its own; see ``account``.
    :param account: The id of the account.
    :param hosts: Names under which it is reached, beside this machine's and ``base_url``'s.
    :param name: What the account is called, as customers see it on the pages; kept if None.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        *,
        now: int | None = None,
        seed: int | str | None = None,
        webhook: str | None = None,
        webhook_thin: str | None = None,
        webhook_secret: str = "whsec_emulator",
        base_url: str = "http://127.0.0.1:12111",
        accounts: Literal["one", "by-key"] = "one",
        account: str = ACCOUNT,
        name: str | None = None,
        hosts: Iterable[str] = (),
    ) -> None:
        load.load()
        #: The emulator whose pages show this account.
        self._whole = self
        self._hosts = [host.lower() for host in hosts]
        self.store = Store(data, base_url=base_url, account=account)
        self.api = Api(self.store)
        self.api.on_answer.append(partial(request_log.record, self.store))
        self.courier = Courier(self.store)
        if seed is not None:
            self.store.repeat(seed)
        with self.store.transaction():
            if now is not None:
                clock.set_to(now)
            if name is not None:
                account_object.rename(name)
            if webhook is not None:
                listeners.listen("listener", webhook, webhook_secret)
            if webhook_thin is not None:
                listeners.listen("thin_listener", webhook_thin, webhook_secret, payload="thin")

        def another(account: str) -> Emulator:
            made = Emulator(
                file_of(self.store.path, account),
                now=now,
                seed=None if seed is None else f"{seed} {account}",
                webhook=webhook,
                webhook_thin=webhook_thin,
                webhook_secret=webhook_secret,
                base_url=self.store.base_url,
                account=account,
                name=name,
            )
            made.store.on_commit = self.store.on_commit
            made._whole = self
            return made

        #: The accounts of all keys, where each has its own; else None.
        self.accounts = Accounts(self, another) if accounts == "by-key" else None
        if self.accounts is not None:
            self.accounts.open_kept()

    def names(self) -> set[str]:
        """The names under which it is reached, beside this machine's."""
        return {name_of(self.store.base_url), *self._hosts}

    @cached_property
    def app(self) -> Flask:
        """Everything over HTTP, as a WSGI app."""
        if self._whole is not self:
            return self._whole.app
        from stripe_emulator.server import app  # with Flask, for whoever looks at pages

        return app.create_app(self.api, self.accounts, self._hosts)

    def account(self, key: str) -> Emulator:
        """The account of a key, with the same verbs; this one, unless each key has its own."""
        return self if self.accounts is None else self.accounts.of(key)

    def everyone(self) -> Iterable[Emulator]:
        """Every account, this one first."""
        return [self] if self.accounts is None else self.accounts

    def http_client(self) -> LocalHTTPClient:
        """For ``StripeClient("sk_test_emulator", http_client=..., max_network_retries=2)``."""
        from stripe_emulator.server.client import LocalHTTPClient  # with the SDK, which its caller has

        return LocalHTTPClient(self.accounts or self.api)

    def browser(self) -> Client:
        """A browser without JavaScript on the emulator's own pages."""
        from werkzeug.test import Client

        return Client(self.app)

    def connect(
        self, wsgi_app: Any, path: str, secret: str = "whsec_emulator", *, payload: str = "snapshot"
    ) -> str:
        """Deliver every event to a WSGI app in this process; return the endpoint's id.

        :param payload: "snapshot", or "thin" for thin events.
        """
        from werkzeug.test import Client

        client = Client(wsgi_app)
        endpoint = f"connected_{token(8)}"

        def send(body: bytes, headers: dict[str, str]) -> Reply:
            response = client.post(path, data=body, headers=headers)
            reply = Reply(response.status_code, response.get_data(as_text=True))
            if response.status_code >= 300:
                _warn_of_refusal(path, reply)
            return reply

        self.courier.connected[endpoint] = send
        with self.store.transaction():
            listeners.listen(endpoint, path, secret, payload=payload)
        return endpoint

    def now(self) -> int:
        """Stripe's time. Give it to the app under test as its clock."""
        with self.store.transaction(write=False):
            return clock.now()

    def pay(self, session: Any, card: str = "4242424242424242", **details: Any) -> Json:
        """Pay a Checkout Session, given as its id, the address of its page, or the SDK's object; return it.

        :param details: What a customer does there besides. ``promotion_code``: types one. ``keep_card=True``:
            leaves the card on file. ``iban``: pays by SEPA debit in place of a card. ``email``, ``name``,
            ``address``, ``shipping``, ``tax_id``, ``business_name``: who they are. ``challenge="fail"``: does
            not pass the bank's question. ``custom_fields``, ``optional_items``: what the page offers.
        :raises CardError: The card was refused; the session stays open.
        :raises InvalidRequest: The session is not open, or its page has no field for a detail. Name, email
            and address are for pages that want them, and left out of others.
        """
        try:
            return controls.pay(self.store, _id(session), card=card, **details)
        finally:
            self.deliver()

    def decline(self, session: Any, card: str = "4000000000000002", **details: Any) -> CardError:
        """Try to pay a Checkout Session as ``pay`` does, with a card that is refused; return the refusal."""
        try:
            self.pay(session, card, **details)
        except CardError as error:
            return error
        raise AssertionError(f"the card {card} was not declined")

    def dispute(
        self, charge: Any = None, *, dispute: Any = None, amount: int | None = None, **how: str
    ) -> Json:
        """Open a dispute on a charge or payment, or end one: ``dispute=..., outcome="won"``.

        :param amount: Minor units that are disputed, by default all; with ``dispute``, how many from now on.
        :param how: ``reason``, such as "fraudulent" or "inquiry"; or ``outcome``.
        """
        try:
            if dispute is not None:
                return controls.dispute(self.store, dispute=_id(dispute), amount=amount, **how)
            return controls.dispute(self.store, charge=_id(charge), amount=amount, **how)
        finally:
            self.deliver()

    def advance(
        self,
        *,
        seconds: int = 0,
        minutes: int = 0,
        hours: int = 0,
        days: int = 0,
        months: int = 0,
        to: int | None = None,
    ) -> int:
        """Move the clock, first by months and then by the rest; return the time that it is then.

        Events are delivered as of that time, with retries that fell due on the way.
        """
        target = to
        if target is None:
            target = (
                clock.add_months(self.now(), months)
                + seconds
                + 60 * minutes
                + 3600 * hours
                + clock.DAY * days
            )
        controls.advance(self.store, to=target)
        self.deliver()
        return target

    def deliver(self, event: Any = None, *, times: int = 1) -> int:
        """Deliver what is due, or one event again; return how many deliveries were made.

        :param event: An id, an SDK object, or a type: the latest event of it.
        """
        if event is not None:
            controls.send_again(self.store, _id(event), times=times)
        return self.courier.deliver()

    def roll_secret(self, endpoint: str, *, hours: int = 24) -> str:
        """Give an endpoint a new secret and return it; the old one signs, too, for so many hours."""
        return controls.roll_secret(self.store, endpoint, hours=hours)

    def finish_debit(self, payment: Any, *, succeeds: bool = True) -> Json:
        """Have the bank answer a debit that is processing now, not days later; return the payment."""
        try:
            return controls.finish_debit(self.store, _id(payment), succeeds=succeeds)
        finally:
            self.deliver()

    def rename(self, name: str) -> None:
        """Give the account another name, which its customers see on the pages."""
        controls.rename(self.store, name)

    def chaos(self, **settings: Any) -> None:
        """Make Stripe behave badly: ``chaos(duplicate=1, shuffle=True)``; ``chaos()`` ends it.

        :param settings: ``duplicate``, ``drop``, ``api_500``, ``api_429``, ``lost_reply`` and ``timeout`` are
            shares from 0 to 1; ``delay`` and ``slow`` are seconds at most; ``shuffle`` is true or false;
            ``seed`` makes another bad day.
        """
        controls.set_chaos(self.store, settings)

    def hear(self, *types: str) -> None:
        """Send the endpoint given as ``webhook`` events of these types only; ``hear("*")`` is all of them."""
        controls.hear(self.store, list(types))

    def dunning(self, **settings: Any) -> None:
        """When failed renewals are tried again, and what then; ``dunning()`` is Stripe's default.

        :param settings: ``retry_days``: days after each failure until the next try. ``overdue_days``: days
            after which an invoice that was sent counts as never paid. ``end``: "cancel", "unpaid" or
            "past_due".
        """
        controls.set_dunning(self.store, settings)

    def settlement(self, **settings: Any) -> None:
        """The currencies of the account's balance; ``settlement()`` is dollars alone.

        :param settings: ``currencies``: those of its bank accounts. ``default``: the one of them that others
            are converted to.
        """
        controls.set_settlement(self.store, settings)

    def reset(self, *, now: int | None = None, seed: int | None = None) -> None:
        """Forget everything but who listens."""
        controls.reset(self.store, now=now, seed=seed)

    def save(self, name: str) -> None:
        """Keep everything as it is now under a name."""
        controls.save(self.store, name)

    def load(self, name: str) -> None:
        """Go back to what was kept under a name; who listens stays."""
        controls.load(self.store, name)

    def diff(self, name: str) -> Json:
        """What is other than in the state of this name: created, changed, deleted, and events since."""
        return controls.diff(self.store, name)

    def state(self) -> Json:
        """Counts, clock, pending deliveries."""
        return controls.state(self.store)

    def close(self) -> None:
        """Let go of the file."""
        if self.accounts is not None:
            self.accounts.close()
        if self.store.path is not None:
            request_log.write(self.store)
        self.store.close()


def _warn_of_refusal(path: str, reply: Reply) -> None:
    """Say in the log, which pytest shows of a test that fails, that an event did not come in."""
    import logging  # not at the start: it is slow to load

    logging.getLogger(__name__).warning(
        "An event that was sent to %s was answered with %s: %.300s", path, reply.status, reply.text
    )


def _id(value: Any) -> str:
    """An id from an id, an SDK object, or a dict."""
    return value if isinstance(value, str) else str(value["id"])
