"""What no entry can be, whoever writes it: the database refuses it, in one piece and in partitions."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.exc import IntegrityError

from prepaid_ledger.database import UtcDateTime
from prepaid_ledger.testing import Databases

from .books import OWNER, Books
from .own_operators import compare_by_own_operators

#: A value for each rule that it forbids in a purchase, and one that no rule forbids.
WRONG: list[dict[str, Any]] = [
    {"kind": "gift"},
    {"seq": 0},
    {"balance_after": -1},
    {"credits": 0, "kind": "adjustment"},
    {"credits": -5},
    {"credits": 5, "kind": "spend"},
    {"debt": 1},
    {"debt": -1, "kind": "spend", "credits": -5},
    {"currency": None},
    {"amount_minor": None, "tax_minor": None},
    {"amount_minor": -1, "tax_minor": None},
    {"tax_minor": 501},
    {"tax_minor": -1},
]
RIGHT: list[dict[str, Any]] = [
    {},
    {"kind": "spend", "credits": -5},
    {"kind": "spend", "credits": -5, "debt": 1},
    {"kind": "clawback", "credits": 0, "debt": 5},
    {"kind": "adjustment", "credits": -5},
    {"amount_minor": None, "tax_minor": None, "currency": None},
    {"tax_minor": None},
    {"tax_minor": 500},
]

INSERT = text("""
INSERT INTO prepaid_entry (wallet_id, slot, seq, kind, "key", credits, debt, balance_after, at, amount_minor,
                           tax_minor, currency)
VALUES (:wallet_id, :slot, :seq, :kind, :key, :credits, :debt, :balance_after, :at, :amount_minor,
        :tax_minor, :currency)
""").bindparams(bindparam("at", type_=UtcDateTime))


@pytest.mark.each_database
@pytest.mark.parametrize("partitions", [None, 4])
def test_the_database_refuses_what_no_entry_can_be(
    databases: Databases, kind: str, partitions: int | None
) -> None:
    if kind == "sqlite" and partitions is not None:
        pytest.skip("SQLite has no partitions")
    books = Books(databases.fresh(kind, partitions=partitions))
    books.grant(10)

    for terms in WRONG:
        with books.engine.connect() as connection, pytest.raises(IntegrityError, match=r"(?i)check"):
            write(connection, books, terms)
    for terms in RIGHT:
        with books.engine.connect() as connection:
            write(connection, books, terms)
            connection.rollback()

    assert [move.credits for move in books.ledger.entries(OWNER)] == [10]
    books.close()


@pytest.mark.parametrize("terms", WRONG, ids=str)
def test_operators_of_ones_own_make_no_entry_sound(databases: Databases, terms: dict[str, Any]) -> None:
    books = Books(databases.fresh("postgresql"))
    books.grant(10)

    with books.engine.connect() as connection:
        compare_by_own_operators(connection)
        with pytest.raises(IntegrityError, match=r"(?i)check"):
            write(connection, books, terms)

    books.close()


def write(connection: Connection, books: Books, terms: dict[str, Any]) -> None:
    """A purchase, but for ``terms``, as no verb would write it."""
    entry: dict[str, Any] = {"seq": 2, "kind": "purchase", "credits": 5, "debt": 0, "balance_after": 15}
    entry |= {"amount_minor": 500, "tax_minor": 80, "currency": "usd", "key": "sale:1", "at": books.time}
    first = books.ledger.entries(OWNER)[0]
    entry |= {"wallet_id": first.wallet_id, "slot": first.slot}
    connection.execute(INSERT, entry | terms)
