"""What does it cost to book the wallets that moved: to draw their lots, and add them to the sums of reports?

Each of many wallets has a pack that was paid for, and four spends since it was booked last. ``tick`` books
them by ``catch_up``, which is what is measured: processor time of this process and of all of the database's,
for each wallet. Then the same for some wallets that are drawn one by one. The last line is one JSON object.

``--wallets`` is 20,000 by default. The must is 0.6 ms on PostgreSQL: a million in ten minutes of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from parts.databases import for_sqlalchemy, make, postgresql
from sqlalchemy import text

from flask_prepaid import Prepaid
from flask_prepaid.reports.sums import counting
from prepaid_ledger.slots import slot_of

NOW = datetime(2026, 1, 31, tzinfo=UTC)
SPENDS = 4

#: Of the wallets that are drawn one by one.
ALONE = 500

WALLETS = """
INSERT INTO prepaid_wallet (id, slot, owner, balance, held, debt, seq, drawn_seq, moved_at, created_at)
VALUES (:id, :slot, :owner, 1000, 0, 0, 1, 0, :at, :at)
"""
PACKS = """
INSERT INTO prepaid_entry
  (wallet_id, slot, seq, kind, key, credits, debt, balance_after, at, amount_minor, currency)
SELECT id, slot, 1, 'purchase', 'sale:' || id, 1000, 0, 1000, :at, 5000, 'usd' FROM prepaid_wallet
WHERE id BETWEEN {first} AND {last}
"""
MOVES = """
INSERT INTO prepaid_entry (wallet_id, slot, seq, kind, key, credits, debt, balance_after, at)
SELECT id, slot, seq + column1, 'spend', 'call:' || (seq + column1), -3, 0, balance - 3 * column1, :at
FROM prepaid_wallet, (VALUES {numbers}) n WHERE id BETWEEN {first} AND {last}
"""
MOVED = """
UPDATE prepaid_wallet SET seq = seq + {spends}, balance = balance - 3 * {spends}, moved_at = :at
WHERE id BETWEEN {first} AND {last}
"""


class Books:
    """Wallets in one database, and the processor time that their bookkeeping takes."""

    def __init__(self, prepaid: Prepaid) -> None:
        self.prepaid = prepaid
        self.server: int | None = None
        if prepaid.engine.dialect.name == "postgresql":
            with prepaid.engine.connect() as connection:
                pid = connection.scalar(text("SELECT pg_backend_pid()"))
            self.server = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])

    def cpu_s(self) -> float:
        """Of this process, of the server and of what it has started."""
        if self.server is None:
            return time.process_time()
        ticks = _ticks(self.server, ended_too=True)
        children = Path(f"/proc/{self.server}/task/{self.server}/children").read_text().split()
        ticks += sum(_ticks(int(child)) for child in children)
        return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")

    def written(self, at: datetime) -> object:
        """A time as the database keeps it."""
        return at if self.server else at.replace(tzinfo=None).isoformat(" ", "microseconds")

    def open(self, wallets: int, at: datetime) -> None:
        owners = [f"user:{number}" for number in range(1, wallets + 1)]
        rows = [
            {"id": id, "slot": slot_of(owner), "owner": owner, "at": self.written(at)}
            for id, owner in enumerate(owners, 1)
        ]
        with self.prepaid.engine.begin() as connection:
            connection.execute(text(WALLETS), rows)

    def run(self, statements: tuple[str, ...], first: int, last: int, at: datetime) -> None:
        numbers = ", ".join(f"({number})" for number in range(1, SPENDS + 1))
        places: dict[str, Any] = {"first": first, "last": last, "spends": SPENDS, "numbers": numbers}
        with self.prepaid.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement.format(**places)), {"at": self.written(at)})
        if self.server is not None:
            with self.prepaid.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))

    def timed(self, work: Callable[[], object]) -> tuple[float, float]:
        """Processor time in all, and of it this process's own."""
        begun, own = self.cpu_s(), time.process_time()
        work()
        return self.cpu_s() - begun, time.process_time() - own


def _ticks(pid: int, *, ended_too: bool = False) -> int:
    try:
        numbers = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15]
    except FileNotFoundError:
        return 0
    return sum(map(int, numbers if ended_too else numbers[:2]))


def measure(url: str, wallets: int) -> dict[str, float]:
    app = Flask("bench")
    app.config.update(TESTING=True, SECRET_KEY="bench", SQLALCHEMY_DATABASE_URI=url)
    prepaid = Prepaid(app, SQLAlchemy(app), owner=lambda: None, clock=lambda: NOW)
    with app.app_context():
        prepaid.upgrade()
        books = Books(prepaid)
        print(f"loading {prepaid.engine.dialect.name}", file=sys.stderr, flush=True)
        books.open(wallets, NOW - timedelta(days=30))
        books.run((PACKS,), 1, wallets, NOW - timedelta(days=30))
        counting.catch_up(prepaid)
        books.run((MOVES, MOVED), 1, wallets, NOW - timedelta(days=1))
        cpu_s, own_s = books.timed(lambda: counting.catch_up(prepaid))
        books.run((MOVES, MOVED), 1, ALONE, NOW - timedelta(hours=2))

        def one_by_one() -> None:
            for number in range(1, ALONE + 1):
                prepaid.bring_up_to_date(f"user:{number}")

        alone_s, _ = books.timed(one_by_one)
        counting.catch_up(prepaid)
        problems = prepaid.audit()
        assert problems == [], problems[:5]
        prepaid.session.close()
        prepaid.engine.dispose()
    return {
        "cpu_ms": round(1_000 * cpu_s / wallets, 3),
        "of_it_client_ms": round(1_000 * own_s / wallets, 3),
        "drawn_alone_cpu_ms": round(1_000 * alone_s / ALONE, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench bookkeeping", description=__doc__)
    parser.add_argument("--wallets", type=int, default=20_000)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    results: dict[str, Any] = {}
    if options.only != "postgresql":
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            results["sqlite"] = measure(f"sqlite:///{Path(folder) / 'bench.sqlite3'}", options.wallets)
    if options.only != "sqlite":
        with postgresql() as server:
            results["postgresql"] = measure(for_sqlalchemy(make(server, "bookkeeping")), options.wallets)
    print(json.dumps({"bench": "bookkeeping", "wallets": options.wallets, **results}))


if __name__ == "__main__":
    main()
