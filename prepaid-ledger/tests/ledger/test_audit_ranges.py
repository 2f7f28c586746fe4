"""An audit by ranges of wallets finds what one of all does, by several processes, and on a standby."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from sqlalchemy import create_engine, event

from prepaid_ledger import Ledger
from prepaid_ledger.audit import scope
from prepaid_ledger.testing import Databases

from .books import Books
from .test_drawn_together import Life

pytestmark = [
    pytest.mark.each_database,
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # of a fork beside other threads
]

OWNERS = [f"user:{number}" for number in range(1, 8)]


def live(books: Books) -> None:
    """Some of everything, in seven wallets: a bought lot, a refund, a hold, a budget."""
    for owner in OWNERS:
        books.buy(20, 1000, owner=owner)
        books.spend(3, "report:1", owner=owner)
        books.ledger.set_budget(owner, 50)
        lot: dict[str, Any] = {"lot_key": "sale:1", "key": "refund:1", "refunded_minor": 100}
        books.committed(partial(books.ledger.claw_back, owner, **lot))
        books.ledger.hold(owner, 2, key="job:1")
    books.commit()


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_range_finds_its_own_and_none_is_left_out(
    books: Books, jobs: int, monkeypatch: pytest.MonkeyPatch
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
    assert books.unjoined.audit(jobs=jobs) == []

    books.execute("UPDATE prepaid_wallet SET balance = balance + 1 WHERE owner = 'user:1'")
    books.execute("UPDATE prepaid_budget SET spent = spent + 1 WHERE wallet_id = 4")
    books.execute("UPDATE prepaid_hold SET credits = credits + 1 WHERE wallet_id = 7")
    stray = (
        "INSERT INTO prepaid_usage_mark (wallet_id, seq) SELECT id, seq + 1 FROM prepaid_wallet WHERE id = 5"
    )
    books.execute(stray)
    found = sorted(map(str, books.unjoined.audit(jobs=jobs)))
    monkeypatch.setattr(scope, "ENTRIES", 100_000)
    assert found == sorted(map(str, books.unjoined.audit()))
    assert {line.split(":")[0] + line.split(":")[1] for line in found} >= {
        "I1 user1",
        "I10 user4",
        "I7 user7",
    }
    books.execute("UPDATE prepaid_wallet SET balance = balance - 1 WHERE owner = 'user:1'")
    books.execute("UPDATE prepaid_budget SET spent = spent - 1 WHERE wallet_id = 4")
    books.execute("UPDATE prepaid_hold SET credits = credits - 1 WHERE wallet_id = 7")
    books.execute("DELETE FROM prepaid_usage_mark WHERE wallet_id = 5")


def test_with_a_standby_nothing_is_read_on_the_primary(books: Books) -> None:
    live(books)
    standby = create_engine(books.engine.url)
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        asked.append(statement)

    ledger = Ledger(books.engine, standby=standby)
    event.listen(books.engine, "before_cursor_execute", note)
    assert ledger.audit() == []
    event.remove(books.engine, "before_cursor_execute", note)
    standby.dispose()

    assert [statement for statement in asked if "prepaid" in statement] == []


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
    assert (first, first.wallets, first.entries, first.before) == ([], 7, 21, 0)

    books.wait(days=1)
    books.spend(1, "report:2", owner="user:3")
    books.ledger.capture("user:5", key="job:1", credits=1)
    books.commit()
    day = books.unjoined.audit(proofs=proofs, full=False)
    assert (day, day.wallets, day.entries) == ([], 2, 2)
    assert day.before == 7 * 4, "three entries and a hold of each wallet"

    if books.engine.dialect.name == "sqlite":
        books.execute("DROP TRIGGER prepaid_entry_no_update")
    else:
        books.execute("ALTER TABLE prepaid_entry DISABLE TRIGGER prepaid_entry_no_change")
    renamed = "UPDATE prepaid_entry SET item = '{}' WHERE seq = 2 AND wallet_id = 6"
    books.execute(renamed.format("other"))
    at_hand = ["I6 user:6: an entry up to 4 is another than when it was proved"]
    triggers = [str(problem) for problem in books.unjoined.audit()]
    assert len(triggers) == 1
    assert "can be changed" in triggers[0]
    assert [*map(str, books.unjoined.audit(proofs=proofs, full=False))] == triggers
    assert [*map(str, books.unjoined.audit(proofs=proofs))] == triggers + at_hand
    assert [*map(str, books.unjoined.audit(proofs=proofs))] == triggers + at_hand, "what is off is not proved"

    books.execute("UPDATE prepaid_entry SET item = NULL")
    if books.engine.dialect.name != "sqlite":
        books.execute("ALTER TABLE prepaid_entry ENABLE TRIGGER prepaid_entry_no_change")
    proofs.dispose()


def test_random_histories_are_proved_step_by_step(books: Books, databases: Databases, kind: str) -> None:
    """Whatever is half done when it is proved, holds, lots that are not drawn, debts, the next audit goes on."""
    proofs = create_engine(databases.fresh("sqlite"))
    life = Life(books, 3 if kind == "sqlite" else 4)
    for step in range(7):
        life.live(8)
        if step % 2:
            books.unjoined.bring_up_to_date(*OWNERS[:4])
        audited = books.unjoined.audit(proofs=proofs, full=False)
        assert audited == []
    assert audited.before > audited.entries
    assert books.unjoined.audit(proofs=proofs) == []
    books.execute("UPDATE prepaid_wallet SET balance = balance + 1 WHERE id = 2")
    assert {problem.invariant for problem in books.unjoined.audit(proofs=proofs, full=False)} == {"I1"}
    books.execute("UPDATE prepaid_wallet SET balance = balance - 1 WHERE id = 2")
    proofs.dispose()
