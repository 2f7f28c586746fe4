"""Usage of a million entries equals a recount, and is read soon: ``./dev campaign usage [--entries N]``.

One wallet spends for a month. Exit 1 if a sum differs from that of the entries, or if a month takes longer
than 0.3 s to read, at the best of three tries, once the sums are kept up. What counts is processor time, ours
and that of the database's own process, which a busy machine changes little; that by the wall is told, too.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from prepaid_ledger import Ledger, Usage
from prepaid_ledger.slots import slot_of
from prepaid_ledger.tables import Entry, Kind
from prepaid_ledger.testing import Databases

START = datetime(2026, 10, 1, tzinfo=UTC)
DAYS = 31
ZONE = "Europe/Berlin"

#: Seconds of processor time in which a month is read.
BAR_S = 0.3

WALLET = """
INSERT INTO prepaid_wallet (id, slot, owner, balance, held, debt, seq, drawn_seq, moved_at, created_at)
VALUES (1, :slot, 'org:7', :size, 0, 0, :size + 1, 0, :end, :start)
"""

GRANT = """
INSERT INTO prepaid_entry (wallet_id, slot, seq, kind, key, credits, debt, balance_after, at)
VALUES (1, :slot, 1, 'grant', 'gift', 2 * :size, 0, 2 * :size, :start)
"""

ENTRIES = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :size)
INSERT INTO prepaid_entry (wallet_id, slot, seq, kind, key, credits, debt, balance_after, at, spender, item)
SELECT 1, CAST(:slot AS smallint), i + 1, 'spend', 'call:' || i, -1, 0, 2 * :size - i, {at},
       CASE WHEN i % 7 = 0 THEN NULL ELSE 'key:' || (i % 20) END,
       CASE WHEN i % 11 = 0 THEN NULL ELSE 'item:' || (i % 5) END
FROM n
"""

#: When the i-th entry was written, by database.
AT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', :start, '+' || (CAST(:seconds AS REAL) * i / :size)"
    " || ' seconds') || '000'",
    "postgresql": "CAST(:start AS timestamptz) + CAST(:seconds AS float) * i / :size * interval '1 second'",
}


def fill(engine: Engine, entries: int) -> None:
    """Write a month of spends straight into the tables."""
    is_sqlite = engine.dialect.name == "sqlite"
    times = {"start": START, "end": START + timedelta(days=DAYS)}
    shown = "%Y-%m-%d %H:%M:%S.%f" if is_sqlite else "%Y-%m-%d %H:%M:%S+00"
    values: dict[str, Any] = {name: at.strftime(shown) for name, at in times.items()}
    values |= {"size": entries, "slot": slot_of("org:7"), "seconds": DAYS * 86_400 - 1}
    with engine.begin() as connection:
        for statement in (WALLET, GRANT, ENTRIES.format(at=AT[engine.dialect.name])):
            connection.execute(text(statement), values)


def recount(engine: Engine) -> dict[str, Counter[object]]:
    """The credits of each day, hour, spender and item, entry by entry."""
    totals: dict[str, Counter[object]] = {by: Counter() for by in ("day", "hour", "spender", "item")}
    columns = select(Entry.at, Entry.spender, Entry.item, -Entry.credits)
    with Session(engine) as session:
        for at, spender, item, credits in session.execute(
            columns.where(Entry.kind == Kind.SPEND).execution_options(yield_per=10_000)
        ):
            hour = at.astimezone(ZoneInfo(ZONE)).replace(minute=0, second=0, microsecond=0)
            totals["hour"][hour.astimezone(UTC)] += credits
            totals["day"][hour.replace(hour=0, fold=0).astimezone(UTC)] += credits
            totals["spender"][spender] += credits
            totals["item"][item] += credits
    return totals


def processor_s(server: int | None) -> float:
    """The processor time of this process and of the server's, in seconds."""
    if server is None:
        return time.process_time()
    user, system = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[11:13]
    return time.process_time() + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def quickest(engine: Engine, read: Callable[[], list[Usage]]) -> tuple[list[Usage], float, float]:
    """What is read; and how long it takes at best, in seconds of processor time and by the wall."""
    server = None
    if engine.dialect.name == "postgresql":  # its one connection is kept: it is the same process each time
        with engine.connect() as connection:
            connection.exec_driver_sql("SET max_parallel_workers_per_gather = 0")  # that process does it all
            server = connection.scalar(text("SELECT pg_backend_pid()"))
            connection.commit()
    processor, wall = [], []
    for _ in range(3):
        began, began_s = processor_s(server), time.perf_counter()
        usage = read()
        processor.append(processor_s(server) - began)
        wall.append(time.perf_counter() - began_s)
    return usage, min(processor), min(wall)


def trial(engine: Engine, entries: int) -> dict[str, Any]:
    """What was wrong, and how long each reading took."""
    fill(engine, entries)
    end = START + timedelta(days=DAYS)
    ledger = Ledger(engine, clock=lambda: end)
    began = time.perf_counter()
    ledger.write_due()
    result: dict[str, Any] = {"sums_s": round(time.perf_counter() - began, 2), "wrong": []}
    for by, counted in recount(engine).items():
        month = partial(ledger.usage, "org:7", START, end, by=by, zone=ZONE)
        usage, took, wall = quickest(engine, month)
        result |= {f"{by}_s": round(took, 3), f"{by}_wall_s": round(wall, 3)}
        read = {
            row.start.astimezone(UTC) if row.start else (row.spender or row.item): row.credits
            for row in usage
            if row.credits
        }
        if read != counted:
            result["wrong"].append(f"by {by} it is not what the entries sum up to")
        if took > BAR_S:
            result["wrong"].append(f"a month by {by} takes {took:.3f} s of processor time")
    result["wrong"] += [str(problem) for problem in ledger.audit() if problem.invariant == "I14"]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    options = parser.parse_args()
    wrong = 0
    for kind in (options.only,) if options.only else ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder:
            engine = create_engine(Databases(Path(folder)).fresh(kind), pool_size=1, max_overflow=0)
            result = trial(engine, options.entries)
            engine.dispose()
        wrong += len(result["wrong"])
        print(
            json.dumps({"campaign": "usage", "database": kind, "entries": options.entries, **result}),
            flush=True,
        )
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
