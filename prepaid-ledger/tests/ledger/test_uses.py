"""Who spends, on what: it stands on the entry, whichever way the credits were taken."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from prepaid_ledger import Entry, SpendRequest
from prepaid_ledger.errors import KeyReused

from .books import OWNER, Books

USE: dict[str, Any] = {
    "spender": "key:17",
    "item": "gpt-x",
    "quantity": {"input": 1200, "output": 340},
    "price_version": "2026-11",
}


def use_of(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in USE}


def last(books: Books) -> Entry:
    return books.ledger.entries(OWNER, limit=1)[0]


def test_it_stands_on_a_spend_in_the_hosts_transaction(books: Books) -> None:
    books.grant(10)

    books.committed(lambda: books.ledger.spend(OWNER, credits=3, key="call:1", **USE))

    assert use_of(last(books)) == USE


def test_it_stands_on_a_spend_that_goes_in_a_batch(books: Books) -> None:
    books.grant(10)

    books.ledger.spend_now(OWNER, credits=3, key="call:1", **USE)
    assert use_of(last(books)) == USE

    books.ledger.spend_many([SpendRequest(OWNER, 2, "call:2", quantity=7), SpendRequest(OWNER, 2, "call:3")])
    plain, counted = books.ledger.entries(OWNER, limit=2)
    assert use_of(plain) == dict.fromkeys(USE)
    assert use_of(counted) == {**dict.fromkeys(USE), "quantity": 7}


def test_it_stands_on_a_spend_that_is_awaited(books: Books) -> None:
    books.grant(10)

    async def spend() -> None:
        ledger = books.awaited()
        await asyncio.gather(
            ledger.spend_now(OWNER, key="call:1", **USE), ledger.spend_now(OWNER, key="call:2")
        )

    asyncio.run(spend())

    assert [entry.spender for entry in books.ledger.entries(OWNER, kind="spend", spender="key:17")] == [
        "key:17"
    ]
    assert use_of(books.ledger.entries(OWNER, item="gpt-x")[0]) == USE


def test_a_capture_has_that_of_its_hold_and_what_it_came_to_in_the_end(books: Books) -> None:
    books.grant(10)

    with books.ledger.hold(OWNER, 7, key="job:1", spender="key:17", item="gpt-x") as hold:
        hold.capture(3, quantity=USE["quantity"], price_version="2026-11")
    assert use_of(last(books)) == USE

    books.ledger.hold(OWNER, 7, key="job:2", **USE).capture()
    assert use_of(last(books)) == USE


def test_a_reversal_has_the_spender_and_the_item_of_its_spend(books: Books) -> None:
    books.grant(10)
    books.ledger.spend_now(OWNER, credits=3, key="call:1", **USE)

    books.reverse("call:1", "undo:1")

    assert (last(books).spender, last(books).item) == ("key:17", "gpt-x")


@pytest.mark.parametrize("other", [{"spender": "key:18"}, {"item": "report"}, {"quantity": 5}, {}])
def test_a_key_that_spent_on_something_else_is_refused(books: Books, other: dict[str, Any]) -> None:
    books.grant(20)
    terms = {**USE, **other} if other else {}
    books.ledger.spend_now(OWNER, key="call:1", **USE)
    books.ledger.hold(OWNER, 2, key="job:1", **USE)

    assert books.ledger.spend_now(OWNER, key="call:1", **USE).repeated
    with pytest.raises(KeyReused):
        books.ledger.spend_now(OWNER, key="call:1", **terms)
    with pytest.raises(KeyReused):
        books.ledger.hold(OWNER, 2, key="job:1", **terms)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spender", ""),
        ("spender", "x" * 65),
        ("spender", 17),
        ("item", "a\x00b"),
        ("spender", "\ud800"),
        ("quantity", {"\ud800": 1}),
        ("price_version", "x" * 33),
        ("quantity", -1),
        ("quantity", 1.5),
        ("quantity", True),
        ("quantity", "7"),
        ("quantity", {}),
        ("quantity", {"input": 1.5}),
        ("quantity", {"x" * 250: 1}),
    ],
)
def test_what_the_tables_cannot_hold_is_refused_by_its_name(books: Books, field: str, value: Any) -> None:
    books.grant(10)

    for verb in (books.ledger.spend, books.ledger.spend_now, books.unjoined.spend):
        with pytest.raises(ValueError, match=f"^{field} is "):
            verb(OWNER, key="call:1", **{field: value})
    with pytest.raises(ValueError, match=f"^{field} is "):
        books.ledger.hold(OWNER, 1, key="job:1", **{field: value})

    assert books.ledger.wallet(OWNER).available == 10


@pytest.mark.parametrize("tax_minor", [-1, 501])
def test_tax_that_is_no_part_of_the_money_is_refused_by_its_name(books: Books, tax_minor: int) -> None:
    with pytest.raises(ValueError, match=r"^tax_minor is "):
        books.ledger.purchase(
            OWNER, 10, key="payment:1", amount_minor=500, currency="usd", tax_minor=tax_minor
        )

    assert books.ledger.wallet(OWNER).available == 0
