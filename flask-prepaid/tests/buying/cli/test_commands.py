"""What an operator types."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import stripe
from click.testing import Result
from sqlalchemy import event, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from flask_prepaid.cli import listen
from flask_prepaid.context import Context
from flask_prepaid.operations import inbox, stripe_events
from flask_prepaid.operations import tick as upkeep
from flask_prepaid.payments.models import PaymentState
from prepaid_ledger import UnfitDatabase

from ..shop import Shop


def test_connect_mirrors_the_packs_once(shop: Shop) -> None:
    first = shop.command("connect")
    again = shop.command("connect")

    prices = shop.dashboard().v1.prices.list({"lookup_keys": ["prepaid_starter", "prepaid_tokyo"]}).data
    assert {(price.lookup_key, price.unit_amount, price.currency) for price in prices} == {
        ("prepaid_starter", 500, "usd"),
        ("prepaid_tokyo", 700, "jpy"),
    }
    assert "starter" in first.stderr
    assert again.stderr == ""


def test_connect_follows_a_changed_price(shop: Shop) -> None:
    shop.command("connect")
    old = shop.dashboard().v1.prices.list({"lookup_keys": ["prepaid_starter"]}).data[0]
    shop.dashboard().v1.prices.create(
        {
            "product": str(old.product),
            "unit_amount": 1,
            "currency": "usd",
            "lookup_key": "prepaid_starter",
            "transfer_lookup_key": True,
        }
    )

    shop.command("connect")

    new = shop.dashboard().v1.prices.list({"lookup_keys": ["prepaid_starter"]}).data
    assert [(price.unit_amount, price.product) for price in new] == [(500, old.product)]


def test_connect_sets_up_the_webhook_and_says_its_secret_once(shop: Shop) -> None:
    url = "https://shop.example/prepaid/webhook"

    first, again = (shop.command("connect", "--url", url) for _ in range(2))

    assert re.fullmatch(r"whsec_\w+\n", first.stdout)
    assert again.stdout == ""
    assert "as PREPAID_STRIPE_WEBHOOK_SECRET (FLASK_PREPAID_STRIPE_WEBHOOK_SECRET for" in first.stderr
    (endpoint,) = [
        endpoint for endpoint in shop.dashboard().v1.webhook_endpoints.list().data if endpoint.url == url
    ]
    assert set(endpoint.enabled_events) == set(stripe_events.HEARD)


def test_listening_brings_events_to_a_machine_that_stripe_cannot_reach(deaf_shop: Shop) -> None:
    deaf_shop.pay(deaf_shop.buy())
    seen: set[str] = set()

    types = deaf_shop.read(lambda: inbox.listen_once(deaf_shop.prepaid, seen))

    assert "checkout.session.completed" in types
    assert deaf_shop.balance() == 100
    assert deaf_shop.read(lambda: inbox.listen_once(deaf_shop.prepaid, seen)) == []


def test_listen_says_once_that_stripe_is_away_and_once_that_it_is_back(
    deaf_shop: Shop, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    seen: set[str] = set()
    deaf_shop.stripe.chaos(api_500=1.0)
    assert not deaf_shop.read(lambda: listen.hear(seen, answered=True))
    for _ in range(2):
        assert not deaf_shop.read(lambda: listen.hear(seen, answered=False))
    deaf_shop.stripe.chaos()
    deaf_shop.pay(deaf_shop.buy())

    assert deaf_shop.read(lambda: listen.hear(seen, answered=False))

    first, second, *types = capsys.readouterr().err.splitlines()
    assert (first, second) == ("Stripe is asked again until it answers.", "Stripe answers again.")
    assert "checkout.session.completed" in types
    assert [record.message.split(":")[0] for record in caplog.records] == ["Stripe gave no answer"]
    assert deaf_shop.balance() == 100


def test_ticks_that_go_on_end_quietly(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    naps = iter([None, KeyboardInterrupt])

    def nap(_: float) -> None:
        if (ends := next(naps)) is not None:
            raise ends

    monkeypatch.setattr("flask_prepaid.cli.tick.time.sleep", nap)

    result = shop.command("tick", "--every", "1")

    assert (result.exit_code, "Abort" in result.output) == (0, False)


def test_a_grant_typed_twice_is_given_once(shop: Shop) -> None:
    for _ in range(2):
        assert shop.command("grant", "user:1", "50", "--reason", "sorry").exit_code == 0

    assert shop.balance() == 50


def test_a_refund_by_command_says_how_much_is_refunded(shop: Shop) -> None:
    shop.pay(shop.buy())

    result = shop.command("refund", "1", "--amount", "250", "--reason", "half of it")

    assert (result.exit_code, shop.balance()) == (0, 50)
    assert "Refund of $2.50 for payment 1: succeeded" in result.stderr


def test_what_is_typed_wrongly_is_told_in_a_sentence_and_does_nothing(shop: Shop) -> None:
    shop.pay(shop.buy())
    because = ("--reason", "x")
    for words, sentence in [
        (("refund", "9", *because), "There is no payment 9."),
        (("refund", "1", "--amount", "9999", *because), "$5.00 left to refund, not $99.99"),
        (("refund", "abc", *because), "PAYMENT is 'abc'. Write a whole number from 1"),
        (("refund", "9" * 23, *because), "PAYMENT is '9999"),
        (("refund", "1", "--amount", "4.85", *because), "in the currency's smallest unit: 485 is $4.85"),
        (("refund", "1", "--amount", "0", *because), "--amount is '0'"),
        (("refund", "1", "--reason", " "), "--reason is ' '. Write a text of 1 to 200 characters"),
        (("refund", "1", "--key", "k" * 300, *because), "--key is 'kkk"),
        (("grant", "user:1", str(10**20), *because), "CREDITS is '1000"),
        (("grant", "user:1", "1.5", *because), "Write a whole number from 1 to 1,000,000,000"),
        (
            ("grant", "user:1", "5", *because, "--key", "code:1"),
            "--key is 'code:1'. Keys that begin with code:",
        ),
        (("grant", "", "5", *because), "OWNER is ''. Write a text of 1 to 64 characters, such as user:42."),
        (("grant", "x" * 65, "5", *because), "OWNER is 'xxx"),
        (("grant", "user:1", "5", "--reason", ""), "--reason is ''"),
        (("show", ""), "OWNER is ''"),
    ]:
        result = shop.command(*words)

        assert (result.exit_code, result.stdout) == (1, ""), words
        assert result.stderr.startswith("Error: "), words
        assert sentence in result.stderr, (words, result.stderr)
    assert shop.balance() == 100
    assert shop.command("refund", "1", "--amount", "100", "--key", "a", *because).exit_code == 0
    reused = shop.command("refund", "1", "--amount", "200", "--key", "a", *because)
    assert (reused.exit_code, "has already asked for another refund" in reused.stderr) == (1, True)


def test_the_audit_is_one_object_on_one_line(shop: Shop) -> None:
    shop.pay(shop.buy())

    result = shop.command("audit", "--json")

    assert (result.exit_code, json.loads(result.stdout)) == (0, {"ok": True, "problems": []})


def test_a_database_that_became_unfit_is_named_in_one_sentence(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(context: Context) -> None:
        raise UnfitDatabase("This SQLite database cannot keep money safe.")

    monkeypatch.setattr(upkeep, "tick", refuse)
    result = shop.command("tick")

    assert result.exit_code == 1
    assert result.output == "Error: This SQLite database cannot keep money safe.\n"


def test_the_audit_of_every_ledger_proves_payments_too(shop: Shop) -> None:
    shop.pay(shop.buy())
    shop.change_payments(state=PaymentState.REQUESTED)

    audits = [
        shop.read(shop.prepaid.audit),
        shop.read(lambda: list(shop.prepaid.ledger.audit())),
        shop.read(lambda: asyncio.run(shop.prepaid.async_ledger().audit())),
    ]

    assert [{problem.invariant for problem in problems} for problems in audits] == [{"I3"}] * 3
    shop.change_payments(state=PaymentState.PAID)


def test_the_doctor_finds_nothing_in_a_healthy_shop(shop: Shop) -> None:
    assert shop.command("doctor").exit_code == 0


def test_the_doctor_misses_the_endpoint_of_a_server_that_has_heard_nothing_yet(deaf_shop: Shop) -> None:
    deaf_shop.app.testing = False

    unheard = deaf_shop.command("doctor")
    deaf_shop.command("connect", "--url", "http://127.0.0.1:9/prepaid/webhook")
    connected = deaf_shop.command("doctor")

    assert unheard.exit_code == 1
    assert (
        "No endpoint of Stripe's leads to /prepaid/webhook. Run: flask prepaid connect --url"
        in unheard.output
    )
    assert "No endpoint" not in connected.output


def test_the_doctor_names_a_stripe_that_does_not_answer(shop: Shop) -> None:
    shop.stripe.chaos(api_500=1.0)

    result = shop.command("doctor", "--json")

    assert result.exit_code == 1
    assert "Stripe does not answer" in json.loads(result.stdout)["findings"][0]


APP = """
import flask, flask_sqlalchemy
from flask_prepaid import Pack, Prepaid

app = flask.Flask(__name__, instance_path={folder!r})
app.config.update(DEBUG=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI="sqlite:///{folder}/app.sqlite3",
                  PREPAID_STRIPE_API_BASE="http://127.0.0.1:{port}")
db = flask_sqlalchemy.SQLAlchemy(app)
prepaid = Prepaid(packs=[Pack("starter", credits=100, amount_minor=500)], owner=lambda: "user:1")
prepaid.init_app(app, db)
"""


@pytest.fixture
def port(tmp_path: Path, typed: Callable[..., Result]) -> int:
    """Where nothing serves yet, and an app that looks for Stripe there; its tables are made."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    (tmp_path / "app.py").write_text(APP.format(folder=str(tmp_path), port=port))
    assert typed("flask prepaid upgrade").exit_code == 0
    return port


def test_listen_starts_the_emulator_where_none_serves_and_ends_with_it(
    tmp_path: Path, typed: Callable[..., Result], port: int
) -> None:
    with started("flask prepaid listen --emulator", tmp_path) as listening:
        assert answers(f"http://127.0.0.1:{port}/_emulator/state", within_s=60)
        second = typed("flask prepaid listen --emulator")

    assert second.exit_code == 1
    assert f"Something serves at http://127.0.0.1:{port} already" in second.stderr
    assert listening.returncode == 0
    assert not answers(f"http://127.0.0.1:{port}/_emulator/state", within_s=0)


def test_the_emulator_that_listen_starts_knows_tomorrow_what_it_sold_today(tmp_path: Path, port: int) -> None:
    client = stripe.StripeClient("sk_test_mine", base_addresses={"api": f"http://127.0.0.1:{port}"})

    with started("flask prepaid listen --emulator", tmp_path):
        assert answers(f"http://127.0.0.1:{port}/_emulator/state", within_s=60)
        customer = client.v1.customers.create({"email": "pat@shop.example"})

    with started("flask prepaid listen --emulator", tmp_path):
        assert answers(f"http://127.0.0.1:{port}/_emulator/state", within_s=60)
        assert client.v1.customers.retrieve(customer.id).email == "pat@shop.example"


@contextmanager
def started(line: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on until Ctrl-C, which it gets at the end."""
    command = [sys.executable, "-m", *line.split()]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as running:
        try:
            yield running
            os.kill(running.pid, signal.SIGINT)
            running.communicate(timeout=30)
        finally:
            running.terminate()  # and its emulator with it


def answers(url: str, *, within_s: float) -> bool:
    """Whether the page is there, now or soon."""
    until = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            if time.monotonic() >= until:
                return False
            time.sleep(0.1)


def test_the_tick_has_a_word_for_one_of_each(shop: Shop) -> None:
    assert list(shop.read(lambda: upkeep.tick(shop.prepaid))) == list(upkeep.ONE)


class HostTable(DeclarativeBase):
    pass


class Tally(HostTable):
    """What a host counts for itself with each commit; a change of an earlier version is refused."""

    __tablename__ = "host_tally"

    id: Mapped[int] = mapped_column(primary_key=True)
    commits: Mapped[int]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}


def test_a_command_that_loses_a_race_ends_in_a_sentence_and_changes_nothing(shop: Shop) -> None:
    with shop.app.app_context():
        HostTable.metadata.create_all(shop.prepaid.engine)
        shop.db.session.add(Tally(id=1, commits=0))
        shop.db.session.commit()

    def count(session: Session) -> None:
        session.get_one(Tally, 1).commits += 1
        with session.no_autoflush:
            session.execute(text("UPDATE host_tally SET version = version + 1"))  # as another process does

    event.listen(shop.db.session, "before_commit", count, once=True)
    late = shop.command("grant", "user:1", "5", "--reason", "sorry")

    assert (late.exit_code, late.stdout) == (1, "")
    assert late.stderr.startswith("Error: Something else has just changed")
    assert "Run it again" in late.stderr
    assert shop.balance() == 0
    assert shop.command("grant", "user:1", "5", "--reason", "sorry").exit_code == 0
    assert shop.balance() == 5
