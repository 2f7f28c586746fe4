"""The database is away, held, or has no connection left: 503 with a time, soon, on every page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from flask_prepaid.testing import Databases
from rando_number.config.database import CONNECTIONS
from rando_number.extensions import db

from .frozen import Door
from .running_shop import Program, RunningShop
from .serving import at_once

PAGES = ("/", "/user-profile", "/usage", "/cards", "/buy-credits", "/api-keys", "/sessions", "/admin")


@contextmanager
def no_connection_left(shop: RunningShop, wait_s: float = 0.2) -> Iterator[None]:
    with shop.app.app_context(), ExitStack() as held:
        pool: Any = db.engine.pool
        pool._timeout = wait_s
        for _ in range(CONNECTIONS):
            held.enter_context(db.engine.connect())
        yield


@contextmanager
def away(shop: RunningShop) -> Iterator[None]:
    """A database that no connection reaches."""
    with shop.app.app_context():
        engine = db.engine
        error = engine.dialect.loaded_dbapi.OperationalError
        engine.dispose()
        pool: Any = engine.pool
        connect = pool._creator

        def refused(*args: object) -> object:
            raise error("connection refused")

        pool._creator = refused
        try:
            yield
        finally:
            pool._creator = connect


def until(what: Callable[[], bool]) -> None:
    """Ask again until it is so; a database that was silent is left alone for a second."""
    end_s = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end_s
        time.sleep(0.1)


@pytest.mark.parametrize("trouble", [no_connection_left, away])
def test_a_signed_in_customer_is_told_to_come_again(any_shop: RunningShop, trouble: object) -> None:
    customer = any_shop.customer()
    assert callable(trouble)
    with trouble(any_shop):
        answers = {path: customer.get(path) for path in PAGES}
        drawn = customer.api("/number/")

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(PAGES, 503)
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers.values())
    assert "We are busy right now" in answers["/user-profile"].text
    assert drawn.status_code == 503
    assert int(drawn.headers["Retry-After"]) > 0
    assert customer.get("/user-profile").status_code == 200


def test_health_asks_for_no_connection(shop: RunningShop) -> None:
    customer = shop.customer()
    with no_connection_left(shop):
        assert customer.get("/healthz").status_code == 200
        assert customer.get("/static/app.css").status_code == 200
        assert customer.get("/readyz").status_code == 503


@pytest.mark.parametrize("any_shop", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", ["prepaid_wallet", "numbers", "users"])
def test_a_locked_table_keeps_nobody_longer_than_a_few_seconds(any_shop: RunningShop, table: str) -> None:
    customer = any_shop.customer()
    program = Program(any_shop, customer.make_key())
    assert program.get("/number/").status_code == 200

    with any_shop.app.app_context(), db.engine.connect() as holder:
        holder.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        refused = program.get("/number/")  # in this thread: it waits for no end of the lock

    assert refused.status_code == 503, refused.text
    assert int(refused.headers["Retry-After"]) > 0


def test_a_database_that_stands_still_keeps_nobody_and_no_page_that_asks_it_nothing(
    databases: Databases, tmp_path: Path
) -> None:
    """Connections stay open, and no statement is answered: no timeout of the server's own can help."""
    url = databases.fresh("postgresql")
    with closing(Door(url)) as door:
        at = door.url.render_as_string(hide_password=False)
        shop = RunningShop(tmp_path, DATABASE_URL=at, RANDO_DATABASE_TIMEOUT="1")
        customer = shop.customer(credits=200)
        program = Program(shop, customer.make_key())
        tabs = [customer.another_tab() for _ in range(8)]
        with shop.app.app_context():
            db.engine.dispose()
            shop.prepaid.answer_within(shop.app.config["DATABASE_TIMEOUT_S"])
        until(lambda: all(sold.status_code == 200 for sold in at_once(8, lambda _: program.get("/number/"))))

        def visit(number: int) -> tuple[str, int, str | None]:
            """What each of forty calls at once is answered."""
            if number < 8:
                path, answer = "page", tabs[number].get("/user-profile", buffered=True)
            elif number < 32:
                path, answer = "number", program.get("/number/")
            else:
                path = ("/healthz", "/static/app.css")[number % 2]
                answer = shop.programs.get(path)
            return path, answer.status_code, answer.headers.get("Retry-After")

        with door.shut():
            for _ in range(2):
                for path, status, retry_after in at_once(40, visit):
                    if path.startswith("/"):
                        assert status == 200, (path, status)
                    else:
                        assert (status, int(retry_after or 0) > 0) == (503, True), (path, status)
            assert shop.programs.get("/readyz").status_code == 503

        until(lambda: program.get("/number/").status_code == 200)
        assert shop.audit() == []
        with shop.app.app_context():
            db.engine.dispose()
    databases.drop(url)
