"""A call has an end: who waits for a wallet that others keep is told so in time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import create_engine, event, text

from prepaid_ledger import Busy, Ledger
from prepaid_ledger.database.transactions import limits, statements_within
from prepaid_ledger.database.turns import LOCK_TIMEOUT_S
from prepaid_ledger.spends.batches import postgresql_batch
from prepaid_ledger.spends.group_commit import asynchronous, batch_writer, group_commit, loop_connection
from prepaid_ledger.testing import Databases
from prepaid_ledger.verbs import base

from .books import OWNER, Books

pytestmark = pytest.mark.each_database

SOON_S = 0.2


@pytest.fixture
def books(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    """Rows are locked on PostgreSQL alone. Statements end soon; a lock may be waited for longer than that."""
    for module in (base, group_commit, asynchronous, batch_writer):
        monkeypatch.setattr(module, "LOCK_TIMEOUT_S", SOON_S)
    set_up = postgresql_batch.SET_UP.replace(statements_within(LOCK_TIMEOUT_S), statements_within(SOON_S))
    assert set_up != postgresql_batch.SET_UP
    for module in (batch_writer, loop_connection):
        monkeypatch.setattr(module, "SET_UP", set_up)
    books = Books(databases.fresh("postgresql"))
    books.grant(100)
    yield books
    books.close()


@contextmanager
def kept_from_others(books: Books) -> Iterator[list[str]]:
    """The wallet's row is locked for so long. What was asked of it by spends that went alone."""
    alone: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        if "FOR NO KEY UPDATE" in statement and "json_to_recordset" not in statement:
            alone.append(statement)

    event.listen(books.engine, "before_cursor_execute", note)
    with books.engine.connect() as keeping:
        keeping.execute(text("SELECT FROM prepaid_wallet FOR UPDATE"))
        yield alone


@pytest.mark.parametrize(
    "connected",
    [{}, {"options": "-c statement_timeout=60000"}, {"prepare_threshold": None}],
    ids=["as it comes", "limited to a minute", "behind a pooler"],
)
def test_a_statement_ends_with_the_patience_of_its_caller(books: Books, connected: dict[str, Any]) -> None:
    """The limit of a lock begins anew with each version of a row, and ends nothing where others change it."""
    engine = create_engine(books.engine.url, connect_args=connected)
    ledger = Ledger(engine, clock=lambda: books.time)
    ended: list[str] = []
    event.listen(engine, "handle_error", lambda context: ended.append(context.original_exception.sqlstate))

    with kept_from_others(books):
        with pytest.raises(Busy):
            ledger.spend_now(OWNER, key="report:1")
        with pytest.raises(Busy):
            ledger.hold(OWNER, 1, key="job:1")

    query_canceled = "57014"
    assert ended == [query_canceled, query_canceled]
    assert ledger.available(OWNER) == 100
    assert ledger.spend_now(OWNER, key="report:1").balance == 99
    engine.dispose()


@pytest.mark.parametrize(("before", "after"), [("0", "4s"), ("1min", "4s"), ("2d", "4s"), ("250ms", "250ms")])
def test_a_host_that_limits_statements_to_less_keeps_that(books: Books, before: str, after: str) -> None:
    with books.engine.begin() as connection:
        connection.execute(text(f"SET LOCAL statement_timeout = '{before}'"))
        connection.execute(limits(4))
        assert connection.scalar(text("SHOW statement_timeout")) == after


def test_of_many_who_wait_for_one_wallet_none_goes_alone_after_its_time(books: Books) -> None:
    calls = [partial(books.ledger.spend_now, OWNER, key=f"report:{number}") for number in range(30)]

    with kept_from_others(books) as alone:
        results = books.all_at_once(calls, until_served=False)

    assert all(isinstance(result, Busy) for result in results)
    assert alone == []
    assert books.ledger.balance(OWNER) == 100


def test_of_many_who_are_awaited_none_waits_for_a_thread_after_its_time(books: Books) -> None:
    async def spend_all() -> list[object]:
        ledger = books.awaited()
        spends = (ledger.spend_now(OWNER, key=f"report:{number}") for number in range(100))
        return await asyncio.gather(*spends, return_exceptions=True)

    with kept_from_others(books) as alone:
        results = asyncio.run(spend_all())

    assert [type(result) for result in results] == [Busy] * 100
    assert alone == []
