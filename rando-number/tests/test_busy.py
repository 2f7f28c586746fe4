"""The database is away, held, or has no connection left: 503 with a time, soon, on every page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from rando_number.models import db

from .running_shop import Program, RunningShop

PAGES = ("/", "/user-profile", "/usage", "/cards", "/buy-credits", "/api-keys", "/sessions", "/admin")

#: The longest that anybody waits for a refusal, in seconds, and what a busy machine adds.
WITHIN_S = 5.0
ON_A_BUSY_MACHINE_S = 2.5


@contextmanager
def no_connection_left(shop: RunningShop, wait_s: float = 0.2) -> Iterator[None]:
    with shop.app.app_context(), ExitStack() as held:
        pool: Any = db.engine.pool
        pool._timeout = wait_s
        for _ in range(24):
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
        began_s = time.monotonic()
        refused = program.get("/number/")
        took_s = time.monotonic() - began_s

    assert refused.status_code == 503, refused.text
    assert int(refused.headers["Retry-After"]) > 0
    assert took_s < WITHIN_S + ON_A_BUSY_MACHINE_S
