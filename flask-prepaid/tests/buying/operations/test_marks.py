"""What an audit cannot see by itself: that the books went back. Marks that are kept elsewhere tell."""

from __future__ import annotations

import json
import logging
import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from sqlalchemy import URL, update

from flask_prepaid.operations.elsewhere import places
from flask_prepaid.testing import Databases
from prepaid_ledger.tables import Wallet

from ..shop import Shop


def back_up(database: str, copy: str) -> None:
    with closing(sqlite3.connect(database)) as books, closing(sqlite3.connect(copy)) as kept:
        books.backup(kept)


def spend(shop: Shop, owner: str, *keys: str) -> None:
    with shop.app.app_context():
        for key in keys:
            shop.prepaid.spend_now(owner, credits=1, key=key)


@pytest.mark.parametrize("kept_in", ["a file", "a database"])
def test_books_that_went_back_are_told_by_the_marks_though_they_add_up(
    databases: Databases, tmp_path: Path, kept_in: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = databases.fresh("sqlite")
    place = str(tmp_path / "marks.sqlite3")
    if kept_in == "a database":
        place = databases.empty("postgresql").render_as_string(hide_password=False)
    shop = Shop(url, PREPAID_MARKS=place)
    for owner in ("user:1", "user:2", "user:3"):
        shop.pay(shop.buy(owner))
    assert shop.command("tick").exit_code == 0
    well = shop.command("audit", "--against", place)
    assert (well.exit_code, "Nothing that was marked is gone." in well.stderr) == (0, True)

    back_up(str(url.database), str(tmp_path / "backup"))
    spend(shop, "user:1", "a", "b", "c")
    spend(shop, "user:2", "d")
    shop.command("tick")
    with shop.app.app_context():
        shop.db.engine.dispose()
    back_up(str(tmp_path / "backup"), str(url.database))  # a standby that lagged would be the same
    shop = Shop(url, emulator=shop.stripe, PREPAID_MARKS=place)
    assert shop.command("audit").exit_code == 0, "the books add up"

    spend(shop, "user:1", "x", "y", "z", "and one more")  # beyond the mark, by other entries
    with caplog.at_level(logging.ERROR):
        shop.command("tick")
    assert "The books went back: 2 wallets lack what was marked." in caplog.text
    result = shop.command("audit", "--json", "--against", place)
    assert result.exit_code == 1
    problems = json.loads(result.stdout)["problems"]
    assert [(problem["invariant"], problem["owner"]) for problem in problems] == [
        ("I18", "user:1"),
        ("I18", "user:2"),
    ]
    assert "the books went back: entry 4 ('c'" in problems[0]["message"]
    assert "is gone; the wallet stands at 5" in problems[0]["message"]
    assert "is gone; the wallet stands at 1" in problems[1]["message"]
    shop.close()


def test_a_wallet_whose_time_is_ahead_keeps_the_marks_of_no_other_back(
    databases: Databases, tmp_path: Path
) -> None:
    """A clock was off for one call, and the ledger's times never go back."""
    place = tmp_path / "marks.sqlite3"
    shop = Shop(databases.fresh("sqlite"), PREPAID_MARKS=str(place))
    for owner in ("user:1", "user:2"):
        shop.pay(shop.buy(owner))
    with shop.app.app_context():
        ahead = (
            update(Wallet).where(Wallet.owner == "user:1").values(moved_at=datetime(2038, 1, 1, tzinfo=UTC))
        )
        shop.prepaid.session.execute(ahead)
        shop.prepaid.session.commit()
    shop.tick()
    shop.stripe.advance(hours=1)

    spend(shop, "user:2", "a", "b")
    shop.tick()

    with closing(sqlite3.connect(place)) as marks:
        assert dict(marks.execute("SELECT owner, key FROM prepaid_mark"))["user:2"] == "b"


def test_a_place_that_will_not_do_is_named_and_tick_goes_on(
    databases: Databases, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url: URL = databases.fresh("sqlite")
    for place, sentence, of_audit in (
        (url.render_as_string(), "go back with them", "go back with them"),
        (f"{Path(url.database or '').parent}/./{Path(url.database or '').name}", *2 * ["go back with them"]),
    ):
        shop = Shop(url, PREPAID_MARKS=place)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert shop.command("tick").exit_code == 1, "cron hears of it"
        assert sentence in caplog.text
        assert sentence in shop.command("doctor").output
        result = shop.command("audit", "--against", place)
        assert (result.exit_code, of_audit in result.stderr, "Traceback" in result.output) == (1, True, False)
        shop.close()
    nothing = tmp_path / "empty.sqlite3"
    shop = Shop(url)
    result = shop.command("audit", "--against", str(nothing))
    assert "No marks are kept in" in result.stderr
    assert not nothing.exists(), "a mistyped name leaves no file behind"


@pytest.mark.parametrize("silent", ["at once", "after a while"])
def test_a_server_that_accepts_and_never_answers_does_not_stop_the_tick(
    databases: Databases, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    monkeypatch.setattr(places, "ANSWER_S", 2)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        place = f"postgresql+psycopg://me:hush@127.0.0.1:{server.getsockname()[1]}/marks"
        if silent == "after a while":
            Thread(target=greet, args=(server,), daemon=True).start()
        shop = Shop(databases.fresh("sqlite"), PREPAID_MARKS=place)
        with caplog.at_level(logging.WARNING):
            assert shop.command("tick").exit_code == 1, "cron hears of it"
        assert "The marks of the books were not kept" in caplog.text
        assert "What PREPAID_MARKS names does not answer" in shop.command("doctor").output
        shop.close()


def greet(server: socket.socket) -> None:
    """Let one caller in, as PostgreSQL does, and say nothing more until it hangs up."""
    caller, _ = server.accept()
    with caller:
        caller.recv(8)
        caller.sendall(b"N")  # no TLS
        caller.recv(4096)
        caller.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x00" + b"Z\x00\x00\x00\x05I")
        while caller.recv(4096):
            pass


@pytest.mark.parametrize("is_in_query", [False, True])
def test_no_password_of_a_place_is_printed(databases: Databases, is_in_query: bool) -> None:
    place, secret = databases.empty("postgresql"), "hush-hush"
    place = place.update_query_dict({"password": secret}) if is_in_query else place.set(password=secret)
    address = place.render_as_string(hide_password=False)
    shop = Shop(databases.fresh("sqlite"))
    marked = shop.command("audit", "--against", address)
    archived = shop.command("audit", "--archive", address)
    copied = shop.command("copy", "--to", address)
    assert "No marks are kept in" in marked.stderr
    assert "Nothing was archived in" in archived.stderr
    assert f"tables are at postgresql://{place.host or ''}" in copied.stderr
    for result in (marked, archived, copied):
        assert secret not in result.output
        assert f"/{place.database}" in result.output
    shop.close()
