"""What is hard to archive: holds by the thousand, locked wallets, the last quarter, places that are none."""

from __future__ import annotations

import gc
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection

from prepaid_ledger.archive import archiving
from prepaid_ledger.database import transactions
from prepaid_ledger.tables import ArchiveMark, Entry, Hold, HoldExtension
from prepaid_ledger.testing import Databases

from .archives import FEBRUARY, a_january, a_year_later, archived, rows_in
from .books import NEW_YEAR, OWNER, Books

pytestmark = pytest.mark.each_database

LATER = datetime(2027, 5, 1, tzinfo=UTC)


@pytest.fixture
def few_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six events go together, and not thousands."""
    monkeypatch.setattr(archiving, "EVENTS", 6)


def releases(books: Books, count: int) -> None:
    for number in range(count):
        books.ledger.hold(OWNER, 2, key=f"released:{number}").release()
        books.wait(minutes=1)
    books.commit()


@pytest.mark.usefixtures("few_together")
def test_a_wallet_goes_on_past_more_released_holds_than_go_together(books: Books, place: Engine) -> None:
    books.grant(100)
    books.spend(1, "report:1")
    releases(books, 20)
    books.spend(1, "report:2")
    books.time = LATER

    done = archived(books, place)

    assert (done.spends, done.holds) == (2, 20)
    assert (rows_in(books.engine, Hold), books.unjoined.balance(OWNER)) == (0, 98)
    assert books.unjoined.audit(archives=[place]) == []


@pytest.mark.usefixtures("few_together")
def test_holds_leave_where_no_entry_comes_after_them(books: Books, place: Engine) -> None:
    books.grant(100)
    releases(books, 20)
    books.time = LATER

    assert archived(books, place).holds == 20

    books.spend(1, "report:late")
    assert books.unjoined.entries(OWNER, 200).archived_until is None, "no spend has left"
    assert books.unjoined.statement(OWNER, NEW_YEAR, FEBRUARY).archived_until is None
    assert books.unjoined.audit(archives=[place]) == []


@pytest.mark.usefixtures("few_together")
def test_a_wallet_goes_on_past_more_open_holds_than_go_together(books: Books, place: Engine) -> None:
    books.grant(100)
    for number in range(20):
        books.ledger.hold(OWNER, 2, key=f"job:{number}")
    books.commit()
    for number in range(20):
        books.ledger.capture(OWNER, key=f"job:{number}")
    books.commit()
    for number in range(20):
        books.spend(1, f"report:{number}")
    books.time = LATER

    archived(books, place)

    assert [entry.key for entry in books.unjoined.entries(OWNER, 200)] == ["gift"]
    assert rows_in(books.engine, Hold) == 0
    assert books.unjoined.balance(OWNER) == 40
    assert books.unjoined.audit() == []
    assert books.unjoined.audit(archives=[place]) == []


@pytest.mark.usefixtures("few_together")
def test_holds_that_grew_and_were_counted_leave_whenever_they_began(books: Books, place: Engine) -> None:
    """They begin, grow and end on stretches of their own; spends between them draw on the same lots."""
    books.ledger.set_budget(OWNER, 900)
    books.buy(40, 400)
    books.grant(400, expires_at=books.later(days=30))
    holds = [books.ledger.hold(OWNER, 2, key=f"job:{number}", spender="key:1") for number in range(8)]
    for number, hold in enumerate(holds):
        books.spend(45, f"report:{number}")
        hold.extend(7)
    books.reverse("report:2", "undo:1", 5)
    for number, hold in enumerate(holds):
        hold.capture(number) if number % 2 else hold.release()
        books.spend(1, f"more:{number}")
    books.commit()
    books.ledger.write_due()
    books.time = LATER
    before = books.unjoined.lots(OWNER), books.unjoined.wallet(OWNER), books.unjoined.budgets(OWNER)

    assert archived(books, place).holds == 8

    assert (books.unjoined.lots(OWNER), books.unjoined.wallet(OWNER), books.unjoined.budgets(OWNER)) == before
    assert [rows_in(books.engine, model) for model in (Hold, HoldExtension)] == [0, 0]
    assert books.unjoined.audit() == []
    books.reverse("report:2", "undo:2")
    assert books.unjoined.audit(archives=[place]) == []


@pytest.mark.usefixtures("few_together")
def test_a_wallet_goes_on_past_more_purchases_than_go_together(books: Books, place: Engine) -> None:
    for number in range(20):
        books.buy(10, 100, key=f"sale:{number}")
    books.spend(1, "report:1")
    books.time = LATER

    assert archived(books, place).spends == 1
    assert books.unjoined.audit(archives=[place]) == []


def test_usage_up_to_a_time_after_the_last_archived_spend_of_that_quarter_is_not_guessed(
    books: Books, place: Engine
) -> None:
    books.grant(100)
    books.wait(minutes=7)
    books.spend(4, "report:1", item="report")
    books.wait(days=40)
    books.spend(3, "report:2", item="report")
    books.time = LATER
    archived(books, place)
    in_that_quarter, after_it = (NEW_YEAR + timedelta(minutes=minutes) for minutes in (10, 15))

    with pytest.raises(ValueError, match=r"Ask for a time at :00, :15, :30 or :45, in place of 00:10:00"):
        books.unjoined.usage(OWNER, NEW_YEAR, in_that_quarter, by="item")

    assert [used.credits for used in books.unjoined.usage(OWNER, NEW_YEAR, after_it, by="item")] == [4]
    late = NEW_YEAR + timedelta(days=1, minutes=1)
    assert [used.credits for used in books.unjoined.usage(OWNER, NEW_YEAR, late, by="item")] == [4]
    assert books.unjoined.usage(OWNER, in_that_quarter, late, by="item") == []
    assert books.unjoined.balance_at(OWNER, in_that_quarter) == 96, "what stood then is known"


def test_the_archive_of_other_books_is_refused_and_gets_nothing(
    books: Books, place: Engine, databases: Databases, kind: str
) -> None:
    """Two shops on one machine, and a command that was copied with its path."""
    a_january(books)
    a_year_later(books)
    archived(books, place)
    rows = rows_in(place, Entry)
    others = Books(databases.fresh(kind))
    others.wait(hours=1)
    a_january(others)
    a_year_later(others)

    with pytest.raises(
        ValueError, match=r"is the archive of other books, which began at 2026-01-01 00:00:00"
    ):
        others.unjoined.archive(FEBRUARY, place)
    with pytest.raises(ValueError, match="Name the one of these, or a new file"):
        others.unjoined.audit(archives=[place])
    with pytest.raises(ValueError, match="is the archive of other books"):
        others.unjoined.archived_entries(OWNER, place)

    assert (rows_in(place, Entry), rows_in(others.engine, ArchiveMark)) == (rows, 0)
    assert books.unjoined.audit(archives=[place]) == []
    others.close()


def test_an_archive_that_is_no_database_or_has_no_room_is_named_and_nothing_is_lost(
    books: Books, databases: Databases
) -> None:
    books.grant(100)
    for number in range(60):
        books.spend(1, f"report:{'of a long name' * 7}:{number}")
    books.time = LATER
    text_file, full = (create_engine(databases.empty("sqlite")) for _ in range(2))
    with open(str(text_file.url.database), "w") as file:
        file.write("This is no database, whatever its name says. " * 50)

    with pytest.raises(
        ValueError, match=r"The archive sqlite:///\S+ cannot be used: file is not a database\."
    ):
        books.unjoined.archive(FEBRUARY, text_file)

    @event.listens_for(full, "connect")
    def limit(connection: DBAPIConnection, _: object) -> None:
        connection.cursor().execute("PRAGMA max_page_count = 7")

    with pytest.raises(ValueError, match=r"cannot be used: database or disk is full\. .* room on its disk"):
        books.unjoined.archive(FEBRUARY, full)
    assert (rows_in(books.engine, Entry), rows_in(books.engine, ArchiveMark)) == (61, 0)
    event.remove(full, "connect", limit)
    full.dispose()
    assert archived(books, full).spends == 60
    assert books.unjoined.audit(archives=[full]) == []
    full.dispose()
    text_file.dispose()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("ALTER TABLE prepaid_entry RENAME COLUMN reason TO former", "no such column: "),
        ("UPDATE prepaid_entry SET kind = 'gift'", "'gift' is not among the defined enum values"),
        ("UPDATE prepaid_entry SET at = 'yesterday'", "'yesterday'"),
    ],
)
def test_an_archive_that_was_damaged_says_so(books: Books, place: Engine, damage: str, why: str) -> None:
    a_january(books)
    a_year_later(books)
    archived(books, place)
    with place.begin() as connection:
        connection.execute(text(damage))

    with pytest.raises(ValueError, match=why):
        list(books.unjoined.archived_entries(OWNER, place))
    with pytest.raises(ValueError, match=rf"The archive sqlite:///\S+ cannot be read: .*{why}"):
        books.unjoined.audit(archives=[place])
    gc.collect()  # a cursor that was left open warns when it is collected, and a warning is an error
    assert books.unjoined.audit() == []


def test_wallets_that_others_keep_locked_wait_for_the_next_run_and_the_rest_leave(
    books: Books, place: Engine, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "sqlite":
        pytest.skip("one writer at a time: who waits for it waits for all")
    monkeypatch.setattr(transactions, "LOCK_TIMEOUT_S", 1)
    for number in range(3):
        books.grant(50, owner=f"user:{number}")
        books.spend(1, "report:1", owner=f"user:{number}")
    books.time = LATER

    with books.engine.connect() as sitting:
        sitting.execute(text("SELECT FROM prepaid_wallet WHERE owner = 'user:1' FOR UPDATE"))
        done = archived(books, place)

    assert (done.spends, done.wallets, done.busy) == (2, 2, 1)
    assert archived(books, place).spends == 1
    assert books.unjoined.audit(archives=[place]) == []
