"""The archive and the books prove each other, whenever a run is killed and whatever somebody changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import URL, Engine, create_engine, insert, select, text
from sqlalchemy.exc import DBAPIError

from prepaid_ledger import Archived
from prepaid_ledger.archive import archiving
from prepaid_ledger.archive.place import Archive
from prepaid_ledger.books import usage_sums
from prepaid_ledger.tables import ArchiveMark, Entry
from prepaid_ledger.testing import Databases

from .archives import FEBRUARY, a_january, a_year_later, answers, archived, rows_in
from .books import Books
from .own_operators import compare_by_own_operators
from .test_drawn_together import OWNERS, Life

pytestmark = pytest.mark.each_database


@pytest.mark.parametrize("step", [archiving.EVENTS, 7])
def test_random_histories_are_archived_month_by_month(
    books: Books, place: Engine, kind: str, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is half done at the cut: holds, debts, lots that have ended. The archive proves all of it."""
    monkeypatch.setattr(archiving, "EVENTS", step)
    life = Life(books, 5 if kind == "sqlite" else 6)
    left = 0
    for _ in range(3):
        life.live(60)
        ends = books.time
        books.wait(days=460)
        before = {owner: books.unjoined.wallet(owner) for owner in OWNERS}
        left += archived(books, place, ends).spends
        assert {owner: books.unjoined.wallet(owner) for owner in OWNERS} == before
        assert books.unjoined.audit() == []
        assert books.unjoined.audit(archives=[place]) == []
    assert left > 20
    assert rows_in(place, Entry) == left


def killed(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """End the next run at a point of its way, as a kill does."""
    function: Callable[..., Any] = getattr(archiving, where)

    def dies(*given: Any, **terms: Any) -> Any:
        if where != "_remove":
            function(*given, **terms)
        monkeypatch.setattr(archiving, where, function)
        raise KeyboardInterrupt

    monkeypatch.setattr(archiving, where, dies)


@pytest.mark.parametrize("where", ["_prove", "_remove", "_delete"])
def test_a_run_that_is_killed_loses_nothing_and_the_next_one_goes_on(
    books: Books, place: Engine, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    a_january(books)
    a_year_later(books)
    before, entries = answers(books), rows_in(books.engine, Entry)
    killed(monkeypatch, where)
    with pytest.raises(KeyboardInterrupt):
        books.unjoined.archive(FEBRUARY, place)

    assert rows_in(books.engine, Entry) == entries
    assert answers(books) == before
    assert books.unjoined.audit() == []
    if where != "_prove":
        assert books.unjoined.audit(archives=[place]) == [], "what lies in both is read once"
    assert archived(books, place).spends == 6
    assert answers(books) == before
    assert books.unjoined.audit(archives=[place]) == []


def test_two_runs_at_once_remove_each_spend_once(books: Books, place: Engine, databases: Databases) -> None:
    for number in range(12):
        books.grant(50, owner=f"user:{number}")
        for spend in range(3):
            books.wait(minutes=1)
            books.spend(1, f"report:{spend}", owner=f"user:{number}")
    books.time = datetime(2027, 4, 1, tzinfo=UTC)
    other = create_engine(databases.empty("sqlite"))

    runs = books.all_at_once(
        [lambda: books.unjoined.archive(FEBRUARY, place), lambda: books.unjoined.archive(FEBRUARY, other)]
    )

    assert sum(run.spends for run in runs if isinstance(run, Archived)) == 36
    assert books.unjoined.audit(archives=[place, other]) == []
    other.dispose()


TAMPERED = [
    "UPDATE prepaid_entry SET reason = 'better' WHERE key = 'report:1'",
    "UPDATE prepaid_entry SET spender = 'key:9' WHERE key = 'report:1'",
    "UPDATE prepaid_entry SET credits = credits + 1 WHERE key = 'report:1'",
    "DELETE FROM prepaid_entry WHERE key = 'report:3'",
    "DELETE FROM prepaid_entry",
    "DELETE FROM prepaid_hold WHERE key = 'job:3'",
    "DELETE FROM prepaid_draw",
]


@pytest.mark.parametrize("tampered", TAMPERED)
def test_an_archive_that_was_changed_is_named(books: Books, place: Engine, tampered: str) -> None:
    a_january(books)
    a_year_later(books)
    archived(books, place)
    with place.begin() as connection:
        assert connection.execute(text(tampered)).rowcount > 0

    assert books.unjoined.audit(archives=[place]) != []
    assert books.unjoined.audit() == []


def test_rows_that_the_archive_has_otherwise_stay_in_the_books(books: Books, place: Engine) -> None:
    """As after a backup of the books was brought back, which went on otherwise."""
    a_january(books)
    a_year_later(books)
    Archive(place, books.engine).make()
    with place.begin() as archive, books.engine.connect() as connection:
        row = connection.execute(select(Entry.__table__).where(Entry.key == "report:1")).mappings().one()
        archive.execute(insert(Entry), {**row, "reason": "another"})

    done = books.unjoined.archive(FEBRUARY, place)

    assert [str(problem) for problem in done.problems] == [
        "I16 all wallets: the archive has other rows of wallet 1 than the books; they stay in the books "
        "until another archive is named for them, such as a new file"
    ]
    assert (done.spends, rows_in(books.engine, ArchiveMark)) == (0, 0)


def test_books_in_which_something_is_off_are_not_archived(books: Books, place: Engine) -> None:
    a_january(books)
    a_year_later(books)
    books.execute("UPDATE prepaid_draw SET credits = credits + 1 WHERE seq = 3")

    done = books.unjoined.archive(FEBRUARY, place)

    assert {problem.invariant for problem in done.problems} == {"I9"}
    assert (done.spends, rows_in(place, Entry)) == (0, 0)
    books.execute("UPDATE prepaid_draw SET credits = credits - 1 WHERE seq = 3")


REFUSED = [
    "DELETE FROM prepaid_entry WHERE kind = 'purchase'",
    "DELETE FROM prepaid_entry WHERE key = 'report:back'",
    "DELETE FROM prepaid_entry WHERE key = 'report:late'",
    "UPDATE prepaid_entry SET reason = 'better' WHERE key = 'sale:1'",
]
REFUSED_MARKS = [
    "UPDATE prepaid_archive_mark SET seq = seq - 1",
    "UPDATE prepaid_archive_mark SET state = '{}'",
    "UPDATE prepaid_archive_mark SET seq = seq + 1, spends = spends - 1",
    "DELETE FROM prepaid_archive_mark",
]


def test_the_database_lets_go_of_what_is_archived_and_of_nothing_else(
    books: Books, place: Engine, kind: str
) -> None:
    a_january(books)
    a_year_later(books)
    with pytest.raises(DBAPIError, match="prepaid_entry is never"):
        books.execute("DELETE FROM prepaid_entry WHERE key = 'report:0'")
    archived(books, place)

    for sql in REFUSED:
        with pytest.raises(DBAPIError, match="prepaid_entry is never"):
            books.execute(sql)
    for sql in REFUSED_MARKS:
        with pytest.raises(DBAPIError, match=r"prepaid_archive_mark (never goes back|is never deleted)"):
            books.execute(sql)
    sqlite = "INSERT OR REPLACE INTO prepaid_archive_mark SELECT * FROM prepaid_archive_mark"
    with pytest.raises(DBAPIError, match=r"prepaid_archive_mark"):
        books.execute(sqlite if kind == "sqlite" else "TRUNCATE prepaid_archive_mark")


def test_a_table_of_ones_own_with_the_marks_name_lets_go_of_nothing(books: Books) -> None:
    """A temporary table comes before others of its name; everybody may make one."""
    a_january(books)
    marks = "CREATE TEMP TABLE prepaid_archive_mark AS SELECT id AS wallet_id, slot, seq FROM prepaid_wallet"

    with books.engine.connect() as connection:
        connection.execute(text(marks))
        with pytest.raises(DBAPIError, match="prepaid_entry is never"):
            connection.execute(text("DELETE FROM prepaid_entry WHERE key = 'report:0'"))
        connection.rollback()
        connection.invalidate()


def test_operators_of_ones_own_let_go_of_nothing(books: Books, place: Engine, kind: str) -> None:
    if kind == "sqlite":
        pytest.skip("SQLite has no operators of one's own")
    a_january(books)
    a_year_later(books)
    archived(books, place)

    for sql in (*REFUSED, *REFUSED_MARKS):
        with books.engine.connect() as connection:
            compare_by_own_operators(connection)
            with pytest.raises(DBAPIError, match=r"prepaid_(entry|archive_mark) (is never|never goes back)"):
                connection.execute(text(sql))


def test_guards_hold_in_a_schema_of_any_name_whoever_comes(databases: Databases, place: Engine) -> None:
    """As when another program looks in: its ``search_path`` does not name the schema."""
    url = databases.empty("postgresql")
    visitor = create_engine(url)
    with visitor.begin() as connection:
        connection.execute(text('CREATE SCHEMA "A shop"'))
    books = Books(url.update_query_dict({"options": '-csearch_path="A\\ shop"'}))
    books.unjoined.upgrade()
    a_january(books)
    a_year_later(books)

    with visitor.connect() as connection, pytest.raises(DBAPIError, match="prepaid_entry is never"):
        connection.execute(text("DELETE FROM \"A shop\".prepaid_entry WHERE key = 'report:0'"))
    assert archived(books, place).spends == 6
    with visitor.connect() as connection, pytest.raises(DBAPIError, match="prepaid_entry is never"):
        connection.execute(text("DELETE FROM \"A shop\".prepaid_entry WHERE key = 'report:back'"))

    books.close()
    visitor.dispose()


def switch_guards(books: Books, switch: str) -> None:
    for table in ("prepaid_entry", "prepaid_archive_mark"):
        books.execute(f"ALTER TABLE {table} {switch} TRIGGER USER")


def guards_off(books: Books) -> Callable[[], None]:
    """Let rows be changed that can't be; how that ends."""
    if books.engine.dialect.name == "postgresql":
        switch_guards(books, "DISABLE")
        return lambda: switch_guards(books, "ENABLE")
    with books.engine.connect() as connection:
        triggers = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        ).all()
    for trigger in triggers:
        books.execute(f"DROP TRIGGER {trigger.name}")

    def on_again() -> None:
        for trigger in triggers:
            with books.engine.begin() as connection:
                connection.exec_driver_sql(trigger.sql)

    return on_again


FORGED = [
    ("UPDATE prepaid_entry SET reason = 'better' WHERE key = 'sale:1'", {"I6"}),
    ("DELETE FROM prepaid_entry WHERE key = 'undo:2'", {"I6", "I14"}),
    ("UPDATE prepaid_archive_mark SET state = replace(state, '\"balance\": ', '\"balance\": 1')", {"I1"}),
    ("UPDATE prepaid_archive_mark SET spends = spends + 1", {"I14"}),
    ("UPDATE prepaid_archive_mark SET credits = credits + 1", {"I14"}),
    ("UPDATE prepaid_usage SET credits = credits + 1 WHERE spender = 'key:0'", {"I14"}),
    ("UPDATE prepaid_usage SET quarter = quarter + 90000 WHERE spender = 'key:0'", {"I14"}),
    ("DELETE FROM prepaid_usage WHERE spender = 'key:0'", {"I14"}),
    ("UPDATE prepaid_lot SET left_over = left_over + 1 WHERE seq = 2", {"I9"}),
    ("UPDATE prepaid_wallet SET balance = balance + 1", {"I1"}),
]


@pytest.mark.parametrize(("forgery", "invariants"), FORGED)
def test_what_is_forged_beside_the_archive_is_named(
    database: URL, place: Engine, forgery: str, invariants: set[str]
) -> None:
    books = Books(database)
    a_january(books)
    a_year_later(books)
    archived(books, place)
    guards_on = guards_off(books)
    books.execute(forgery)
    guards_on()

    named = {problem.invariant for problem in books.unjoined.audit()}
    assert invariants <= named
    assert "I6" not in named - invariants, "the guards stand again"
    assert books.unjoined.audit(archives=[place]) != [] or "spends" in forgery or "credits" in forgery
    books.discard()


def test_an_audit_goes_on_from_proofs_across_an_archive(
    books: Books, place: Engine, databases: Databases
) -> None:
    proofs = create_engine(databases.fresh("sqlite"))
    a_january(books)
    assert books.unjoined.audit(proofs=proofs, full=False) == []
    a_year_later(books)
    archived(books, place)

    day = books.unjoined.audit(proofs=proofs, full=False)
    assert (day, day.wallets) == ([], 1)
    assert day.entries < 4, "it goes on from the archive's mark"
    assert books.unjoined.audit(proofs=proofs) == []
    assert books.unjoined.audit(proofs=proofs, archives=[place]) == []
    books.spend(1, "report:later")
    assert books.unjoined.audit(proofs=proofs, full=False).entries == 1

    books.wait(days=1)
    books.spend(1, "report:last")
    usage_sums.bring_up(books.session, "user:1")
    books.commit()
    last_quarter = "WHERE quarter = (SELECT max(quarter) FROM prepaid_usage)"
    books.execute(f"UPDATE prepaid_usage SET calls = calls + 1 {last_quarter}")
    assert {problem.invariant for problem in books.unjoined.audit(proofs=proofs, full=False)} == {"I14"}
    books.execute(f"UPDATE prepaid_usage SET calls = calls - 1 {last_quarter}")
    assert books.unjoined.audit(proofs=proofs, full=False) == []
    proofs.dispose()
