"""An audit that goes on from proofs finds whatever is wrong with what came since, and with its sums."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from prepaid_ledger.audit.scope.proofs import SUMS
from prepaid_ledger.books import usage_sums
from prepaid_ledger.testing import Databases, upgrade_ledger

from .books import OWNER, Books
from .test_audit import let_entries_be_changed

pytestmark = pytest.mark.each_database


def live(engine: Engine) -> None:
    """A day that is proved, and another one with some of everything."""
    upgrade_ledger(engine)
    books = Books(engine.url)
    a_first_day(books)
    assert books.unjoined.audit(proofs=engine, full=False) == []
    books.wait(days=1)
    the_next_day(books)
    books.close()


def a_first_day(books: Books) -> None:
    books.grant(10, "gift:1", expires_at=books.later(days=1))
    books.buy(100, 1000)
    for every in (None, "day", "month"):
        books.ledger.set_budget(OWNER, 500, every=every)
    books.ledger.set_budget(OWNER, 500, spender="key:1")
    books.commit()
    for number in range(3):
        books.wait(minutes=20)
        books.spend(2, f"report:{number}", spender="key:1", item="report")
    books.ledger.hold(OWNER, 10, key="job:1", spender="key:1")
    with books.ledger.hold(OWNER, 4, key="job:2", spender="key:1") as hold:
        hold.capture(3)
    books.commit()
    books.adjust(-1, "by-hand:1")
    books.refund(100)
    books.spend(1, "report:late", spender="key:1")
    books.ledger.meter(OWNER, key="chat:1", step=3)  # and its worker dies
    sum_up(books)
    books.spend(1, "report:not-drawn", spender="key:1")


def the_next_day(books: Books) -> None:
    books.ledger.capture(OWNER, key="job:1", credits=6)
    books.commit()
    books.reverse("hold:job:2", "undo:job", 1)
    books.reverse("report:0", "undo:0")
    books.spend(3, "report:next", spender="key:1", item="report")
    books.refund(150, "refund:2")
    books.refund_failed("refund:1", "refund-failed:1")
    books.adjust(1, "by-hand:2")
    books.ledger.write_due()
    books.ledger.hold(OWNER, 5, key="job:3", spender="key:1").extend(7)
    books.commit()
    sum_up(books)


def sum_up(books: Books) -> None:
    usage_sums.bring_up(books.session, OWNER)
    books.commit()
    books.unjoined.bring_up_to_date(OWNER)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("days"), live)


@pytest.fixture
def forged(kind: str, lived: Databases) -> Iterator[Books]:
    """A day that is to be audited, and that somebody is about to change by hand."""
    database = lived.fresh(kind)
    books = Books(database)
    books.wait(days=3)
    yield books
    books.discard()
    lived.drop(database)


def named(books: Books) -> list[str]:
    """What the audit of the day finds, but for the trigger that the forger took away."""
    problems = books.unjoined.audit(proofs=books.engine, full=False)
    return [str(problem) for problem in problems if "trigger" not in problem.message]


LAST_QUARTER = "quarter = (SELECT max(quarter) FROM prepaid_usage)"
OF_USAGE = "I14 user:1: the sums of usage"
OF_BUDGET = "I10 user:1: the budget of"

#: What is changed of the day, and the words by which a rule names it.
FORGERIES = [
    (f"UPDATE prepaid_usage SET calls = calls + 1 WHERE {LAST_QUARTER}", OF_USAGE),
    (f"UPDATE prepaid_usage SET quarter = quarter + 1 WHERE {LAST_QUARTER}", OF_USAGE),
    (f"DELETE FROM prepaid_usage WHERE {LAST_QUARTER}", OF_USAGE),
    ("UPDATE prepaid_usage_mark SET seq = seq - 12", OF_USAGE),
    ("UPDATE prepaid_usage_mark SET seq = 4", OF_USAGE),
    ("UPDATE prepaid_usage_mark SET seq = seq + 1", OF_USAGE),
    ("DELETE FROM prepaid_usage_mark", OF_USAGE),
    ("UPDATE prepaid_entry SET item = 'other' WHERE key = 'report:next'", OF_USAGE),
    ("UPDATE prepaid_budget SET spent_here = spent_here + 1 WHERE every = 'ever'", OF_BUDGET),
    ("UPDATE prepaid_budget SET spent_here = spent_here + 1 WHERE every = 'day'", OF_BUDGET),
    ("UPDATE prepaid_budget SET spent_here = spent_here - 1 WHERE every = 'month'", OF_BUDGET),
    ("UPDATE prepaid_budget SET spent_here = spent_here - 1 WHERE spender = 'key:1'", OF_BUDGET),
    ("UPDATE prepaid_budget SET window_start = resets_at WHERE every = 'day'", OF_BUDGET),
    ("UPDATE prepaid_wallet SET charged = charged + 1", OF_BUDGET),
    ("UPDATE prepaid_wallet SET budget_changes = 0", "I10 user:1: there are budgets"),
    ("UPDATE prepaid_entry SET spender = 'key:2' WHERE key = 'report:next'", OF_BUDGET),
    ("UPDATE prepaid_entry SET credits = credits + 1 WHERE key = 'undo:0'", OF_BUDGET),
    ("UPDATE prepaid_entry SET credits = credits + 1 WHERE key = 'undo:job'", OF_BUDGET),
    ("UPDATE prepaid_hold SET spender = 'key:2' WHERE key = 'job:1'", OF_BUDGET),
    ("UPDATE prepaid_hold SET spender = 'key:2' WHERE key = 'job:2'", OF_BUDGET),
    ("UPDATE prepaid_hold SET spender = 'key:2' WHERE key = 'job:3'", OF_BUDGET),
    ("UPDATE prepaid_hold_extension SET credits = credits + 1", OF_BUDGET),
    ("UPDATE prepaid_hold SET captured = captured - 1 WHERE key = 'job:1'", OF_BUDGET),
    ("UPDATE prepaid_entry SET debt = 1 WHERE key = 'hold:job:1'", OF_BUDGET),
    ("UPDATE prepaid_entry SET amount_minor = 400 WHERE key = 'refund:2'", "which is what its refunds take"),
    ("UPDATE prepaid_entry SET credits = 9 WHERE key = 'refund-failed:1'", "which is what its refunds take"),
    ("UPDATE prepaid_hold SET counted = 2 WHERE key = 'chat:1'", "that its meter had counted"),
]


@pytest.mark.parametrize(("forgery", "words"), FORGERIES)
def test_what_is_wrong_with_a_day_is_named_by_its_audit(forged: Books, forgery: str, words: str) -> None:
    let_entries_be_changed(forged)
    forged.execute(forgery)

    assert [line for line in named(forged) if words in line]


def test_a_day_with_nothing_wrong_is_proved_and_is_not_looked_at_again(forged: Books) -> None:
    first, again = (forged.unjoined.audit(proofs=forged.engine, full=False) for _ in range(2))

    assert (first, first.wallets) == ([], 1)
    assert 0 < first.entries < first.before
    assert (again, again.wallets, again.entries) == ([], 0, 0)


def test_a_key_that_comes_again_is_named_with_its_index_and_without(forged: Books, kind: str) -> None:
    let_entries_be_changed(forged)
    doubled = ["I8 user:1: the key 'report:0' has posted 2 times"]
    index = "uq_prepaid_entry_wallet_id_slot_key"
    if kind == "postgresql":
        forged.execute(f"UPDATE pg_index SET indisunique = false WHERE indexrelid = '{index}'::regclass")
        forged.execute("UPDATE prepaid_entry SET key = 'report:0' WHERE key = 'report:next'")
        assert named(forged) == doubled
        forged.execute(f"ALTER TABLE prepaid_entry DROP CONSTRAINT {index}")
    else:
        forged.execute("CREATE TABLE copied AS SELECT * FROM prepaid_entry")
        forged.execute("DROP TABLE prepaid_entry")
        forged.execute("ALTER TABLE copied RENAME TO prepaid_entry")
        forged.execute("UPDATE prepaid_entry SET key = 'report:0' WHERE key = 'report:next'")

    missing = ["I8 all wallets: nothing refuses a second entry with the same key"]
    assert named(forged) == missing + doubled


FIRST_QUARTER = "quarter = (SELECT min(quarter) FROM prepaid_usage)"
OLD_SUM = f"UPDATE prepaid_usage SET calls = calls + 1 WHERE {FIRST_QUARTER}"


def test_a_sum_of_a_quarter_that_was_compared_is_looked_at_by_a_full_audit_alone(forged: Books) -> None:
    forged.execute(OLD_SUM)

    assert named(forged) == []
    assert [OF_USAGE in str(problem) for problem in forged.unjoined.audit()] == [True]


def test_where_a_proof_says_nothing_of_sums_all_of_them_are_compared(forged: Books) -> None:
    with forged.engine.begin() as connection:
        written = json.loads(connection.scalar(text("SELECT written FROM prepaid_proof")) or "")
        assert written.pop(SUMS)["summed"] > 0
        bare = {"written": json.dumps(written)}
        connection.execute(text("UPDATE prepaid_proof SET written = :written"), bare)
    forged.execute(OLD_SUM)
    forged.execute("UPDATE prepaid_budget SET spent_here = spent_here + 1 WHERE every = 'month'")

    budget, usage = named(forged)

    assert OF_BUDGET in budget
    assert OF_USAGE in usage


def test_a_budget_that_is_set_anew_counts_what_was_proved_before(forged: Books) -> None:
    """As one of another zone does, whose month has begun earlier."""
    for every in (None, "month"):
        forged.ledger.set_budget(OWNER, 400, every=every, zone="Pacific/Kiritimati")
    forged.ledger.set_budget(OWNER, 400, spender="key:2")
    forged.commit()
    forged.execute("UPDATE prepaid_budget SET spent_here = spent_here + 1 WHERE every = 'month'")
    assert [line for line in named(forged) if OF_BUDGET in line] == named(forged)

    forged.execute("UPDATE prepaid_budget SET spent_here = spent_here - 1 WHERE every = 'month'")
    assert named(forged) == []


def test_a_hold_that_somebody_with_a_fast_clock_has_given_back_is_no_forgery(books: Books) -> None:
    books.grant(10)
    given_back, overdue = (books.ledger.hold(OWNER, 3, key=f"job:{number}") for number in range(2))
    books.unjoined.extend(OWNER, key=overdue.key, until=books.later(hours=2))
    books.wait(hours=1)
    given_back.release()
    books.wait(hours=-1)

    assert books.unjoined.audit() == []
    books.wait(hours=3)
    assert books.unjoined.write_due() == 1
    books.wait(hours=-2)
    assert books.unjoined.audit(proofs=books.engine) == []
    books.spend(1, "report:1")
    assert books.unjoined.audit(proofs=books.engine, full=False) == []
