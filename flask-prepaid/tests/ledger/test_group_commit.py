"""Spends of one wallet that another process holds wait for it together."""

from __future__ import annotations

from functools import partial

from sqlalchemy import event, text

from flask_prepaid.spending import Spent
from flask_prepaid.testing import Databases

from .books import OWNER, Books


def test_spends_that_wait_for_a_wallet_share_a_statement_and_none_goes_alone(databases: Databases) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(20)
    waiting: list[str] = []
    alone: list[str] = []

    sitting = books.db.engine.connect()
    sitting.execute(text("SELECT FROM prepaid_wallet FOR UPDATE"))

    def note(connection: object, cursor: object, statement: str, *more: object) -> None:
        if "lock_timeout" in statement:
            waiting.append(statement)
            sitting.close()  # as soon as somebody waits for it
        elif "prepaid_wallet" in statement and "unnest" not in statement:
            alone.append(statement)

    event.listen(books.db.engine, "before_cursor_execute", note)
    calls = [partial(books.prepaid.spend_now, OWNER, key=f"report:{number}") for number in range(20)]
    results = books.all_at_once(calls)

    assert all(isinstance(result, Spent) for result in results)
    assert alone == []
    assert len(waiting) < 20
    assert books.prepaid.balance(OWNER) == 0
    assert books.prepaid.audit() == []
    books.close()
