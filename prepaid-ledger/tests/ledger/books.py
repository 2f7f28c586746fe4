"""A ledger with a clock that tests move."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import URL, create_engine, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from prepaid_ledger import Busy, Entry, Kind, Ledger, PrepaidError
from prepaid_ledger.aio import AsyncLedger
from prepaid_ledger.books import holds
from prepaid_ledger.books.extensions import Progress
from prepaid_ledger.database.transactions import commit_alone

OWNER = "user:1"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)

Result = TypeVar("Result")


class Books:
    """One ledger, and a session for each thread. What the joined verbs write, ``commit`` commits."""

    def __init__(self, database: URL, **settings: Any) -> None:
        self.time = NEW_YEAR
        pool = {"pool_size": 45} if database.drivername != "sqlite" else {}
        self.engine = create_engine(database, **pool)
        self.unjoined = Ledger(self.engine, clock=lambda: self.time, **settings)
        self._sessions = scoped_session(sessionmaker(self.engine))

    @property
    def session(self) -> Session:
        return self._sessions()

    @property
    def ledger(self) -> Ledger:
        """The ledger on this thread's session."""
        return self.unjoined.on(self.session)

    def awaited(self) -> AsyncLedger:
        return AsyncLedger(self.unjoined)

    def close(self) -> None:
        """Whatever was done to it, it adds up at the end."""
        self.session.rollback()
        assert self.unjoined.audit() == []
        self.discard()

    def discard(self) -> None:
        self._sessions.remove()
        self.engine.dispose()

    def wait(self, **duration: float) -> None:
        self.time += timedelta(**duration)

    def later(self, **duration: float) -> datetime:
        return self.time + timedelta(**duration)

    def commit(self) -> None:
        self.session.commit()

    def committed(self, write: Callable[[], Entry]) -> Entry:
        """What a request does: commit, or roll back and say why."""
        try:
            entry = write()
        except BaseException:
            self.session.rollback()
            raise
        self.session.commit()
        return entry

    def grant(self, credits: int, key: str = "gift", *, owner: str = OWNER, **terms: Any) -> Entry:
        return self.committed(lambda: self.ledger.grant(owner, credits, key=key, reason="a gift", **terms))

    def buy(
        self, credits: int, amount_minor: int, key: str = "sale:1", *, owner: str = OWNER, **terms: Any
    ) -> Entry:
        terms |= {"amount_minor": amount_minor, "currency": "usd"}
        return self.committed(lambda: self.ledger.purchase(owner, credits, key=key, **terms))

    def spend(self, credits: int, key: str, *, owner: str = OWNER, **use: Any) -> Entry:
        return self.committed(lambda: self.ledger.spend(owner, credits=credits, key=key, **use))

    def adjust(self, credits: int, key: str = "mistake:1") -> Entry:
        return self.committed(lambda: self.ledger.adjust(OWNER, credits, key=key, reason="counted again"))

    def reverse(self, spend_key: str, key: str, credits: int | None = None) -> Entry:
        return self.committed(
            lambda: self.ledger.reverse(OWNER, spend_key=spend_key, key=key, credits=credits)
        )

    def claw_back(self, key: str = "refund:1", lot_key: str = "sale:1", **what: Any) -> Entry:
        return self.committed(lambda: self.ledger.claw_back(OWNER, lot_key=lot_key, key=key, **what))

    def refund(self, refunded_minor: int, key: str = "refund:1", lot_key: str = "sale:1") -> Entry:
        return self.claw_back(key, lot_key, refunded_minor=refunded_minor)

    def refund_failed(self, claw_key: str = "refund:1", key: str = "refund-failed:1", **what: Any) -> Entry:
        return self.committed(lambda: self.ledger.restore(OWNER, claw_key=claw_key, key=key, **what))

    def extend(self, key: str, credits: int, until: datetime | None, counted: int | None) -> None:
        """Let a hold grow, and write down what its meter has counted, if it has one."""
        setup = self.unjoined.setup
        progress = None if counted is None else Progress(counted)
        terms: dict[str, Any] = {"clock": setup.clock, "debt_blocks": setup.debt_blocks}
        terms |= {"key": key, "credits": credits, "until": until, "progress": progress}
        commit_alone(self.engine, lambda session: holds.extend(session, OWNER, **terms))

    def moves(self, owner: str = OWNER) -> list[tuple[Kind, int]]:
        """Every entry, oldest first: why, and how many credits."""
        return [(entry.kind, entry.credits) for entry in reversed(self.ledger.entries(owner, limit=200))]

    def left(self, owner: str = OWNER) -> dict[str, int]:
        """What is left of each lot, in the order in which it will be drawn."""
        return {lot.key: lot.left for lot in self.ledger.lots(owner)}

    def execute(self, sql: str, **values: Any) -> None:
        """What someone could do at the database's own prompt."""
        with self.engine.begin() as connection:
            connection.execute(text(sql), values)

    def all_at_once(
        self, calls: Iterable[Callable[[], Result]], *, until_served: bool = True
    ) -> list[Result | PrepaidError]:
        """Call each in a thread of its own, all from one starting signal; what each came to.

        :param until_served: Whether who is told ``Busy`` calls again, as on a machine with much else to do.
        """
        calls = list(calls)
        start = threading.Barrier(len(calls))
        results: list[Result | PrepaidError | None] = [None] * len(calls)

        def outcome_of(call: Callable[[], Result]) -> Result | PrepaidError:
            try:
                return call()
            except PrepaidError as error:
                return error
            finally:
                self._sessions.remove()

        def run(number: int, call: Callable[[], Result]) -> None:
            start.wait()
            results[number] = outcome_of(call)
            while until_served and isinstance(results[number], Busy):
                results[number] = outcome_of(call)

        threads = [threading.Thread(target=run, args=numbered) for numbered in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert None not in results, "a thread died of something else than a refusal"
        return results  # type: ignore[return-value]
