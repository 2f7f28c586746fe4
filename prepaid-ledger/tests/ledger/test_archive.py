"""Finished spends leave the books, and whatever is asked of them is answered as before."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import DeclarativeBase, Mapped

from prepaid_ledger import NothingToReverse
from prepaid_ledger.archive import archiving
from prepaid_ledger.archive.place import MODELS, Archive
from prepaid_ledger.tables import ArchiveMark, Entry, Hold, InWallet

from .archives import FEBRUARY, MARCH, a_january, a_year_later, answers, archived, rows_in
from .books import NEW_YEAR, OWNER, Books

pytestmark = pytest.mark.each_database


class Own(DeclarativeBase):
    """The tables of a host."""


class Counted(InWallet, Own):
    """Up to where a host has counted."""

    __tablename__ = "counted"

    seq: Mapped[int]


def test_finished_spends_leave_and_every_answer_is_as_before(books: Books, place: Engine) -> None:
    a_january(books)
    a_year_later(books)
    before, entries = answers(books), rows_in(books.engine, Entry)
    counts: list[int] = []

    done = archived(books, place, seen=counts.append)

    assert (done.wallets, done.spends, done.credits, done.holds, done.busy) == (1, 6, 56, 3, 0)
    assert sum(counts) == 9
    assert answers(books) == before
    assert rows_in(books.engine, Entry) == entries - 6
    assert [rows_in(place, model) > 0 for model in MODELS] == [True] * 4
    assert books.unjoined.audit() == []
    assert books.unjoined.audit(archives=[place]) == []
    again = archived(books, place)
    assert (again.wallets, again.spends) == (0, 0)


def test_the_last_page_and_a_statement_say_that_spends_are_in_the_archive(
    books: Books, place: Engine
) -> None:
    a_january(books)
    a_year_later(books)
    last = max(entry.at for entry in books.unjoined.entries(OWNER, 200) if entry.at < FEBRUARY)
    archived(books, place)

    first = books.unjoined.entries(OWNER, limit=2)
    assert first.next_cursor is not None
    assert first.archived_until is None
    assert books.unjoined.entries(OWNER, 200).archived_until == last
    assert books.unjoined.entries(OWNER, 200, kind="purchase").archived_until is None
    assert books.unjoined.entries(OWNER, 200, since=MARCH).archived_until is None
    assert books.unjoined.statement(OWNER, NEW_YEAR, MARCH).archived_until is not None
    assert books.unjoined.statement(OWNER, FEBRUARY, MARCH).archived_until is None
    for time in (NEW_YEAR.replace(hour=9, minute=7), NEW_YEAR.replace(hour=9, second=1)):
        with pytest.raises(ValueError, match=r"Ask for a time at :00, :15, :30 or :45, in place of 09:0"):
            books.unjoined.balance_at(OWNER, time)
        with pytest.raises(ValueError, match="quarters of an hour"):
            books.unjoined.usage(OWNER, time, MARCH)


def test_what_came_in_goes_back_and_is_asked_for_by_its_key_as_ever(books: Books, place: Engine) -> None:
    """Stripe tells of a purchase again, and of a refund a year later: both know their keys."""
    a_january(books)
    a_year_later(books)
    archived(books, place)
    balance = books.ledger.balance(OWNER)

    books.buy(100, 1000)
    books.grant(30, expires_at=books.later(days=10))
    books.reverse("report:back", "undo:1", 4)
    books.refund(100)
    assert books.ledger.balance(OWNER) == balance
    books.refund(900, key="refund:2")
    books.refund_failed(claw_key="refund:2", key="refund-failed:2")

    with pytest.raises(NothingToReverse, match=r"'report:0' has not spent .* Grant the credits in place"):
        books.reverse("report:0", "undo:9")
    with pytest.raises(NothingToReverse, match=r"in the archive, and stay as they are"):
        books.reverse("hold:job:1", "undo:9")
    books.spend(1, "report:0")
    assert books.unjoined.audit(archives=[place]) == []


def test_a_budget_for_ever_counts_what_is_in_the_archive(books: Books, place: Engine) -> None:
    a_january(books)
    a_year_later(books)
    before = [(budget.spender, budget.spent) for budget in books.unjoined.budgets(OWNER)]
    archived(books, place)

    books.ledger.set_budget(OWNER, 900)
    books.ledger.set_budget(OWNER, 900, spender="key:1")
    books.ledger.set_budget(OWNER, 900, spender="key:1", every="month")
    books.commit()

    for_ever = [budget for budget in books.unjoined.budgets(OWNER) if budget.every is None]
    assert [(budget.spender, budget.spent) for budget in for_ever] == before
    assert [budget.spent for budget in books.unjoined.budgets(OWNER) if budget.every == "month"] == [1]


def test_a_window_that_was_over_before_the_archive_began_is_not_counted_anew(
    books: Books, place: Engine
) -> None:
    books.ledger.set_budget(OWNER, 500, every="month")
    books.commit()
    a_january(books)
    books.time = datetime(2027, 4, 1, tzinfo=UTC)
    archived(books, place)

    assert books.unjoined.audit() == []
    books.spend(1, "report:late")
    (budget,) = (budget for budget in books.unjoined.budgets(OWNER) if budget.every == "month")
    assert budget.spent == 1


def test_a_hold_that_is_open_at_the_cut_stays_and_so_does_what_is_not_counted_yet(
    books: Books, place: Engine
) -> None:
    books.grant(100)
    books.wait(days=20)
    books.ledger.hold(OWNER, 10, key="job:1").extend(until=books.later(days=31))
    books.spend(3, "report:1")
    books.time = MARCH.replace(day=2)
    books.spend(4, "report:2")
    books.ledger.write_due()
    a_year_later(books)
    with books.engine.begin() as connection:
        connection.execute(text("CREATE TABLE counted (wallet_id INTEGER, slot SMALLINT, seq BIGINT)"))

    assert archived(books, place, counted=[Counted]).spends == 0
    with books.engine.begin() as connection:
        connection.execute(text("INSERT INTO counted SELECT id, slot, 3 FROM prepaid_wallet"))
    done = archived(books, place, counted=[Counted])
    assert (done.spends, done.holds) == (1, 0)

    done = archived(books, place, MARCH.replace(day=3))
    assert (done.spends, done.holds) == (1, 1), "the hold began before the mark, and leaves with its end"
    assert rows_in(books.engine, Hold) == 0
    assert books.unjoined.wallet(OWNER).balance == 92
    assert books.unjoined.audit() == []
    assert books.unjoined.audit(archives=[place]) == []
    books.execute("DROP TABLE counted")


def test_spends_that_stay_and_later_ones_are_known_to_the_lots_that_they_took_from(
    books: Books, place: Engine
) -> None:
    """A spend without a row of its own took from the lot of the row before it: that row stays."""
    books.buy(100, 1000)
    for number in range(3):
        books.spend(2, f"report:{number}")
    books.reverse("report:2", "undo:1", 1)
    books.grant(5, expires_at=books.later(days=800))
    books.spend(4, "report:given")
    books.unjoined.bring_up_to_date(OWNER)
    books.time = datetime(2027, 5, 1, tzinfo=UTC)
    assert archived(books, place).spends == 3

    books.spend(1, "report:late")
    books.unjoined.bring_up_to_date(OWNER)
    assert books.unjoined.audit() == []
    books.reverse("report:2", "undo:2")
    books.reverse("report:late", "undo:3")
    assert books.left() == {"gift": 1, "sale:1": 96}
    assert books.unjoined.audit(archives=[place]) == []


def test_a_capture_that_made_a_debt_stays_with_its_hold(books: Books, place: Engine) -> None:
    books.ledger.set_budget(OWNER, 50)
    books.grant(10)
    books.ledger.hold(OWNER, 5, key="job:1")
    books.ledger.capture(OWNER, key="job:1", credits=14, overrun="debt")
    books.commit()
    books.time = datetime(2027, 5, 1, tzinfo=UTC)

    done = archived(books, place)

    assert (done.spends, done.holds) == (0, 0)
    assert books.unjoined.wallet(OWNER).debt == 4
    books.ledger.capture(OWNER, key="job:1", credits=14, overrun="debt")
    books.ledger.set_budget(OWNER, 60)
    books.commit()
    assert [budget.spent for budget in books.unjoined.budgets(OWNER)] == [14]


def test_too_late_a_time_and_a_place_that_is_none_are_refused(books: Books, place: Engine) -> None:
    a_january(books)
    a_year_later(books)
    with pytest.raises(ValueError, match=r"keys of the last 13 months are kept.*write 2026-03-31 or earlier"):
        books.unjoined.archive(MARCH.replace(month=4), place)
    with pytest.raises(ValueError, match="before is a time with its zone"):
        books.unjoined.archive(datetime(2026, 2, 1), place)  # noqa: DTZ001
    with pytest.raises(ValueError, match="this one has wallets in it"):
        books.unjoined.archive(FEBRUARY, books.engine)
    with pytest.raises(ValueError, match="An archive is an engine of a file of SQLite"):
        books.unjoined.archive(FEBRUARY, "archive.sqlite3")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Nothing was archived in sqlite:///"):
        books.unjoined.audit(archives=[place])
    assert rows_in(books.engine, ArchiveMark) == 0


def test_spends_go_on_meanwhile_and_one_that_is_reversed_at_the_last_moment_stays(
    books: Books, place: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_january(books)
    a_year_later(books)
    keep = Archive.keep

    def kept(archive: Archive, leaving: Any) -> None:
        keep(archive, leaving)
        books.unjoined.spend_now(OWNER, credits=1, key="report:meanwhile")
        books.unjoined.reverse(OWNER, spend_key="report:3", key="undo:3")
        monkeypatch.setattr(Archive, "keep", keep)

    monkeypatch.setattr(Archive, "keep", kept)

    first = archived(books, place)
    assert (first.spends, first.wallets) == (0, 0), "the wallet goes with the next run"
    assert archived(books, place).spends == 5
    assert books.unjoined.audit() == []
    assert books.unjoined.audit(archives=[place]) == []


def test_a_shop_sells_while_it_archives(books: Books, place: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "EVENTS", 20)
    books.grant(1_000)
    for number in range(100):
        books.wait(minutes=10)
        books.spend(1, f"report:{number}")
    books.time = datetime(2027, 4, 1, tzinfo=UTC)
    ended, sold = threading.Event(), list[int]()

    def sell() -> None:
        while not ended.is_set():
            sold.append(books.unjoined.spend_now(OWNER, credits=1, key=f"now:{len(sold)}").balance)

    shop = threading.Thread(target=sell)
    shop.start()
    done = archived(books, place)
    ended.set()
    shop.join()

    assert (done.spends, done.busy) == (100, 0)
    assert books.unjoined.balance(OWNER) == 900 - len(sold)
    assert books.unjoined.audit(archives=[place]) == []
