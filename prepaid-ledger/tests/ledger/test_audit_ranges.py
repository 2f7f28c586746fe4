"""An audit by ranges of wallets finds what one of all does, by several processes, and on a standby."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.exc import OperationalError

from prepaid_ledger import Ledger
from prepaid_ledger.audit.scope import proofs, scope, snapshots
from prepaid_ledger.audit.scope.problem import Problem
from prepaid_ledger.testing import Databases

from .books import Books
from .test_drawn_together import Life

pytestmark = [
    pytest.mark.each_database,
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # of a fork beside other threads
]

OWNERS = [f"user:{number}" for number in range(1, 6)]


def live(books: Books) -> None:
    """Some of everything, in five wallets: a bought lot, a refund, a hold, a budget."""
    for owner in OWNERS:
        books.buy(20, 1000, owner=owner)
        books.spend(3, "report:1", owner=owner)
        books.ledger.set_budget(owner, 50)
        lot: dict[str, Any] = {"lot_key": "sale:1", "key": "refund:1", "refunded_minor": 100}
        books.committed(partial(books.ledger.claw_back, owner, **lot))
        books.ledger.hold(owner, 2, key="job:1")
    books.commit()


def of(owner: str) -> str:
    """The condition that a row is one of this owner's."""
    return f"wallet_id = (SELECT id FROM prepaid_wallet WHERE owner = '{owner}')"


def test_each_range_finds_its_own_and_none_is_left_out_by_one_process_or_two(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(books)
    with books.engine.connect() as connection:
        whole = scope.scopes(connection)
        monkeypatch.setattr(scope, "ENTRIES", 8)
        parts = scope.scopes(connection)
    assert whole == [(None, None)]
    assert len(parts) > 3
    assert (parts[0].after, parts[-1].upto) == (None, None)
    assert [part.upto for part in parts[:-1]] == [part.after for part in parts[1:]]
    assert books.unjoined.audit(jobs=2) == []

    books.execute("UPDATE prepaid_wallet SET balance = balance + 1 WHERE owner = 'user:1'")
    books.execute(f"UPDATE prepaid_budget SET spent_here = spent_here + 1 WHERE {of('user:4')}")
    books.execute(f"UPDATE prepaid_hold SET credits = credits + 1 WHERE {of('user:5')}")
    ahead = (
        "INSERT INTO prepaid_usage_mark (wallet_id, slot, seq) SELECT id, slot, seq + 1 FROM prepaid_wallet"
    )
    books.execute(f"{ahead} WHERE owner = 'user:3'")
    lines = sorted(map(str, books.unjoined.audit(jobs=2)))
    assert lines == sorted(map(str, books.unjoined.audit()))
    monkeypatch.setattr(scope, "ENTRIES", 100_000)
    assert lines == sorted(map(str, books.unjoined.audit()))
    assert {line.split(":")[0] + line.split(":")[1] for line in lines} >= {
        "I1 user1",
        "I10 user4",
        "I7 user5",
    }
    books.execute("UPDATE prepaid_wallet SET balance = balance - 1 WHERE owner = 'user:1'")
    books.execute(f"UPDATE prepaid_budget SET spent_here = spent_here - 1 WHERE {of('user:4')}")
    books.execute(f"UPDATE prepaid_hold SET credits = credits - 1 WHERE {of('user:5')}")
    books.execute(f"DELETE FROM prepaid_usage_mark WHERE {of('user:3')}")


@pytest.mark.parametrize("jobs", [1, 2])
def test_whoever_watches_an_audit_sees_how_many_events_it_has_been_through(
    books: Books, databases: Databases, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    live(books)
    books.unjoined.bring_up_to_date(*OWNERS)
    monkeypatch.setattr(scope, "ENTRIES", 8)
    proofs = create_engine(databases.fresh("sqlite"))
    played: list[int] = []
    proved: list[int] = []

    assert books.unjoined.audit(jobs=jobs, proofs=proofs, seen=played.append) == []
    assert books.unjoined.audit(jobs=jobs, proofs=proofs, full=False, seen=proved.append) == []

    assert len(played) == len(proved) > 3, "once after each range"
    assert (sum(played), sum(proved)) == (5 * 3, 5 * 4), "three entries each; and then their holds, too"
    proofs.dispose()


def test_with_a_standby_nothing_is_read_on_the_primary(books: Books) -> None:
    live(books)
    standby = create_engine(books.engine.url)
    statements: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        statements.append(statement)

    ledger = Ledger(books.engine, standby=standby)
    event.listen(books.engine, "before_cursor_execute", note)
    assert ledger.audit() == []
    event.remove(books.engine, "before_cursor_execute", note)
    standby.dispose()

    assert [statement for statement in statements if "prepaid" in statement] == []


@pytest.mark.parametrize("jobs", [0, -1, True, "2"])
def test_jobs_are_a_number_of_processes(books: Books, jobs: Any) -> None:
    with pytest.raises(ValueError, match="jobs is how many processes work at once"):
        books.unjoined.audit(jobs=jobs)


def test_the_audit_of_a_day_plays_its_day_alone_and_a_full_one_finds_what_was_changed_before(
    books: Books, databases: Databases
) -> None:
    live(books)
    books.unjoined.bring_up_to_date(*OWNERS)
    proofs = create_engine(databases.fresh("sqlite"))
    first = books.unjoined.audit(proofs=proofs, full=False)
    assert (first, first.wallets, first.entries, first.before) == ([], 5, 15, 0)

    books.wait(days=1)
    books.spend(1, "report:2", owner="user:3")
    books.ledger.capture("user:2", key="job:1", credits=1)
    books.commit()
    day = books.unjoined.audit(proofs=proofs, full=False)
    assert (day, day.wallets, day.entries) == ([], 2, 2)
    assert day.before == 5 * 4, "three entries and a hold of each wallet"

    guard = switch_guard_off(books)
    books.execute(f"UPDATE prepaid_entry SET item = 'other' WHERE seq = 2 AND {of('user:4')}")
    at_hand = ["I6 user:4: an entry up to 4 is another than when it was proved"]
    triggers = [str(problem) for problem in books.unjoined.audit()]
    assert len(triggers) == 1
    assert "can be changed" in triggers[0]
    assert [*map(str, books.unjoined.audit(proofs=proofs, full=False))] == triggers
    assert [*map(str, books.unjoined.audit(proofs=proofs))] == triggers + at_hand
    assert [*map(str, books.unjoined.audit(proofs=proofs))] == triggers + at_hand, "what is off is not proved"

    books.execute("UPDATE prepaid_entry SET item = NULL")
    books.execute(guard)
    proofs.dispose()


def test_books_that_are_behind_what_was_proved_are_told_from_books_that_were_changed(
    books: Books, databases: Databases, kind: str
) -> None:
    """As those of a standby that has not come so far, or of a backup."""
    live(books)
    books.unjoined.bring_up_to_date(*OWNERS)
    behind = Books(databases.fresh(kind))
    live(behind)
    behind.unjoined.bring_up_to_date(*OWNERS)
    books.spend(1, "report:2", owner="user:2")
    books.grant(1, owner="user:6")
    books.unjoined.bring_up_to_date(*OWNERS, "user:6")
    place = create_engine(databases.fresh("sqlite"))
    assert books.unjoined.audit(proofs=place) == []

    for full in (False, True):
        audited = behind.unjoined.audit(proofs=place, full=full)
        assert [*map(str, audited)] == [
            "I4 user:2: the wallet stands at 4, and was proved up to 5: the books are older than that, as on "
            "a standby that is behind, or went back",
            "I4 all wallets: wallet 6 was proved, and is gone: removed, or the books are older than that",
        ]
        assert audited.wallets == (5 if full else 1)
    behind.execute("UPDATE prepaid_wallet SET balance = balance + 1 WHERE owner = 'user:2'")
    for full in (False, True):
        audited = behind.unjoined.audit(proofs=place, full=full)
        assert "I1 user:2: the balance is" in "".join(map(str, audited)), (
            "it is played from its first event on"
        )

    behind.execute("UPDATE prepaid_wallet SET balance = balance - 1 WHERE owner = 'user:2'")
    behind.close()
    place.dispose()


def test_what_a_busy_file_cannot_keep_is_a_warning_and_costs_no_finding(
    books: Books, databases: Databases, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    live(books)
    books.unjoined.bring_up_to_date(*OWNERS)
    monkeypatch.setattr(scope, "ENTRIES", 8)
    monkeypatch.setattr(proofs, "PATIENCE_S", 0)
    place = create_engine(databases.fresh("sqlite"))
    other = create_engine(place.url)
    books.unjoined.audit(proofs=place)
    books.spend(1, "report:2", owner="user:1")
    books.execute("UPDATE prepaid_wallet SET balance = balance + 1 WHERE owner = 'user:5'")

    with other.connect() as writer, caplog.at_level(logging.WARNING):
        writer.exec_driver_sql("BEGIN IMMEDIATE")
        audited = books.unjoined.audit(proofs=place, jobs=2)

    assert [problem.owner for problem in audited] == ["user:5", None]
    assert "could not be kept (database is locked)" in caplog.text
    books.execute("UPDATE prepaid_wallet SET balance = balance - 1 WHERE owner = 'user:5'")
    again, after = (books.unjoined.audit(proofs=place, jobs=2, full=False) for _ in range(2))
    assert (again, again.wallets, after.wallets) == ([], 1, 0)
    place.dispose()
    other.dispose()


def test_a_standby_may_take_any_snapshot_away_and_is_asked_again(books: Books) -> None:
    live(books)
    left = snapshots.TRIES - 1

    def taken_away(connection: Connection) -> Iterator[Problem]:
        nonlocal left
        yield Problem("own", None, "found")
        if left:
            left -= 1
            conflict = Exception("canceling statement due to conflict with recovery")
            conflict.sqlstate = "40001"  # type: ignore[attr-defined]
            raise OperationalError("SELECT 1", None, conflict)

    assert [*map(str, books.unjoined.audit(taken_away))] == ["own all wallets: found"]
    left = snapshots.TRIES
    with pytest.raises(OperationalError, match="conflict with recovery"):
        books.unjoined.audit(taken_away)


def switch_guard_off(books: Books) -> str:
    """Let entries be changed; the statement that ends it."""
    if books.engine.dialect.name == "sqlite":
        with books.engine.connect() as connection:
            name = "name = 'prepaid_entry_no_update'"
            guard = str(connection.scalar(text(f"SELECT sql FROM sqlite_master WHERE {name}")))
        books.execute("DROP TRIGGER prepaid_entry_no_update")
        return guard
    books.execute("ALTER TABLE prepaid_entry DISABLE TRIGGER prepaid_entry_no_change")
    return "ALTER TABLE prepaid_entry ENABLE TRIGGER prepaid_entry_no_change"


def test_random_histories_are_proved_step_by_step(books: Books, databases: Databases, kind: str) -> None:
    """Whatever is half done when it is proved, holds, debts, lots not drawn, the next audit goes on."""
    proofs = create_engine(databases.fresh("sqlite"))
    life = Life(books, 3 if kind == "sqlite" else 4)
    for step in range(6):
        life.live(7)
        if step % 2:
            books.unjoined.bring_up_to_date(*OWNERS[:3])
        audited = books.unjoined.audit(proofs=proofs, full=False)
        assert audited == []
    assert audited.before > audited.entries
    assert books.unjoined.audit(proofs=proofs) == []
    books.execute("UPDATE prepaid_wallet SET balance = balance + 1 WHERE owner = 'user:1'")
    assert {problem.invariant for problem in books.unjoined.audit(proofs=proofs, full=False)} == {"I1"}
    books.execute("UPDATE prepaid_wallet SET balance = balance - 1 WHERE owner = 'user:1'")
    proofs.dispose()
