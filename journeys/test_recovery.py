"""What docs/how-to/backup.md says comes back after a loss, and what does not."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_prepaid import Pack, Prepaid
from flask_prepaid.cli.commands import commands
from stripe_emulator import Emulator


class Shop:
    """One pack for sale; its database is a file that can be lost. Stripe remembers."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.stripe = Emulator()
        self.app = Flask("shop")
        self.app.config.update(TESTING=True, SECRET_KEY="x", SQLALCHEMY_DATABASE_URI=f"sqlite:///{file}")
        self.db = SQLAlchemy(self.app)
        self.prepaid = Prepaid(
            self.app,
            self.db,
            packs=[Pack("starter", credits=100, amount_minor=500)],
            owner=lambda: "user:1",
            http_client=self.stripe.http_client(),
        )
        self.stripe.connect(self.app, "/prepaid/webhook")

    def begin(self) -> str:
        """A customer is on Stripe's page: the id of the session."""
        browser = self.app.test_client()
        token = re.search(r'name="csrf_token" value="(.+?)"', browser.get("/prepaid/buy").text)
        assert token
        sent = browser.post("/prepaid/buy", data={"pack": "starter", "csrf_token": token[1]})
        session = re.search(r"cs_test_\w+", sent.location)
        assert session
        return session[0]

    def command(self, *words: str) -> Result:
        return self.app.test_cli_runner().invoke(commands, words)

    def balance(self) -> int:
        with self.app.app_context():
            return self.prepaid.balance("user:1")

    def go_back_to(self, copy: Path) -> None:
        self.close()
        for name in (self.file, *self.file.parent.glob(f"{self.file.name}-*")):
            name.unlink()
        shutil.copy(copy, self.file)

    def close(self) -> None:
        with self.app.app_context():
            self.db.engine.dispose()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "books.sqlite3")
    assert shop.command("upgrade").exit_code == 0
    yield shop
    shop.close()
    shop.stripe.close()


def test_stripe_tells_what_was_paid_and_paid_back_since_the_backup(shop: Shop, tmp_path: Path) -> None:
    refunded_later, paid_later = shop.begin(), shop.begin()
    shop.stripe.pay(refunded_later)
    with closing(sqlite3.connect(shop.file)) as books, closing(sqlite3.connect(tmp_path / "copy")) as copy:
        books.backup(copy)
    shop.stripe.pay(paid_later)
    shop.stripe.pay(shop.begin())  # its row is in no backup
    assert shop.command("refund", "1", "--reason", "Asked for it").exit_code == 0
    assert shop.balance() == 200

    shop.go_back_to(tmp_path / "copy")
    assert shop.balance() == 100
    left = shop.command("reconcile", "--fix", "--json")

    assert shop.balance() == 100  # one was given, one was taken
    assert left.exit_code == 1
    (missed,) = json.loads(left.stdout)["drift"]
    detail, line = missed["detail"].split(": flask prepaid ")
    assert (missed["kind"], missed["id"][:3], missed["payment"]) == ("missed", "pi_", None)
    assert detail.startswith("it names a payment that is not in this database.")
    assert line == f"grant user:1 CREDITS --reason TEXT --key {missed['id']}"
    assert shop.command("audit").exit_code == 0

    typed = line.replace("CREDITS", "100").replace("TEXT", "Lost").split()
    assert [shop.command(*typed).exit_code for _ in range(2)] == [0, 0]
    assert shop.balance() == 200  # once, however often it is typed
    assert shop.command("reconcile").exit_code == 0
