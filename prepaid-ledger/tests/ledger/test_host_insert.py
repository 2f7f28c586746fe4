"""A host's INSERT that goes with its spend, in one statement where it is a bare one."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import ARRAY, JSON, Column, DateTime, Insert, Integer, MetaData, String, Table, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from prepaid_ledger import SpendRequest, Spent
from prepaid_ledger.errors import InsufficientCredits
from prepaid_ledger.spends.batches.host_insert import batch_insert

from .books import OWNER, Books

pytestmark = pytest.mark.each_database

things = Table(
    'odd "things"',
    MetaData(),
    Column("order", Integer, key="place", primary_key=True),
    Column("a word", String(40), key="word"),
    Column("parts", JSON),
    Column("at", DateTime(timezone=True)),
)
INSERT = insert(things)


def thing(place: int) -> dict[str, object]:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC) if place % 2 else None
    return {
        "place": place,
        "word": "a'b\"c\\{d}:e%s" if place % 3 else None,
        "parts": [[place], []],
        "at": at,
    }


def test_each_spend_brings_its_own_row_whatever_is_in_it(books: Books) -> None:
    things.create(books.engine)
    books.grant(20)
    books.grant(20, owner="user:2")

    def buy(place: int) -> Spent:
        owner = OWNER if place % 2 else "user:2"
        return books.ledger.spend_now(owner, key=f"thing:{place}", work=INSERT, values=thing(place))

    results = books.all_at_once([partial(buy, place) for place in range(24)])

    assert all(isinstance(result, Spent) for result in results)
    rows = books.session.execute(select(things).order_by(things.c.place)).mappings().all()
    assert [row["place"] for row in rows] == list(range(24))
    assert [(row["word"], row["parts"]) for row in rows] == [
        (thing(place)["word"], thing(place)["parts"]) for place in range(24)
    ]
    assert [row["at"] is None for row in rows] == [place % 2 == 0 for place in range(24)]


def test_a_spend_that_is_refused_brings_nothing(books: Books) -> None:
    things.create(books.engine)
    books.grant(3)

    def buy(place: int) -> Spent:
        return books.ledger.spend_now(OWNER, key=f"thing:{place}", work=INSERT, values=thing(place))

    results = books.all_at_once([partial(buy, place) for place in range(8)])

    bought = [place for place, result in enumerate(results) if isinstance(result, Spent)]
    assert len(bought) == 3
    assert sum(isinstance(result, InsufficientCredits) for result in results) == 5
    assert sorted(books.session.scalars(select(things.c.place))) == bought


def test_rows_that_clash_take_no_other_spend_with_them(books: Books) -> None:
    things.create(books.engine)
    books.grant(20)

    def buy(number: int) -> bool:
        values = thing(min(number, 9))
        try:
            books.ledger.spend_now(OWNER, key=f"thing:{number}", work=INSERT, values=values)
        except IntegrityError:
            return False
        return True

    bought = books.all_at_once([partial(buy, number) for number in range(12)])

    assert sorted(bought, key=bool) == [False] * 2 + [True] * 10
    assert books.ledger.balance(OWNER) == 10


def request(work: Insert, place: int = 1, **more: object) -> SpendRequest:
    return SpendRequest(OWNER, 1, f"thing:{place}", work, {**thing(place), **more})


def test_the_same_plain_insert_is_batch_insert() -> None:
    assert batch_insert([request(INSERT, 1), request(INSERT, 2)]) is not None
    assert batch_insert([request(INSERT, 3)]) == batch_insert([request(insert(things), 4)])


defaulted = Table("defaulted", MetaData(), Column("id", Integer, primary_key=True), Column("n", default=7))
arrays = Table("arrays", MetaData(), Column("id", Integer, primary_key=True), Column("all", ARRAY(Integer)))


@pytest.mark.parametrize(
    "requests",
    [
        [request(INSERT), request(insert(things), 2)],
        [request(INSERT), SpendRequest(OWNER, 1, "thing:2")],
        [SpendRequest(OWNER, 1, "thing:2"), request(INSERT)],
        [SpendRequest(OWNER, 1, "thing:2", INSERT)],
        [request(INSERT.values(word="x"))],
        [request(INSERT.returning(things.c.place))],
        [request(upsert(things).on_conflict_do_nothing())],
        [request(INSERT, colour="blue")],
        [SpendRequest(OWNER, 1, "thing:1", insert(defaulted), {"id": 1})],
        [SpendRequest(OWNER, 1, "thing:1", insert(arrays), {"id": 1, "all": [1]})],
    ],
    ids=[
        "two statements",
        "one without",
        "one with",
        "no values",
        "its own values",
        "returning",
        "on conflict",
        "no such column",
        "a default",
        "an array",
    ],
)
def test_what_is_more_than_a_bare_insert_is_a_statement_of_its_own(requests: list[SpendRequest]) -> None:
    assert batch_insert(requests) is None
