"""How long a million entries take to audit, and how much memory: ``./dev campaign audit [--entries N]``.

Half of the entries are one wallet's, the rest are spread over a thousand. A tenth of all
spends is reversed, and everything is drawn first.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from flask_prepaid import database
from flask_prepaid.audit import audit
from flask_prepaid.drawing import Drawing
from flask_prepaid.posting import lock, save
from flask_prepaid.testing import Databases

START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(engine: Engine, entries: int, wallets: int) -> None:
    """Write a history straight into the tables, and draw it."""
    sizes = [entries // 2, *[entries // 2 // wallets] * wallets]
    with engine.begin() as connection:
        for wallet_id, size in enumerate(sizes, 1):
            values = {
                "id": wallet_id,
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
            Drawing(session, wallet, keep=True)
            save(session, wallet)
            session.commit()


#: Of every eleven entries the first grants ten, nine spend one each, and the last gives one of them back.
MOVES = "CASE WHEN n.i % 11 = 0 THEN 10 WHEN n.i % 11 = 10 THEN 1 ELSE -1 END"

WALLET = """
INSERT INTO prepaid_wallet (id, owner, balance, held, debt, seq, drawn_seq, moved_at, created_at)
VALUES (:id, :owner, 2 * (:size / 11), 0, 0, 11 * (:size / 11), 0, :at, :at)
"""

ENTRIES = f"""
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 11 * (:size / 11))
INSERT INTO prepaid_entry (wallet_id, seq, kind, key, credits, debt, balance_after, at, names)
SELECT :id, n.i + 1, CASE WHEN n.i % 11 = 0 THEN 'grant' WHEN n.i % 11 = 10 THEN 'reversal' ELSE 'spend' END,
  'cause:' || n.i, {MOVES}, 0, sum({MOVES}) OVER (ORDER BY n.i), :at,
  CASE WHEN n.i % 11 = 10 THEN n.i - 4 END
FROM n
"""


def measure(kind: str, entries: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(Databases(Path(folder)).fresh(kind), poolclass=NullPool)
        database.prepare(engine)
        fill(engine, entries, wallets=1_000)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        problems = [str(problem) for problem in audit(engine)]
        took = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "database": kind,
        "entries": entries,
        "seconds": round(took, 1),
        "more_memory_mb": (after - before) // 1024,
        "problems": problems[:5],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    options = parser.parse_args()
    for kind in options.database or ["sqlite", "postgresql"]:
        print(json.dumps(measure(kind, options.entries)), flush=True)


if __name__ == "__main__":
    main()
