"""An app that has a ledger and nothing else, with a clock that tests move."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, text

from flask_prepaid import Prepaid
from prepaid_ledger.books import entries
from prepaid_ledger.errors import PrepaidError
from prepaid_ledger.tables import Entry, Kind

OWNER = "user:1"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)

Result = TypeVar("Result")


class Books:
    """The ledger of one app. What the verbs write in the session, ``books`` commits."""

    def __init__(self, database: URL, **settings: Any) -> None:
        self.time = NEW_YEAR
        self.app = Flask("books")
        self.app.config.update(
            TESTING=True,
            SECRET_KEY="of the tests",
            SQLALCHEMY_DATABASE_URI=database,
            SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 45} if database.drivername != "sqlite" else {},
            **settings,
        )
        self.db = SQLAlchemy(self.app)
        self.prepaid = Prepaid(
            self.app, self.db, clock=lambda: self.time, owner=lambda: request.headers.get("X-Owner")
        )
        self.context = self.app.app_context()
        self.context.push()

    def close(self) -> None:
        self.db.session.remove()
        self.db.engine.dispose()
        self.context.pop()

    def wait(self, **duration: float) -> None:
        self.time += timedelta(**duration)

    def later(self, **duration: float) -> datetime:
        return self.time + timedelta(**duration)

    def commit(self) -> None:
        self.db.session.commit()

    def committed(self, write: Callable[[], Entry]) -> Entry:
        """What a request does: commit, or roll back and say why."""
        try:
            entry = write()
        except BaseException:
            self.db.session.rollback()
            raise
        self.db.session.commit()
        return entry

    def grant(self, credits: int, key: str = "gift", *, owner: str = OWNER, **terms: Any) -> Entry:
        return self.committed(lambda: self.prepaid.grant(owner, credits, key=key, reason="a gift", **terms))

    def buy(
        self, credits: int, amount_minor: int, key: str = "sale:1", *, owner: str = OWNER, **terms: Any
    ) -> Entry:
        return self.committed(
            lambda: entries.post_purchase(
                self.prepaid.session,
                owner,
                credits,
                key=key,
                amount_minor=amount_minor,
                currency="usd",
                clock=self.prepaid.clock,
                **terms,
            )
        )

    def spend(self, credits: int, key: str, *, owner: str = OWNER) -> Entry:
        return self.committed(lambda: self.prepaid.spend(owner, credits=credits, key=key))

    def adjust(self, credits: int, key: str = "mistake:1") -> Entry:
        return self.committed(lambda: self.prepaid.adjust(OWNER, credits, key=key, reason="counted again"))

    def reverse(self, spend_key: str, key: str, credits: int | None = None) -> Entry:
        return self.committed(
            lambda: self.prepaid.reverse(OWNER, spend_key=spend_key, key=key, credits=credits)
        )

    def claw_back(self, key: str = "refund:1", lot_key: str = "sale:1", **what: Any) -> Entry:
        return self.committed(
            lambda: entries.claw_back(
                self.prepaid.session, OWNER, lot_key=lot_key, key=key, clock=self.prepaid.clock, **what
            )
        )

    def refund(self, refunded_minor: int, key: str = "refund:1", lot_key: str = "sale:1") -> Entry:
        return self.claw_back(key, lot_key, refunded_minor=refunded_minor)

    def refund_failed(self, claw_key: str = "refund:1", key: str = "refund-failed:1") -> Entry:
        return self.committed(
            lambda: entries.restore(
                self.prepaid.session, OWNER, claw_key=claw_key, key=key, clock=self.prepaid.clock
            )
        )

    def moves(self, owner: str = OWNER) -> list[tuple[Kind, int]]:
        """Every entry, oldest first: why, and how many credits."""
        return [(entry.kind, entry.credits) for entry in reversed(self.prepaid.entries(owner, limit=200))]

    def left(self, owner: str = OWNER) -> dict[str, int]:
        """What is left of each lot, in the order in which it will be drawn."""
        return {lot.key: lot.left for lot in self.prepaid.lots(owner)}

    def execute(self, sql: str, **values: Any) -> None:
        """What someone could do at the database's own prompt."""
        with self.db.engine.begin() as connection:
            connection.execute(text(sql), values)

    def all_at_once(self, calls: Iterable[Callable[[], Result]]) -> list[Result | PrepaidError]:
        """Call each in a thread of its own, all from one starting signal; what each came to."""
        calls = list(calls)
        start = threading.Barrier(len(calls))
        results: list[Result | PrepaidError | None] = [None] * len(calls)

        def run(number: int, call: Callable[[], Result]) -> None:
            with self.app.app_context():
                start.wait()
                try:
                    results[number] = call()
                except PrepaidError as error:
                    results[number] = error

        threads = [threading.Thread(target=run, args=numbered) for numbered in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert None not in results, "a thread died of something else than a refusal"
        return results  # type: ignore[return-value]
