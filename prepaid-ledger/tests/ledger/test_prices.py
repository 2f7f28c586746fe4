"""Prices by unit: exact, rounded once, and worked out again from what stands on the entry."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from prepaid_ledger import Ledger, Price, Quote, Rates, SpendRequest, Spent
from prepaid_ledger.aio import AsyncLedger
from prepaid_ledger.errors import BudgetExceeded, InsufficientCredits, PrepaidError, WalletBlocked

from .books import OWNER, Books

RATES = Rates({"gpt-x": {"input": "0.25", "output": "1"}, "report": "3"}, per=1000, version="2026-11")


def test_a_price_is_summed_up_exactly_and_rounded_up_once() -> None:
    price = RATES.price("gpt-x", input=1200, output=340)

    assert price.credits == 1  # 0.3 + 0.34: rounded line by line it would be 2
    assert [(line.unit, line.quantity, line.rate, line.per) for line in price.lines] == [
        ("input", 1200, Decimal("0.25"), 1000),
        ("output", 340, Decimal(1), 1000),
    ]
    assert sum(line.credits for line in price.lines) == Fraction(64, 100)
    assert (price.version, price.item, price.quantity) == ("2026-11", "gpt-x", {"input": 1200, "output": 340})
    assert RATES.price("gpt-x", output=1000).credits == 1
    assert RATES.price("gpt-x", output=1001).credits == 2
    assert RATES.price("report", 2000).credits == 6
    assert RATES.price("report").quantity == 1
    assert RATES.price("report", 0).credits == 0


def test_prices_of_another_scale_are_refused_where_the_ledger_knows_its_own(books: Books) -> None:
    in_thousandths = Ledger(books.engine, scale=3)
    price = RATES.price("report", 2000)
    books.grant(10_000)
    books.commit()
    verbs: list[Callable[[], object]] = [
        lambda: in_thousandths.spend(OWNER, price=price, key="a"),
        lambda: in_thousandths.spend_now(OWNER, price=price, key="a"),
        lambda: in_thousandths.hold(OWNER, price=price, key="a"),
        lambda: in_thousandths.meter(OWNER, key="a", item="report", rates=RATES),
        lambda: in_thousandths.quote(OWNER, price),
        lambda: asyncio.run(AsyncLedger(in_thousandths).spend_now(OWNER, price=price, key="a")),
    ]
    for verb in verbs:
        with pytest.raises(
            ValueError, match=r"scale 0, and credits have scale 3 here: write Rates\(\.\.\., sc"
        ):
            verb()
    assert books.ledger.balance(OWNER) == 10_000

    same = Rates({"report": "3"}, version="2026-11", scale=3)
    assert in_thousandths.spend_now(OWNER, price=same.price("report"), key="a").balance == 7_000
    with pytest.raises(ValueError, match="scale is a whole number from 0 to 9, not '3'"):
        Ledger(books.engine, scale="3")  # type: ignore[arg-type]


def test_thousands_of_calls_at_a_fraction_of_a_cent_are_a_round_sum(books: Books) -> None:
    """2,500 calls at $0.004 are $10.00, one by one and together."""
    in_dollars = Rates({"call": "0.004"}, version="1", scale=3)
    books.grant(10_000)  # $10.00, in thousandths

    price = in_dollars.price("call")
    assert price.credits == 4
    assert price.credits * 2500 == in_dollars.price("call", 2500).credits == 10_000
    assert Rates({"call": "0.004"}, version="1").price("call", 2500).credits == 10

    calls = [
        SpendRequest(OWNER, price.credits, f"call:{number}", item=price.item, quantity=price.quantity)
        for number in range(2500)
    ]
    assert all(isinstance(spent, Spent) for spent in books.ledger.spend_many(calls))
    assert books.ledger.balance(OWNER) == 0


def spend(books: Books, price: Price, key: str) -> None:
    books.committed(lambda: books.ledger.spend(OWNER, price=price, key=key))


def spend_now(books: Books, price: Price, key: str) -> None:
    books.ledger.spend_now(OWNER, price=price, key=key)


def spend_awaited(books: Books, price: Price, key: str) -> None:
    asyncio.run(books.awaited().spend_now(OWNER, price=price, key=key))


def hold(books: Books, price: Price, key: str) -> None:
    with books.ledger.hold(OWNER, price=price, key=key) as held:
        held.capture()


def capture(books: Books, price: Price, key: str) -> None:
    with books.ledger.hold(OWNER, 1000, key=key) as held:
        held.capture(price=price)


def capture_awaited(books: Books, price: Price, key: str) -> None:
    async def call() -> None:
        async with await books.awaited().hold(OWNER, price=price, key=key) as held:
            await held.capture(price=price)

    asyncio.run(call())


Way = Callable[[Books, Price, str], None]
WAYS: list[Way] = [spend, spend_now, spend_awaited, hold, capture, capture_awaited]


def test_every_entry_is_worked_out_again_and_a_changed_list_changes_none(books: Books) -> None:
    """Each of 60 random uses, in every way to take credits, by two versions of a list."""
    chance = random.Random(17)
    dearer = Rates(
        {"gpt-x": {"input": "0.5", "output": "2.000001"}, "report": "9"}, per=1000, version="2026-12"
    )
    books.grant(100_000)
    for number in range(60):
        rates = RATES if number < 30 else dearer
        input, output = chance.randint(0, 99_999), chance.randint(1, 9_999)
        price = (
            rates.price("gpt-x", input=input, output=output) if number % 3 else rates.price("report", output)
        )
        WAYS[number % len(WAYS)](books, price, f"call:{number}")

    lists = {rates.version: rates for rates in (RATES, dearer)}
    entries = [entry for entry in books.ledger.entries(OWNER, limit=200) if entry.item is not None]

    assert len(entries) == 60
    for entry in entries:
        assert entry.item
        assert entry.price_version
        assert lists[entry.price_version].price(entry.item, entry.quantity).credits == -entry.credits
    assert {entry.price_version for entry in entries} == {"2026-11", "2026-12"}


def test_a_list_stays_as_it_was_made() -> None:
    items = {"gpt-x": {"input": "0.25"}}
    rates = Rates(items, version="1")
    before = rates.price("gpt-x", input=4)

    items["gpt-x"]["input"] = "100"

    assert rates.price("gpt-x", input=4) == before
    assert "gpt-x" in rates
    assert "gpt-y" not in rates
    with pytest.raises(TypeError):
        before.quantity["input"] = 5  # type: ignore[index]


@pytest.mark.parametrize(
    ("says", "items", "terms"),
    [
        ("rate of report is .*no float", {"report": 0.25}, {}),
        ("rate of gpt-x: input is ", {"gpt-x": {"input": 0.25}}, {}),
        ("rate of report is ", {"report": "-1"}, {}),
        ("rate of report is ", {"report": "1e3"}, {}),
        ("rate of report is ", {"report": "NaN"}, {}),
        ("rate of report is ", {"report": "٣"}, {}),
        ("rate of report is ", {"report": True}, {}),
        ("rate of report is ", {"report": None}, {}),
        ("rate of report is ", {"report": Decimal("Infinity")}, {}),
        ("rate of report is ", {"report": "0." + "1" * 16}, {}),
        ("item 'gpt-x' has no rates", {"gpt-x": {}}, {}),
        ("items are ", {}, {}),
        ("items are ", "report", {}),
        ("item is ", {"": "3"}, {}),
        ("unit of 'gpt-x' is ", {"gpt-x": {"": "3"}}, {}),
        ("per is ", {"report": "3"}, {"per": 0}),
        ("per is ", {"report": "3"}, {"per": 1.5}),
        ("scale is ", {"report": "3"}, {"scale": 10}),
        ("version is ", {"report": "3"}, {"version": ""}),
        ("version is ", {"report": "3"}, {"version": "x" * 33}),
        ("version is ", {"report": "3"}, {"version": None}),
    ],
)
def test_a_list_that_cannot_be_is_refused_by_the_name_of_what_is_wrong(
    says: str, items: Any, terms: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=f"^{says}"):
        Rates(items, **{"version": "1", **terms})


@pytest.mark.parametrize(
    ("says", "words", "units"),
    [
        ("item 'gpt-y' is not in version '2026-11': it has gpt-x, report", ["gpt-y"], {}),
        ("unit 'cached' of 'gpt-x' has no rate: it has input, output", ["gpt-x"], {"cached": 1}),
        ("quantity of 'gpt-x' is by unit, it has input, output", ["gpt-x", 5], {}),
        ("quantity of 'gpt-x' is by unit", ["gpt-x"], {}),
        ("quantity of 'report' is one number", ["report"], {"input": 1}),
        ("quantity is given twice", ["gpt-x", {"input": 1}], {"input": 1}),
        ("quantity is a whole number", ["report", 1.5], {}),
        ("quantity is a whole number", ["report", -1], {}),
        ("quantity is a whole number", ["gpt-x"], {"input": "1"}),
        ("quantity of 'report' costs 3", ["report", 10**18], {}),
    ],
)
def test_a_price_that_is_not_in_the_list_is_refused(says: str, words: list[Any], units: Any) -> None:
    with pytest.raises(ValueError, match=f"^{says}"):
        RATES.price(*words, **units)


def test_a_price_goes_alone_and_a_free_one_is_not_spent(books: Books) -> None:
    books.grant(100)
    price = RATES.price("report", 1000)

    for beside in ({"credits": 3}, {"item": "report"}, {"quantity": 1}, {"price_version": "1"}):
        for verb in (books.ledger.spend, books.ledger.spend_now, books.ledger.hold):
            with pytest.raises(ValueError, match=f"^{next(iter(beside))} beside price"):
                verb(OWNER, key="call:1", price=price, **beside)
    for verb in (books.ledger.spend, books.ledger.spend_now, books.ledger.hold):
        with pytest.raises(ValueError, match=r"^credits are a whole number from 1 "):
            verb(OWNER, key="call:1", price=RATES.price("report", 0))
        with pytest.raises(ValueError, match=r"^price is "):
            verb(OWNER, key="call:1", price=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give credits or a price"):
        books.ledger.hold(OWNER, key="job:1")
    held = books.ledger.hold(OWNER, 50, key="job:2", item="gpt-x")
    with pytest.raises(ValueError, match=r"^item of the hold is 'gpt-x', 'report' cannot be captured"):
        held.capture(price=price)
    held.release()

    assert books.ledger.wallet(OWNER).available == 100


def test_a_capture_at_a_price_of_nothing_gives_all_back(books: Books) -> None:
    books.grant(100)

    with books.ledger.hold(OWNER, 50, key="job:1") as held:
        held.capture(price=RATES.price("report", 0))

    assert books.ledger.wallet(OWNER).available == 100


def test_a_quote_says_what_it_costs_and_what_is_in_the_way(books: Books) -> None:
    price = RATES.price("report", 2000)
    nobody = books.ledger.quote(OWNER, price)
    assert (nobody.credits, nobody.available, nobody.can_be_paid) == (6, 0, False)
    books.grant(10)
    before = books.ledger.wallet(OWNER)

    assert books.ledger.quote(OWNER, price) == Quote(6, 10)
    assert books.ledger.quote(OWNER, 10).can_be_paid
    assert asyncio.run(books.awaited().quote(OWNER, 0)).can_be_paid
    short = books.ledger.quote(OWNER, 11).refusal
    assert isinstance(short, InsufficientCredits)
    assert (short.needed, short.available) == (11, 10)

    books.ledger.set_budget(OWNER, 5, spender="key:17", every="day")
    books.commit()
    refusal = books.ledger.quote(OWNER, price, spender="key:17").refusal
    assert isinstance(refusal, BudgetExceeded)
    assert (refusal.spender, refusal.left, refusal.needed) == ("key:17", 5, 6)
    assert books.ledger.quote(OWNER, price, spender="key:18").can_be_paid

    assert books.ledger.wallet(OWNER) == before
    assert len(books.ledger.entries(OWNER)) == 1
    with pytest.raises(ValueError, match=r"^credits are "):
        books.ledger.quote(OWNER, -1)
    with pytest.raises(ValueError, match=r"^credits are "):
        books.ledger.quote(OWNER, 1.5)  # type: ignore[arg-type]


def test_a_quote_of_a_wallet_in_debt_is_blocked(books: Books) -> None:
    books.buy(10, 1000)
    books.spend(10, "call:1")
    books.refund(1000)

    assert isinstance(books.ledger.quote(OWNER, 1).refusal, WalletBlocked)


def outcome(call: Callable[[], object]) -> tuple[object, str]:
    try:
        call()
    except PrepaidError as refusal:
        return type(refusal), str(refusal)
    return None, ""


@pytest.mark.parametrize("seed", range(3))
def test_what_a_quote_says_is_what_the_spend_after_it_does(books: Books, seed: int) -> None:
    """Through lots that end, holds that are overdue, debts, and budgets whose windows pass."""
    chance = random.Random(seed)
    for number in range(60):
        spender = chance.choice([None, "key:1", "key:2"])
        do = chance.randrange(7)
        if do == 0:
            books.grant(
                chance.randint(1, 20), f"gift:{number}", expires_at=books.later(hours=chance.randint(1, 9))
            )
        elif do == 1:
            books.buy(chance.randint(1, 20), 100, f"sale:{number}")
        elif do == 2:
            credits = chance.choice([None, 0, 7, 30])
            books.ledger.set_budget(
                OWNER, credits, spender=spender, every=chance.choice(["day", "week", None])
            )
            books.commit()
        elif do == 3 and books.ledger.available(OWNER) > 2:
            outcome(
                lambda number=number, spender=spender: books.ledger.hold(  # type: ignore[misc]
                    OWNER, 2, key=f"job:{number}", spender=spender
                )
            )
        else:
            books.wait(minutes=chance.randint(0, 200))
        credits = chance.randint(1, 12)

        refusal = books.ledger.quote(OWNER, credits, spender=spender).refusal
        expected = (None, "") if refusal is None else (type(refusal), str(refusal))

        assert expected == outcome(
            lambda number=number, credits=credits, spender=spender: books.spend(  # type: ignore[misc]
                credits, f"call:{number}", spender=spender
            )
        )
