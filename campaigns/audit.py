"""How long a million entries take to audit, and how much memory: ``./dev campaign audit [--entries N]``.

Half of the entries are one wallet's, the rest are spread over a thousand. A spend in
a hundred is reversed, and everything is drawn first. Then the same by several processes, with proofs that are
kept, and once more after twenty spends in five wallets, from those proofs on.

Run to its end on 2 cores, Python 3.11: a million entries took 21.5 s and 6 MB on SQLite,
18.1 s and 10 MB on PostgreSQL, by the wall and with nothing else at work.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from prepaid_ledger import Ledger, Problem
from prepaid_ledger.books.lots.lot_store import LotStore
from prepaid_ledger.books.wallets.wallet_state import lock, save
from prepaid_ledger.slots import slot_of
from prepaid_ledger.testing import Databases

START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(engine: Engine, entries: int, wallets: int) -> None:
    """Write a history straight into the tables, and draw it."""
    sizes = [entries // 2, *[entries // 2 // wallets] * wallets]
    with engine.begin() as connection:
        for wallet_id, size in enumerate(sizes, 1):
            values = {
                "id": wallet_id,
                "slot": slot_of(f"user:{wallet_id}"),
                "owner": f"user:{wallet_id}",
                "size": size,
                "at": "2026-01-01 00:00:00",
            }
            connection.execute(text(WALLET), values)
            connection.execute(text(ENTRIES), values)
    with Session(engine) as session:
        for wallet_id in range(1, len(sizes) + 1):
            wallet = lock(session, f"user:{wallet_id}", lambda: START)
            assert wallet is not None
            LotStore(session, wallet, keep=True)
            save(session, wallet)
            session.commit()


#: Of every 101 entries the first grants a hundred, 99 spend one each, and the last gives one of them back.
MOVES = "CASE WHEN n.i % 101 = 0 THEN 100 WHEN n.i % 101 = 100 THEN 1 ELSE -1 END"

WALLET = """
INSERT INTO prepaid_wallet (id, slot, owner, balance, held, debt, seq, drawn_seq, moved_at, created_at)
VALUES (:id, :slot, :owner, 2 * (:size / 101), 0, 0, 101 * (:size / 101), 0, :at, :at)
"""

ENTRIES = f"""
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 101 * (:size / 101))
INSERT INTO prepaid_entry (wallet_id, slot, seq, kind, key, credits, debt, balance_after, at, refers_to_seq)
SELECT :id, CAST(:slot AS smallint), n.i + 1,
  CASE WHEN n.i % 101 = 0 THEN 'grant' WHEN n.i % 101 = 100 THEN 'reversal' ELSE 'spend' END,
  'cause:' || n.i, {MOVES}, 0, sum({MOVES}) OVER (ORDER BY n.i), :at,
  CASE WHEN n.i % 101 = 100 THEN n.i - 4 END
FROM n
"""


def timed(work: Callable[[], list[Problem]]) -> tuple[float, float, list[Problem]]:
    """By the wall, and of this process's own time."""
    start, busy = time.perf_counter(), time.process_time()
    problems = work()
    return round(time.perf_counter() - start, 1), round(time.process_time() - busy, 1), problems


def measure(kind: str, entries: int, jobs: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(Databases(Path(folder)).fresh(kind), poolclass=NullPool)
        ledger = Ledger(engine)
        fill(engine, entries, wallets=max(1, min(1_000, entries // 1_000)))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        took, cpu, problems = timed(ledger.audit)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with_jobs, _, more = timed(lambda: ledger.audit(jobs=jobs))
        proofs = create_engine(f"sqlite:///{Path(folder) / 'proofs'}", poolclass=NullPool)
        proved, _, others = timed(lambda: ledger.audit(proofs=proofs, full=False))
        for number in range(20):  # a day later
            ledger.spend_now(f"user:{2 + number % 5}", credits=1, key=f"later:{number}")
        day, day_cpu, its = timed(lambda: ledger.audit(proofs=proofs, full=False))
    return {
        "database": kind,
        "entries": entries,
        "seconds": took,
        "cpu_seconds": cpu,
        "more_memory_mb": (after - before) // 1024,
        f"seconds_of_{jobs}_jobs": with_jobs,
        "seconds_with_proofs": proved,
        "seconds_of_a_day": day,
        "cpu_seconds_of_a_day": day_cpu,
        "problems": [str(problem) for problem in [*problems, *more, *others, *its]][:5],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    options = parser.parse_args()
    for kind in options.database or ["sqlite", "postgresql"]:
        print(json.dumps(measure(kind, options.entries, options.jobs)), flush=True)


if __name__ == "__main__":
    main()
