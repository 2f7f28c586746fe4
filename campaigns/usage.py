"""Usage of a million entries equals a recount, and is read soon: ``./dev campaign usage [--entries N]``.

One wallet spends for a month. Exit 1 if a sum differs from that of the entries, or if a month takes longer
than 0.3 s to read, at the best of three tries, once the sums are kept up.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from prepaid_ledger import Ledger
from prepaid_ledger.tables import Entry, Kind
from prepaid_ledger.testing import Databases

START = datetime(2026, 10, 1, tzinfo=UTC)
DAYS = 31
ZONE = "Europe/Berlin"

#: Seconds in which a month is read.
BAR_S = 0.3

WALLET = """
INSERT INTO prepaid_wallet (id, owner, balance, held, debt, seq, drawn_seq, moved_at, created_at)
VALUES (1, 'org:7', :size, 0, 0, :size + 1, 0, :end, :start)
"""

GRANT = """
INSERT INTO prepaid_entry (wallet_id, seq, kind, key, credits, debt, balance_after, at)
VALUES (1, 1, 'grant', 'gift', 2 * :size, 0, 2 * :size, :start)
"""

ENTRIES = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :size)
INSERT INTO prepaid_entry (wallet_id, seq, kind, key, credits, debt, balance_after, at, spender, item)
SELECT 1, i + 1, 'spend', 'call:' || i, -1, 0, 2 * :size - i, {at},
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
    values |= {"size": entries, "seconds": DAYS * 86_400 - 1}
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


def trial(engine: Engine, entries: int) -> dict[str, Any]:
    """What was wrong, and how long each reading took."""
    fill(engine, entries)
    end = START + timedelta(days=DAYS)
    ledger = Ledger(engine, clock=lambda: end)
    began = time.perf_counter()
    ledger.write_due()
    result: dict[str, Any] = {"sums_s": round(time.perf_counter() - began, 2), "wrong": []}
    for by, counted in recount(engine).items():
        tries = []
        for _ in range(3):
            began = time.perf_counter()
            usage = ledger.usage("org:7", START, end, by=by, zone=ZONE)
            tries.append(time.perf_counter() - began)
        took = result[f"{by}_s"] = round(min(tries), 3)
        read = {
            row.start.astimezone(UTC) if row.start else (row.spender or row.item): row.credits
            for row in usage
            if row.credits
        }
        if read != counted:
            result["wrong"].append(f"by {by} it is not what the entries sum up to")
        if took > BAR_S:
            result["wrong"].append(f"a month by {by} takes {took} s")
    result["wrong"] += [str(problem) for problem in ledger.audit() if problem.invariant == "I14"]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    options = parser.parse_args()
    wrong = 0
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder:
            engine = create_engine(Databases(Path(folder)).fresh(kind), poolclass=NullPool)
            result = trial(engine, options.entries)
        wrong += len(result["wrong"])
        print(
            json.dumps({"campaign": "usage", "database": kind, "entries": options.entries, **result}),
            flush=True,
        )
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
