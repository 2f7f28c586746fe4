"""A batch that fails: each of its spends goes alone, and a mistake is said aloud, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest
from sqlalchemy import Column, Insert, Integer, MetaData, String, Table, TypeDecorator, insert

from prepaid_ledger import SpendRequest, Spent

from .books import OWNER, Books

pytestmark = pytest.mark.each_database

Outcomes = list[object]


def call_all(books: Books, requests: list[SpendRequest]) -> Outcomes:
    """Through the batches of threads, one after the other."""

    def call(request: SpendRequest) -> Callable[[], object]:
        return lambda: outcome_of(lambda: books.unjoined.setup.spends.spend(request))

    return [call(request)() for request in requests]


def await_all(books: Books, requests: list[SpendRequest]) -> Outcomes:
    """Through the batch of an event loop: all in one."""

    async def gather() -> Outcomes:
        ledger = books.awaited()
        calls = [
            ledger.spend_now(
                request.owner, credits=1, key=request.key, work=request.work, values=request.values
            )
            for request in requests
        ]
        return list(await asyncio.gather(*calls, return_exceptions=True))

    return asyncio.run(gather())


def outcome_of(call: Callable[[], object]) -> object:
    try:
        return call()
    except Exception as error:
        return error


def table_of_a_host(books: Books, name: str) -> Table:
    """A table of the host's, with a type whose code has a mistake."""

    class Broken(TypeDecorator[str]):
        impl = String(20)
        cache_ok = True

        def process_bind_param(self, value: str | None, dialect: object) -> str | None:
            if value == "bad":
                raise ZeroDivisionError(name)
            return value

    table = Table(name, MetaData(), Column("id", Integer, primary_key=True), Column("text", Broken))
    table.create(books.engine)
    return table


def requests(work: Insert, first: int, words: str) -> list[SpendRequest]:
    return [
        SpendRequest(OWNER, 1, f"call:{number}", work, {"id": number, "text": word})
        for number, word in enumerate(words.split(), start=first)
    ]


@pytest.mark.parametrize("spend_all", [call_all, await_all])
def test_a_mistake_in_a_batch_is_a_warning_once_and_the_others_are_served(
    books: Books, spend_all: Callable[[Books, list[SpendRequest]], Outcomes], caplog: pytest.LogCaptureFixture
) -> None:
    from prepaid_ledger.spends.batches import failures

    failures.logged.clear()
    caplog.set_level(logging.DEBUG, "prepaid_ledger")
    books.grant(20)
    work = insert(table_of_a_host(books, "report"))

    for first in (1, 11):
        served = spend_all(books, requests(work, first, "good bad good good"))
        assert [isinstance(spent, Spent) for spent in served] == [True, False, True, True]

    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "spends failed; each goes alone, which is slow" in warnings[0]
    assert "ZeroDivisionError" in caplog.text
    assert books.ledger.balance(OWNER) == 14


@pytest.mark.parametrize("spend_all", [call_all, await_all])
def test_two_with_one_row_are_a_matter_of_course(
    books: Books, spend_all: Callable[[Books, list[SpendRequest]], Outcomes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "prepaid_ledger")
    books.grant(20)
    work = insert(table_of_a_host(books, "report"))
    spend_all(books, requests(work, 1, "first"))

    again = [SpendRequest(OWNER, 1, "other:1", work, {"id": 1, "text": "again"}), *requests(work, 2, "good")]
    served = spend_all(books, again)

    assert [isinstance(spent, Spent) for spent in served] == [False, True]
    assert "spends failed; each goes alone" in caplog.text
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
