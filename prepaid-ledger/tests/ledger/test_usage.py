"""Usage: sums by day, hour, spender and item, which equal a recount of the entries."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from prepaid_ledger import Entry, Kind, Usage
from prepaid_ledger.books import usage_sums
from prepaid_ledger.testing import Databases, upgrade_ledger

from .books import NEW_YEAR, OWNER, Books

pytestmark = pytest.mark.each_database

SPENDERS = [None, "key:1", "key:2"]
ITEMS = [None, "report", "gpt-x"]
ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu"]
START = datetime(2026, 10, 24, 6, tzinfo=UTC)


def use(engine: Engine) -> None:
    """Three days of spends, holds and reversals around the end of summer time."""
    upgrade_ledger(engine)
    books = Books(engine.url)
    books.time = START
    books.grant(10_000)
    chance = random.Random(7)
    for number in range(80):
        books.wait(seconds=chance.uniform(0, 5000))
        use: dict[str, Any] = {"spender": chance.choice(SPENDERS), "item": chance.choice(ITEMS)}
        if chance.random() < 0.2:
            books.ledger.hold(OWNER, 5, key=f"job:{number}", **use).capture(chance.randint(1, 5))
        else:
            books.ledger.spend_now(OWNER, credits=chance.randint(1, 9), key=f"call:{number}", **use)
            if chance.random() < 0.2:
                books.reverse(f"call:{number}", f"undo:{number}", 1)
    books.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("used"), use)


@pytest.fixture
def used(kind: str, lived: Databases) -> Iterator[Books]:
    database = lived.fresh(kind)
    books = Books(database)
    (last,) = books.ledger.entries(OWNER, limit=1)
    books.time = last.at
    yield books
    books.close()
    lived.drop(database)


def recount(entries: Iterable[Entry], by: str, zone: str) -> list[list[Any]]:
    """The same, entry by entry."""
    totals: dict[Any, Counter[str]] = {}
    for entry in entries:
        if entry.kind not in (Kind.SPEND, Kind.REVERSAL):
            continue
        local = entry.at.astimezone(ZoneInfo(zone))
        keys = {
            "day": local.strftime("%Y-%m-%d"),
            "hour": local.strftime("%Y-%m-%d %H %z"),
            "spender": entry.spender,
            "item": entry.item,
        }
        total = totals.setdefault(keys[by], Counter())
        total["credits" if entry.kind is Kind.SPEND else "returned"] += abs(entry.credits)
        total["calls"] += entry.kind is Kind.SPEND
    return [[total[name] for name in ("credits", "returned", "calls")] for total in totals.values()]


def numbers(sums: list[Usage]) -> list[list[int]]:
    return [[usage.credits, usage.returned, usage.calls] for usage in sums]


@pytest.mark.parametrize("kept_up", ["never", "halfway", "to the end"])
def test_it_equals_a_recount_wherever_the_sums_have_come_to(used: Books, kept_up: str) -> None:
    if kept_up != "never":
        usage_sums.bring_up(used.session, OWNER)
        used.commit()
    if kept_up == "halfway":
        used.wait(hours=1)
        used.ledger.spend_now(OWNER, credits=3, key="late:1", spender="key:1")
        used.wait(hours=1)
        used.ledger.spend_now(OWNER, credits=4, key="late:2", spender="key:1")
    chance = random.Random(3)
    first = datetime(2026, 10, 24, 5, tzinfo=UTC)

    for _ in range(4):
        start = first + timedelta(seconds=chance.uniform(0, 150_000))
        end = start + timedelta(seconds=chance.choice([0, 1, 60, 899, 4000, 50_000, 10**6]))
        entries = list(used.ledger.statement(OWNER, start, end).entries)
        for by in ("day", "hour", "spender", "item"):
            for zone in ZONES:
                sums = used.ledger.usage(OWNER, start, end, by=by, zone=zone)
                counted = recount(entries, by, zone)
                assert sorted(numbers(sums)) == sorted(counted), (start, end, by, zone)


def test_days_are_those_of_the_zone_and_in_order(used: Books) -> None:
    end = used.later(days=1)
    sums = used.ledger.usage(OWNER, NEW_YEAR, end, by="day", zone="Europe/Berlin")

    starts = [usage.start for usage in sums]
    assert starts[:3] == [
        datetime(2026, 10, 23, 22, tzinfo=UTC),
        datetime(2026, 10, 24, 22, tzinfo=UTC),
        datetime(2026, 10, 25, 23, tzinfo=UTC),
    ]
    assert sum(usage.net for usage in sums) == 10_000 - used.ledger.balance(OWNER)


def test_one_spenders_or_one_items_usage_is_told_apart(used: Books) -> None:
    end = used.later(days=1)
    of_spender = {usage.spender: usage for usage in used.ledger.usage(OWNER, NEW_YEAR, end, by="spender")}
    of_item = used.ledger.usage(OWNER, NEW_YEAR, end, by="item", spender="key:1")

    assert list(of_spender) == SPENDERS
    assert [usage.item for usage in of_item] == [None, "gpt-x", "report"]
    assert sum(usage.credits for usage in of_item) == of_spender["key:1"].credits
    by_day = used.ledger.usage(OWNER, NEW_YEAR, end, spender="key:1", item="report")
    report = next(usage for usage in of_item if usage.item == "report")
    assert sum(usage.calls for usage in by_day) == report.calls


def test_a_long_tail_is_summed_up_by_whoever_asks_and_by_what_is_due(
    used: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def marks() -> list[int]:
        seqs = list(used.session.scalars(text("SELECT seq FROM prepaid_usage_mark")))
        used.session.rollback()
        return seqs

    end = used.later(days=1)
    before = used.ledger.usage(OWNER, NEW_YEAR, end)
    assert marks() == []

    monkeypatch.setattr(usage_sums, "MAX_BEHIND", 10)
    assert used.ledger.write_due() == 0
    assert marks() == [used.ledger.entries(OWNER, limit=1)[0].seq]
    assert used.ledger.usage(OWNER, NEW_YEAR, end) == before


def test_of_many_wallets_each_is_looked_at_sooner_or_later(
    used: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    used.grant(1, "late", owner="user:of-a-later-day")
    monkeypatch.setattr(usage_sums, "MAX_BEHIND", 10)
    monkeypatch.setattr(usage_sums, "LOOKED_AT", 1)
    sums = text("SELECT count(*) FROM prepaid_usage")
    for _ in range(200):  # by chance: that all of them look elsewhere comes once in 10^35
        used.ledger.write_due()
        if used.session.scalar(sums):
            break
        used.session.rollback()

    assert used.session.scalar(sums)


def test_nobody_has_used_nothing(books: Books) -> None:
    assert books.ledger.usage("user:nobody", NEW_YEAR, books.later(days=1)) == []


@pytest.mark.parametrize(
    ("field", "terms"), [("by", {"by": "month"}), ("zone", {"zone": "Mars"}), ("end", {"end": NEW_YEAR})]
)
def test_what_cannot_be_summed_up_is_refused_by_its_name(
    books: Books, field: str, terms: dict[str, Any]
) -> None:
    start = books.later(days=1)
    with pytest.raises(ValueError, match=f"^{field} is "):
        books.ledger.usage(OWNER, **{"start": start, "end": books.later(days=2), **terms})
