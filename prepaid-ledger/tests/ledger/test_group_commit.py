"""Spends share statements: those of a wallet that another process holds, and those that come back at once."""

from __future__ import annotations

import time
from functools import partial

import pytest
from sqlalchemy import event, text

from prepaid_ledger import Spent
from prepaid_ledger.spends.group_commit.group_commit import LastBatch
from prepaid_ledger.testing import Databases

from .books import OWNER, Books

pytestmark = pytest.mark.each_database


def test_spends_that_wait_for_a_wallet_share_a_statement_and_none_goes_alone(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(20)
    waiting: list[str] = []
    alone: list[str] = []

    sitting = books.engine.connect()
    sitting.execute(text("SELECT FROM prepaid_wallet FOR UPDATE"))

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        if "lock_timeout" in statement:
            waiting.append(statement)
            sitting.close()  # as soon as somebody waits for it
        elif "prepaid_wallet" in statement and "json_to_recordset" not in statement:
            alone.append(statement)

    event.listen(books.engine, "before_cursor_execute", note)
    calls = [partial(books.ledger.spend_now, OWNER, key=f"report:{number}") for number in range(20)]
    results = books.all_at_once(calls)

    assert all(isinstance(result, Spent) for result in results)
    assert alone == []
    assert len(waiting) < 20
    assert books.ledger.balance(OWNER) == 0
    assert books.ledger.audit() == []
    books.close()


def test_the_first_caller_who_comes_back_waits_for_the_others_and_not_for_ever(books: Books) -> None:
    books.grant(6)
    calls = [partial(books.ledger.spend_now, OWNER, key=f"report:{number}") for number in range(5)]
    moves: list[str] = []

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        if "prepaid_entry" in statement and "INSERT" in statement:
            moves.append(statement)

    event.listen(books.engine, "before_cursor_execute", note)
    an_hour_s = 3600.0
    books.unjoined.setup.spends._last = LastBatch(size=5, took_s=an_hour_s, ended_s=time.monotonic())
    results = books.all_at_once(calls)

    assert all(isinstance(result, Spent) for result in results)
    assert len(moves) == 1  # all five, and as soon as the fifth was there

    books.unjoined.setup.spends._last = LastBatch(size=5, took_s=0.001, ended_s=time.monotonic())
    assert books.ledger.spend_now(OWNER, key="report:5").balance == 0  # nobody else came
    assert books.ledger.audit() == []
