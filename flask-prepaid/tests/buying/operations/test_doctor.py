"""The doctor: an operator has set something up wrong, and is told what and how to mend it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import formatdate
from typing import Any

import pytest
import stripe
from flask import Flask

from flask_prepaid import signals
from flask_prepaid.purchases.money_back.disputes import disputes
from flask_prepaid.testing import Databases
from prepaid_ledger import clock
from stripe_emulator import Emulator

from ..gateway.wire import free_port, served
from ..shop import WEBHOOK, Shop


def findings(shop: Shop) -> str:
    """What the doctor says; it exits 1 if that is anything but that nothing is wrong."""
    result = shop.command("doctor")
    assert result.exit_code == (0 if "Nothing is wrong" in result.stderr else 1), result.output
    assert result.stdout == ""
    return result.stderr


@contextmanager
def connected(databases: Databases, front: Callable[[Any], Any] = lambda app: app) -> Iterator[Shop]:
    """A shop that is served, behind ``front``, and whose endpoint Stripe knows, with its secret."""
    database, emulator = databases.fresh("sqlite"), Emulator()
    first = Shop(database, webhooks=False, emulator=emulator)
    port = free_port()
    output = first.command("connect", "--url", f"http://127.0.0.1:{port}{WEBHOOK}")
    shop = Shop(
        database, webhooks=False, emulator=emulator, PREPAID_STRIPE_WEBHOOK_SECRET=output.stdout.strip()
    )
    with served(front(shop.app), port):
        yield shop
    shop.close()


def test_a_shop_that_is_set_up_well_has_nothing_wrong(databases: Databases) -> None:
    with connected(databases) as shop:
        shop.pay(shop.buy())
        shop.stripe.advance(hours=1)

        assert findings(shop) == "Nothing is wrong. Stripe's mode is test: no money moves.\n"
        assert "prepaid.visit" not in {event.type for event in shop.inbox()}


def test_a_dispute_that_waits_for_evidence_is_told_with_the_end_of_its_time(databases: Databases) -> None:
    with connected(databases) as shop:
        shop.stripe.pay(shop.buy(), card="4000000000000259")  # its owner disputes it
        shop.stripe.deliver()

        ((row, _),) = shop.read(lambda: disputes.to_answer(shop.db.session(), shop.now()))
        due_at = row.evidence_due_at
        sentence = f"1 dispute waits for evidence, the first until {due_at:%Y-%m-%d} 23:59 UTC: send it"
        (dispute,) = shop.dashboard().v1.disputes.list().data
        assert sentence in findings(shop)
        assert f"By day: {dispute.id} of payment {row.payment_id} (user:1). Each" in findings(shop)
        shown = shop.command("show", "user:1").stdout
        assert f", evidence for {dispute.id} due {due_at:%Y-%m-%d} 23:59  {row.payment_intent_id}\n" in shown

        shop.stripe.dispute(dispute=dispute.id, outcome="won")
        shop.stripe.deliver()
        assert "dispute" not in findings(shop)


LIVE: dict[str, Any] = {
    "PREPAID_STRIPE_SECRET_KEY": "sk_live_of_another",
    "PREPAID_STRIPE_PUBLISHABLE_KEY": "pk_live_x",
}


def test_a_key_that_stripe_does_not_know_is_named(databases: Databases) -> None:
    shop = Shop(databases.fresh("sqlite"), **LIVE)

    assert "Stripe refuses PREPAID_STRIPE_SECRET_KEY" in findings(shop)
    assert not [value for value in LIVE.values() if value in findings(shop)]


@pytest.mark.each_database
@pytest.mark.parametrize("command", ["doctor", "tick", "reconcile", "grant user:1 5 --reason x"])
def test_missing_tables_are_named_with_the_command_that_makes_them(
    databases: Databases, kind: str, command: str
) -> None:
    shop = Shop(databases.empty(kind))

    result = shop.command(*command.split())

    assert result.exit_code == 1
    assert "flask prepaid upgrade" in result.stderr
    assert "Traceback" not in result.output
    with shop.app.app_context():
        shop.db.engine.dispose()


@pytest.mark.parametrize("command", ["tick", "listen", "connect", "reconcile", "sync"])
def test_every_command_with_a_wrong_key_says_so_in_a_sentence(databases: Databases, command: str) -> None:
    shop = Shop(databases.fresh("sqlite"))
    shop.buy()
    wrong = Shop(
        shop.app.config["SQLALCHEMY_DATABASE_URI"],
        emulator=shop.stripe,
        PREPAID_STRIPE_SECRET_KEY="sk_live_of_another_account",
        PREPAID_STRIPE_PUBLISHABLE_KEY="pk_live_of_another_account",
    )

    result = wrong.command(command)

    if command == "tick":  # what it cannot do waits, and the rest is done
        assert result.exit_code == 0
        return
    assert result.exit_code == 1
    assert "Stripe refuses" in result.stderr
    assert "flask prepaid doctor" in result.stderr
    assert isinstance(result.exception, SystemExit)


class Late(stripe.HTTPClient):
    """Stripe's own client, in whose answers it is another time."""

    name = "late"

    def __init__(self, emulator: Emulator, *, off_s: int) -> None:
        super().__init__()
        self.stripe = emulator.http_client()
        self.off_s = off_s

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        body, status, reply_headers = self.stripe.request(method, url, headers, post_data)
        return body, status, {**reply_headers, "date": formatdate(time.time() + self.off_s, usegmt=True)}

    def close(self) -> None:
        """Nothing is held open."""


@pytest.mark.parametrize("off_s", [-600, 600])
def test_a_clock_that_is_off_is_named(databases: Databases, off_s: int) -> None:
    emulator = Emulator()
    shop = Shop(databases.fresh("sqlite"), emulator=emulator, http_client=Late(emulator, off_s=off_s))

    assert "s off Stripe's: webhooks are refused. Set it by NTP." in findings(shop)


def test_events_that_go_nowhere_are_named_with_the_two_ways_to_get_them(deaf_shop: Shop) -> None:
    deaf_shop.pay(deaf_shop.buy())
    assert "Nothing is wrong" in findings(deaf_shop)  # they may be on their way

    deaf_shop.stripe.advance(minutes=10)

    sentences = findings(deaf_shop)
    assert "did not come in" in sentences
    assert "flask prepaid connect --url https://your.host/prepaid/webhook" in sentences
    assert "flask prepaid listen" in sentences


def test_a_webhook_secret_that_is_not_the_endpoints_is_named(databases: Databases) -> None:
    with connected(databases) as shop:
        forgetful = Shop(
            shop.app.config["SQLALCHEMY_DATABASE_URI"],
            webhooks=False,
            emulator=shop.stripe,
            PREPAID_STRIPE_WEBHOOK_SECRET="whsec_of_last_year",
        )
        assert "the app that serves has another one" in findings(forgetful)


def test_events_that_the_app_refuses_are_named_until_the_books_are_compared(databases: Databases) -> None:
    port = free_port()
    shop = Shop(databases.fresh("sqlite"), webhooks=False)
    shop.command("connect", "--url", f"http://127.0.0.1:{port}{WEBHOOK}")  # its secret is not taken down
    with served(shop.app, port):
        shop.pay(shop.buy())
        shop.stripe.advance(hours=1)

        assert "PREPAID_STRIPE_WEBHOOK_SECRET is not that of the endpoint" in findings(shop)
        time.sleep(1)  # Stripe's times are of whole seconds
        assert shop.command("reconcile").exit_code == 1
        assert "did not come in" in findings(shop)
        assert shop.command("reconcile", "--fix").exit_code == 0
        assert "did not come in" not in findings(shop)
        shop.pay(shop.buy())
        shop.stripe.advance(hours=1)
        assert "did not come in" in findings(shop)
    shop.close()


def test_an_endpoint_that_cannot_be_reached_or_was_switched_off_is_named(shop: Shop) -> None:
    url = f"http://127.0.0.1:{free_port()}{WEBHOOK}"
    shop.command("connect", "--url", url)
    assert f"{url} cannot be reached from here" in findings(shop)
    endpoints = shop.dashboard().v1.webhook_endpoints
    endpoint = endpoints.list().data[0]
    endpoints.update(endpoint.id, {"disabled": True, "enabled_events": ["refund.created"]})

    sentences = findings(shop)
    assert f"Stripe has switched off {url}" in sentences
    assert f"{url} is not sent" in sentences
    shop.command("connect", "--url", url)

    mended = findings(shop)
    assert "switched off" not in mended
    assert "is not sent" not in mended


def moved(app: Any) -> Any:
    def front(environ: Any, start_response: Any) -> Any:
        start_response("301 Moved Permanently", [("Location", "https://shop.example/prepaid/webhook")])
        return []

    return front


def elsewhere(app: Any) -> Any:
    def front(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"<h1>Welcome to nginx!</h1>"]

    return front


def forbidden(app: Any) -> Any:
    def front(environ: Any, start_response: Any) -> Any:
        start_response("403 Forbidden", [])
        return []

    return front


def silent_proxy(app: Any) -> Any:
    """Passes requests on under its own name for the app."""
    return lambda environ, start: app({**environ, "HTTP_HOST": "app.internal:8000"}, start)


@pytest.mark.parametrize(
    ("front", "sentence"),
    [
        (moved, "redirects to https://shop.example/prepaid/webhook, which Stripe does not follow"),
        (elsewhere, "it is not this app that answers"),
        (forbidden, "answers 403 to what Stripe sends"),
        (silent_proxy, "is http://app.internal:8000/prepaid/webhook: customers would come back"),
    ],
)
def test_what_stands_in_front_of_the_app_is_named(
    databases: Databases, front: Callable[[Any], Any], sentence: str
) -> None:
    with connected(databases, front) as shop:
        assert sentence in findings(shop)


def test_events_that_failed_are_named_with_the_way_to_run_them_again(shop: Shop) -> None:
    session = shop.buy()
    shop.stripe.chaos(api_500=1.0)
    shop.pay(session)
    shop.stripe.chaos()
    shop.change_inbox(received_at=clock.wall() - timedelta(minutes=5))

    wrong = findings(shop)
    assert "came in and were not handled, the first for: " in wrong
    assert "flask prepaid replay --failed" in wrong
    shop.command("replay", "--failed")

    assert "replay" not in findings(shop)
    assert shop.balance() == 100


def test_a_tick_that_never_comes_is_named(shop: Shop) -> None:
    shop.buy()
    shop.change_payments(check_at=clock.wall() - timedelta(hours=1))

    assert "flask prepaid tick" in findings(shop)
    shop.tick()

    assert "flask prepaid tick" not in findings(shop)


def test_an_address_that_this_app_does_not_hear_at_is_not_connected(shop: Shop) -> None:
    result = shop.command("connect", "--url", "https://shop.example/stripe/hook")

    assert result.exit_code == 2
    assert "this app hears events at /prepaid/webhook" in result.stderr


def test_tick_lets_the_host_do_its_own_upkeep_and_outlives_it(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Flask] = []

    def tidy(app: Flask, **more: object) -> None:
        heard.append(app)
        raise OSError("the host's disk is full")

    signals.ticked.connect(tidy, shop.app)
    shop.buy()

    shop.tick()

    assert heard == [shop.app]
    assert "A receiver of the signal `ticked` failed" in caplog.text
