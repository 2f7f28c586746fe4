"""The audit names what is off: each kind of forged row, behind the back of the triggers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, literal, select, text
from sqlalchemy.exc import DBAPIError

from prepaid_ledger.books import usage_sums
from prepaid_ledger.books.wallets.wallet_state import open_wallets
from prepaid_ledger.errors import PrepaidError
from prepaid_ledger.slots import slot_of
from prepaid_ledger.testing import Databases, upgrade_ledger

from .books import OWNER, Books

pytestmark = pytest.mark.each_database

GUARDS = ["prepaid_entry_no_update", "prepaid_entry_no_delete", "prepaid_entry_no_replace"]


def live(engine: Engine) -> None:
    """Some of everything, in a ledger that is new."""
    upgrade_ledger(engine)
    books = Books(engine.url)
    books.grant(10, expires_at=books.later(days=1))
    books.buy(100, 1000)
    books.spend(20, "report:1")
    books.unjoined.bring_up_to_date(OWNER)
    assert books.unjoined.audit(proofs=engine) == []
    with books.ledger.hold(OWNER, 10, key="job:1") as hold:
        hold.capture(6)
    books.wait(days=2)
    books.spend(10, "report:2")
    books.reverse("report:1", "undo:1", 15)
    books.refund(300)
    books.ledger.set_budget(OWNER, 100)
    books.ledger.set_budget(OWNER, 100, every="day")
    books.ledger.set_budget(OWNER, 100, spender="key:1")
    books.commit()
    books.ledger.hold(OWNER, 5, key="job:2", spender="key:1")
    books.ledger.hold(OWNER, 2, key="job:3").extend(4)
    books.spend(3, "report:3", spender="key:1")
    usage_sums.bring_up(books.session, OWNER)
    books.commit()
    books.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("lived"), live)


@pytest.fixture
def forged(kind: str, lived: Databases) -> Iterator[Books]:
    """A ledger with some of everything in it, that somebody is about to change by hand."""
    database = lived.fresh(kind)
    books = Books(database)
    books.wait(days=2)
    yield books
    books.discard()
    lived.drop(database)


def let_entries_be_changed(books: Books) -> None:
    if books.engine.dialect.name == "sqlite":
        for guard in GUARDS:
            books.execute(f"DROP TRIGGER {guard}")
    else:
        books.execute("ALTER TABLE prepaid_entry DISABLE TRIGGER prepaid_entry_no_change")


def named(books: Books, **how: Any) -> set[str]:
    """The invariants that the audit finds broken, but for the trigger that the forger took away."""
    problems = [problem for problem in books.ledger.audit(**how) if "trigger" not in problem.message]
    assert {problem.owner for problem in problems} <= {OWNER, None}
    return {problem.invariant for problem in problems}


def uncharged_window(day: int) -> str:
    """What lets the budget of a day begin anew, on another day of January on which nothing was charged."""
    window = f"window_start = '2026-01-{day:02} 00:00+00:00', resets_at = '2026-01-{day + 1:02} 00:00+00:00'"
    nothing = "-(SELECT charged FROM prepaid_wallet)"  # as it adds to what the wallet's row has
    return f"UPDATE prepaid_budget SET {window}, spent_here = {nothing} WHERE every = 'day'"


#: What an audit that goes on from the proof does not look at.
OF_WHAT_WAS_PROVED = (
    "UPDATE prepaid_entry SET balance_after = balance_after + 1 WHERE key = 'sale:1'",
    "UPDATE prepaid_entry SET expires_at = NULL WHERE key = 'gift'",
    "UPDATE prepaid_lot SET ended = NOT ended WHERE left_over + held = 0",
)

#: How rows are changed behind the ledger's back, and which invariants that breaks.
FORGERIES = [
    ("UPDATE prepaid_entry SET credits = credits + 1 WHERE key = 'sale:1'", {"I1", "I4"}),
    ("UPDATE prepaid_entry SET balance_after = balance_after + 1 WHERE key = 'sale:1'", {"I4"}),
    ("UPDATE prepaid_entry SET seq = 99 WHERE key = 'report:3'", {"I4"}),
    ("UPDATE prepaid_entry SET key = 'hold:job:none' WHERE key = 'hold:job:1'", {"I7"}),
    ("UPDATE prepaid_entry SET key = 'expired' WHERE kind = 'expiry'", {"I8"}),
    ("UPDATE prepaid_entry SET kind = 'adjustment' WHERE key = 'report:1'", {"I7"}),
    ("UPDATE prepaid_entry SET refers_to_seq = 1 WHERE kind = 'reversal'", {"I7"}),
    ("UPDATE prepaid_entry SET refers_to_seq = NULL WHERE kind = 'reversal'", {"I7"}),
    ("UPDATE prepaid_entry SET debt = debt + 1 WHERE kind = 'clawback'", {"I5"}),
    ("UPDATE prepaid_entry SET expires_at = NULL WHERE key = 'gift'", {"I9"}),
    ("DELETE FROM prepaid_entry WHERE key = 'report:2'", {"I1", "I4"}),
    ("UPDATE prepaid_wallet SET balance = balance + 1", {"I1"}),
    ("UPDATE prepaid_wallet SET held = held - 1", {"I5"}),
    ("UPDATE prepaid_wallet SET debt = debt + 1", {"I5"}),
    ("UPDATE prepaid_wallet SET seq = seq + 1", {"I4"}),
    ("UPDATE prepaid_lot SET left_over = left_over + 1 WHERE left_over > 0", {"I9"}),
    ("UPDATE prepaid_lot SET paid = NOT paid WHERE left_over > 0", {"I9"}),
    ("DELETE FROM prepaid_lot WHERE left_over > 0", {"I9"}),
    ("UPDATE prepaid_lot SET ended = NOT ended WHERE left_over + held = 0", {"I9"}),
    ("UPDATE prepaid_draw SET credits = credits + 1 WHERE seq = 3", {"I9"}),
    ("DELETE FROM prepaid_draw WHERE seq = 3", {"I9"}),
    ("UPDATE prepaid_hold SET credits = credits + 1 WHERE key = 'job:2'", {"I7"}),
    ("UPDATE prepaid_hold SET captured = captured - 1 WHERE key = 'job:1'", {"I7"}),
    ("UPDATE prepaid_hold SET opened_credits = opened_credits - 1 WHERE key = 'job:3'", {"I7"}),
    ("UPDATE prepaid_hold_extension SET credits = credits + 1 WHERE hold_seq > 3", {"I5", "I7"}),
    ("DELETE FROM prepaid_hold_extension WHERE hold_seq > 3", {"I4", "I7"}),
    ("UPDATE prepaid_hold_extension SET hold_seq = 4 WHERE hold_seq > 4", {"I7"}),
    ("UPDATE prepaid_entry SET debt = 1 WHERE key = 'hold:job:1'", {"I5", "I10"}),
    ("DELETE FROM prepaid_hold WHERE key = 'job:2'", {"I4", "I5"}),
    ("UPDATE prepaid_budget SET spent_here = spent_here + 1 WHERE spender = ''", {"I10"}),
    ("UPDATE prepaid_wallet SET charged = charged + 1", {"I10"}),
    ("UPDATE prepaid_budget SET spent_here = spent_here - 1 WHERE spender = 'key:1'", {"I10"}),
    ("UPDATE prepaid_budget SET window_start = resets_at WHERE every = 'day'", {"I10"}),
    ("UPDATE prepaid_budget SET window_start = '2026-01-02 12:00+00:00' WHERE every = 'day'", {"I10"}),
    ("UPDATE prepaid_budget SET resets_at = '2099-01-01 00:00+00:00' WHERE every = 'day'", {"I10"}),
    ("UPDATE prepaid_budget SET every = 'month' WHERE every = 'day'", {"I10"}),
    ("UPDATE prepaid_budget SET zone = 'Asia/Tokyo' WHERE every = 'day'", {"I10"}),
    ("UPDATE prepaid_budget SET zone = 'Mars/Base' WHERE every = 'day'", {"I10"}),
    (uncharged_window(2), {"I10"}),
    (uncharged_window(9), {"I10"}),
    ("UPDATE prepaid_wallet SET moved_at = '2100-01-01 00:00+00:00'", {"I4"}),
    ("UPDATE prepaid_hold SET counted = 5 WHERE key = 'job:2'", {"I7"}),
    ("UPDATE prepaid_hold SET meter = 'chat' WHERE key = 'job:1'", {"I7"}),
    ("UPDATE prepaid_entry SET spender = 'key:2' WHERE key = 'report:3'", {"I10"}),
    ("UPDATE prepaid_hold SET spender = 'key:2' WHERE key = 'job:2'", {"I10"}),
    ("UPDATE prepaid_wallet SET budget_changes = 0", {"I10"}),
    ("UPDATE prepaid_usage SET calls = calls + 1 WHERE spender = 'key:1'", {"I14"}),
    ("UPDATE prepaid_usage SET quarter = quarter + 1 WHERE spender = 'key:1'", {"I14"}),
    ("DELETE FROM prepaid_usage WHERE spender = ''", {"I14"}),
    ("UPDATE prepaid_usage_mark SET seq = seq - 1", {"I14"}),
    ("UPDATE prepaid_usage_mark SET seq = seq + 1", {"I14"}),
]

#: On PostgreSQL a sample, with each table and each invariant by its seed; ``EVERY_CASE=1`` has all.
EVERY_CASE = os.environ.get("EVERY_CASE") == "1"
ON_POSTGRESQL = FORGERIES if EVERY_CASE else Random(1319).sample(FORGERIES, 12)


@pytest.mark.parametrize(
    ("kind", "forgery", "invariants"),
    [
        *(("sqlite", *each) for each in FORGERIES),
        *(("postgresql", *each) for each in ON_POSTGRESQL),
    ],
)
def test_a_forged_row_is_named(forged: Books, forgery: str, invariants: set[str]) -> None:
    let_entries_be_changed(forged)
    forged.execute(forgery)

    assert invariants <= named(forged)
    assert invariants <= named(forged, proofs=forged.engine)
    since = named(forged, proofs=forged.engine, full=False)
    assert since or forgery in OF_WHAT_WAS_PROVED


def test_an_old_budget_is_as_it_was(forged: Books) -> None:
    """Nothing is charged for days, and then a hold of before is given back, or captured."""
    forged.wait(days=3)
    forged.ledger.capture(OWNER, key="job:2", credits=3)
    forged.ledger.release(OWNER, key="job:3")

    assert named(forged) == named(forged, proofs=forged.engine, full=False) == set()


def test_a_hold_that_is_made_to_expire_as_captured_is_named_by_the_audit_of_a_day(forged: Books) -> None:
    assert named(forged, proofs=forged.engine) == set()
    forged.execute("UPDATE prepaid_hold SET counted = 5 WHERE key = 'job:2'")
    forged.spend(1, "report:4")

    assert named(forged, proofs=forged.engine, full=False) == {"I7"}
    assert named(forged) == {"I7"}


@pytest.mark.parametrize("full", [False, True])
def test_a_wallet_that_is_given_to_another_owner_is_named_by_who_has_proved_it(
    books: Books, full: bool
) -> None:
    thief = next(owner for owner in map("user:{}".format, count(2)) if slot_of(owner) == slot_of(OWNER))
    books.buy(5000, 50_000)
    assert books.unjoined.audit(proofs=books.engine) == []

    books.execute("UPDATE prepaid_wallet SET owner = :thief", thief=thief)

    [problem] = books.unjoined.audit(proofs=books.engine, full=full)
    assert (problem.invariant, problem.owner) == ("I8", thief)
    assert "another owner's when it was proved" in problem.message


def test_wallets_that_somebody_with_a_fast_clock_has_moved_are_named(books: Books) -> None:
    for owner in ("user:2", "user:3"):
        books.grant(5, owner=owner)
        books.wait(minutes=1)
        books.ledger.set_budget(owner, 5)
        books.commit()
    books.wait(minutes=-5)
    books.grant(5)
    assert books.unjoined.audit() == []
    books.wait(minutes=-3)
    books.grant(5, "gift:2")
    books.ledger.set_budget(OWNER, 5)
    books.commit()

    problems = [*books.unjoined.audit(), *books.unjoined.audit(jobs=2)]

    named = [(problem.invariant, problem.owner) for problem in problems]
    assert named == [("I4", "user:2"), ("I4", "user:3")] * 2
    books.wait(minutes=9)


def test_a_meter_whose_count_was_given_back_is_named(forged: Books) -> None:
    forged.ledger.meter(OWNER, key="chat:1", step=3)  # and its worker dies
    forged.wait(hours=2)
    forged.ledger.write_due()
    assert named(forged) == set()

    forged.execute("UPDATE prepaid_hold SET counted = 2 WHERE key = 'chat:1'")

    assert named(forged) == {"I7"}


def test_a_row_of_draws_too_many_is_named(forged: Books) -> None:
    for number in (4, 5):
        forged.spend(1, f"report:{number}")
    forged.unjoined.bring_up_to_date(OWNER)
    assert named(forged) == set()

    forged.execute(
        "INSERT INTO prepaid_draw SELECT wallet_id, slot, seq + 1, lot_seq, 1 FROM prepaid_draw"
        " ORDER BY seq DESC, lot_seq DESC LIMIT 1"
    )

    assert named(forged) == {"I9"}


def test_a_missing_guard_is_named(forged: Books) -> None:
    let_entries_be_changed(forged)

    assert {problem.invariant for problem in forged.ledger.audit()} == {"I6"}


def test_a_lot_that_would_never_end_is_named(forged: Books) -> None:
    forged.grant(5, "gift:2", expires_at=forged.later(days=1))
    forged.execute("UPDATE prepaid_wallet SET next_expiry_at = NULL")

    assert named(forged) == {"I9"}


def test_a_guard_that_stops_nobody_but_a_copy_is_missing(forged: Books) -> None:
    """PostgreSQL can keep a trigger for what it copies from elsewhere alone."""
    if forged.engine.dialect.name == "sqlite":
        forged.execute("DROP TRIGGER prepaid_entry_no_update")
    else:
        forged.execute("ALTER TABLE prepaid_entry ENABLE REPLICA TRIGGER prepaid_entry_no_change")

    assert "can be changed" in "".join(map(str, forged.unjoined.audit()))


def test_times_that_go_back_are_named(forged: Books) -> None:
    let_entries_be_changed(forged)
    forged.execute("UPDATE prepaid_entry SET at = (SELECT min(at) FROM prepaid_entry) WHERE key = 'report:3'")

    assert named(forged) == {"I4", "I10", "I14"}  # it has left the day of its budget and of its usage, too


def test_entries_of_no_wallet_are_named(forged: Books) -> None:
    if forged.engine.dialect.name == "sqlite":
        forged.execute("UPDATE prepaid_wallet SET id = 7")
    else:
        forged.execute("ALTER TABLE prepaid_entry DROP CONSTRAINT fk_prepaid_entry_wallet_id_slot")
        forged.execute("ALTER TABLE prepaid_entry DISABLE TRIGGER ALL")
        forged.execute("UPDATE prepaid_entry SET wallet_id = 7")

    assert "I1" in named(forged)


def test_a_wallet_in_another_slot_than_its_owners_is_named(books: Books) -> None:
    """Nobody would find it there, and a second one would come to life in the right slot."""
    open_wallets(books.session, [OWNER], books.later())
    books.commit()
    assert books.ledger.audit() == []

    books.execute("UPDATE prepaid_wallet SET slot = (slot + 1) % 256")

    assert [(problem.invariant, problem.owner) for problem in books.ledger.audit()] == [("I8", OWNER)]

    books.execute("UPDATE prepaid_wallet SET slot = (slot + 255) % 256")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE prepaid_entry SET credits = 1",
        "UPDATE prepaid_entry SET reason = 'better'",
        "DELETE FROM prepaid_entry",
    ],
)
def test_entries_refuse_to_be_changed(books: Books, change: str) -> None:
    books.grant(10)

    with pytest.raises(DBAPIError, match="prepaid_entry is never"):
        books.execute(change)


def test_entries_refuse_to_be_replaced_or_truncated(books: Books) -> None:
    books.grant(10)
    change = (
        "INSERT OR REPLACE INTO prepaid_entry SELECT * FROM prepaid_entry"
        if books.engine.dialect.name == "sqlite"
        else "TRUNCATE prepaid_entry"
    )

    with pytest.raises(DBAPIError):
        books.execute(change)

    assert books.ledger.balance(OWNER) == 10


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE prepaid_wallet SET balance = -1",
        "UPDATE prepaid_wallet SET held = balance + 1",
        "UPDATE prepaid_wallet SET debt = -1",
        "UPDATE prepaid_hold SET captured = 1",
        "UPDATE prepaid_hold SET state = 'expired', closed_seq = 9",
        "UPDATE prepaid_hold SET captured = 99, state = 'captured', closed_seq = 9",
        "INSERT INTO prepaid_entry SELECT wallet_id, slot, 9, kind, key, credits, debt, balance_after, at,"
        " refers_to_seq, expires_at, amount_minor, tax_minor, currency, claimed, reason, spender, item,"
        " quantity, price_version FROM prepaid_entry",
    ],
)
def test_the_schema_keeps_what_a_schema_can(books: Books, change: str) -> None:
    books.grant(10)
    books.ledger.hold(OWNER, 4, key="job:1")

    with pytest.raises(DBAPIError):
        books.execute(change)


def test_fractions_do_not_get_into_the_tables(books: Books) -> None:
    books.grant(10)

    with books.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            with pytest.raises(DBAPIError, match="whole_numbers"):
                connection.execute(text("UPDATE prepaid_wallet SET balance = 9.5"))
        else:
            connection.execute(text("UPDATE prepaid_wallet SET balance = 9.5"))
            assert connection.scalar(text("SELECT balance FROM prepaid_wallet")) == 10


def test_the_audit_reads_one_moment_while_others_write(books: Books) -> None:
    books.grant(1000)

    def spend_and_audit(number: int) -> int:
        if number % 4 == 0:
            return len(books.ledger.audit())
        return books.ledger.spend_now(OWNER, key=f"report:{number}").seq * 0

    results = books.all_at_once([partial(spend_and_audit, number) for number in range(24)])

    assert not any(isinstance(result, PrepaidError) for result in results)
    assert sum(result for result in results if isinstance(result, int)) == 0


def test_a_statement_adds_up_and_meets_the_next_one(books: Books) -> None:
    start = books.time
    books.buy(100, 1000)
    books.wait(days=10)
    books.spend(30, "report:1")
    books.grant(5, expires_at=books.later(days=10))
    books.wait(days=21)
    books.spend(1, "report:2")
    february = start + timedelta(days=31)

    january = books.ledger.statement(OWNER, start, february)
    rest = books.ledger.statement(OWNER, february, books.later(days=1))

    assert (january.opening, january.closing) == (0, 70)
    assert january.by_kind == {"purchase": 100, "spend": -30, "grant": 5, "expiry": -5}
    assert [entry.credits for entry in january.entries] == [100, -30, 5, -5]
    assert (rest.opening, rest.closing, rest.by_kind) == (70, 69, {"spend": -1})


def test_the_balance_at_any_time_is_what_it_was(books: Books) -> None:
    start = books.time
    for day in range(1, 20):
        books.wait(days=1)
        books.grant(day, f"gift:{day}", expires_at=books.later(hours=12) if day == 19 else None)
    books.wait(days=1)

    assert [books.ledger.balance_at(OWNER, start + timedelta(days=day)) for day in (0, 1, 2, 18)] == [
        0,
        1,
        3,
        171,
    ]
    assert books.ledger.balance_at(OWNER, start + timedelta(days=19, hours=11)) == 190
    assert books.ledger.balance_at(OWNER, start + timedelta(days=19, hours=12)) == 171
    books.ledger.write_due()
    assert books.ledger.balance_at(OWNER, start + timedelta(days=19, hours=11)) == 190
    assert books.ledger.balance_at(OWNER, start + timedelta(days=19, hours=12)) == 171


def test_entries_come_in_pages_newest_first(books: Books) -> None:
    for number in range(7):
        books.grant(1, f"gift:{number}")

    first = books.ledger.entries(OWNER, limit=3)
    second = books.ledger.entries(OWNER, limit=3, cursor=first.next_cursor)
    third = books.ledger.entries(OWNER, limit=3, cursor=second.next_cursor)

    assert [entry.seq for page in (first, second, third) for entry in page] == [7, 6, 5, 4, 3, 2, 1]
    assert third.next_cursor is None


def test_entries_of_one_kind_time_or_key_are_found_on_all_pages(books: Books) -> None:
    books.grant(50, "gift:1")
    for number in range(6):
        books.spend(1, f"number:{number}")
    every = books.ledger.entries(OWNER)
    wanted = select(literal("number:") + literal("3"))

    def seqs(**which: Any) -> list[int]:
        return [entry.seq for entry in books.ledger.entries(OWNER, limit=4, **which)]

    assert seqs(kind="grant") == [1]
    assert seqs(kind="spend") == [7, 6, 5, 4]
    assert seqs(kind="spend", cursor="4") == [3, 2]
    assert seqs(keys=["number:0", "gift:1", "gift:2"]) == [2, 1]
    assert seqs(keys=wanted) == [5]
    assert seqs(since=every[0].at + timedelta(seconds=1)) == []
    assert seqs(until=every[-1].at) == []
    with pytest.raises(ValueError, match="theft"):
        seqs(kind="theft")


@pytest.mark.parametrize(("limit", "cursor"), [(0, None), (201, None), (5, "abc"), (5, "9" * 19), (5, "-1")])
def test_a_page_that_cannot_be_is_refused(books: Books, limit: int, cursor: str | None) -> None:
    with pytest.raises(ValueError, match=r"limit|cursor"):
        books.ledger.entries(OWNER, limit=limit, cursor=cursor)


def test_a_time_without_its_zone_and_a_reason_that_is_no_text_are_refused_by_name(books: Books) -> None:
    ledger, aware = books.ledger, books.time
    money: dict[str, Any] = {"amount_minor": 5, "currency": "usd"}
    for time in (aware.replace(tzinfo=None), date(2026, 5, 1), "2026-05-01", 5):
        calls: dict[str, list[Callable[..., object]]] = {
            "expires_at": [
                partial(ledger.grant, OWNER, 5, key="gift", reason="a gift"),
                partial(ledger.grant_many, [OWNER], 5, key="gift", reason="a gift"),
                partial(ledger.purchase, OWNER, 5, key="sale", **money),
                partial(ledger.move_end, OWNER, key="gift"),
            ],
            "period_end": [
                partial(ledger.allowance, OWNER, 5, key="invoice", **money),
                partial(ledger.add_to_allowance, OWNER, 5, key="invoice", **money),
            ],
            "since": [partial(ledger.entries, OWNER)],
            "until": [partial(ledger.entries, OWNER), partial(ledger.extend, OWNER, key="job")],
            "time": [partial(ledger.balance_at, OWNER)],
            "start": [partial(ledger.statement, OWNER, end=aware), partial(ledger.usage, OWNER, end=aware)],
            "end": [partial(ledger.statement, OWNER, aware), partial(ledger.usage, OWNER, aware)],
        }
        for name, verbs in calls.items():
            for verb in verbs:
                with pytest.raises(ValueError, match=f"^{name} is a time with its zone"):
                    verb(**{name: time})
    for reason in ("a\x00b", "\ud800", 7):
        with pytest.raises(ValueError, match=r"^a reason is a text"):
            ledger.grant(OWNER, 5, key="gift", reason=reason)  # type: ignore[arg-type]
    assert books.ledger.entries(OWNER) == []
