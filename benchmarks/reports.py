"""How long does each report take on a million movements, and on a million entries?

On SQLite and PostgreSQL: movements and entries are loaded in bulk, the sums by day are made by the same
code that ``sync`` and ``tick`` use, then each report is asked for several times. The last line is one
JSON object: milliseconds, and the ratio to a bare ``SELECT count(*)`` over the same rows.

``--rows`` is 1,000,000 by default.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from parts.databases import for_sqlalchemy, make, postgresql
from sqlalchemy import insert, text

from flask_prepaid import Prepaid
from flask_prepaid.models import Entry, Kind, Wallet
from flask_prepaid.reports import credits, days, sales
from flask_prepaid.reports.copying import Sums
from flask_prepaid.reports.models import Movement

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 540
CHUNK = 20_000
OWNERS = 1_000


def shop(url: str) -> tuple[Flask, Prepaid]:
    app = Flask("bench")
    app.config.update(TESTING=True, SECRET_KEY="bench", SQLALCHEMY_DATABASE_URI=url)
    prepaid = Prepaid(app, SQLAlchemy(app), owner=lambda: None)
    with app.app_context():
        prepaid.upgrade()
    return app, prepaid


def moved(n: int) -> dict[str, Any]:
    """Ten charges, then a refund; two currencies, five products, four countries."""
    at = BEGIN + timedelta(seconds=n * DAYS * 86_400 // 1_000_000)
    refund = n % 11 == 10
    return {
        "id": f"txn_{n}",
        "category": "refund" if refund else "charge",
        "currency": "usd" if n % 5 else "eur",
        "amount_minor": -500 if refund else 1_000,
        "fee_minor": 0 if refund else 59,
        "product": f"pack-{n % 5}",
        "country": ("US", "DE", "GB", "BR")[n % 4],
        "created_at": at,
        "day": at.date(),
    }


def load_movements(prepaid: Prepaid, rows: int) -> None:
    session = prepaid.session
    for first in range(0, rows, CHUNK):
        values = [moved(n) for n in range(first, min(first + CHUNK, rows))]
        session.execute(insert(Movement), values)
        sums = Sums()
        for one in values:
            sums.add(Movement(**one))
        sums.write(session)
        session.commit()


def load_entries(prepaid: Prepaid, rows: int) -> None:
    session, each = prepaid.session, rows // OWNERS
    for wallet in range(1, OWNERS + 1):
        lines = [entry(wallet, seq, each) for seq in range(1, each + 1)]
        balance = lines[-1]["balance_after"]
        session.execute(
            insert(Wallet).values(
                id=wallet, owner=f"user:{wallet}", balance=balance, seq=each, moved_at=BEGIN, created_at=BEGIN
            )
        )
        session.execute(insert(Entry), lines)
    session.commit()


def entry(wallet: int, seq: int, each: int) -> dict[str, Any]:
    return {
        "wallet_id": wallet,
        "seq": seq,
        "kind": Kind.GRANT if seq == 1 else Kind.SPEND,
        "key": f"bench:{seq}",
        "credits": each if seq == 1 else -1,
        "debt": 0,
        "balance_after": each + 1 - seq,
        "at": BEGIN + timedelta(seconds=seq * DAYS * 86_400 // each),
    }


def milliseconds(work: Callable[[], object], rounds: int = 7) -> float:
    """The median of some rounds; the first, which warms up, does not count."""
    taken = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return round(1_000 * statistics.median(taken[1:]), 2)


def measure(url: str, rows: int) -> dict[str, float]:
    app, prepaid = shop(url)
    with app.app_context():
        load_movements(prepaid, rows)
        load_entries(prepaid, rows)
        begun = time.perf_counter()
        while credits.count(prepaid):
            pass
        counting_s = time.perf_counter() - begun
        session = prepaid.session
        month = days.Span(date(2026, 1, 1), date(2026, 1, 31))
        ever = days.Span(BEGIN.date(), (BEGIN + timedelta(days=DAYS)).date())
        session.execute(text("SELECT 1"))
        taken = {
            "count": milliseconds(lambda: session.scalar(text("SELECT count(*) FROM prepaid_movement"))),
            "sales_by_day": milliseconds(lambda: sales.sales(session)),
            "sales_by_country": milliseconds(lambda: sales.sales_by(session, "country", span=ever)),
            "sales_by_customer_month": milliseconds(lambda: sales.sales_by(session, "customer", span=month)),
            "credits_by_day": milliseconds(lambda: credits.credits(session)),
            "owed": milliseconds(lambda: credits.owed(session)),
        }
        prepaid.engine.dispose()
    return {**taken, "entries_counted_per_s": round(rows / counting_s)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        found["sqlite"] = measure(f"sqlite:///{Path(folder) / 'bench.sqlite3'}", rows)
    with postgresql() as server:
        found["postgresql"] = measure(for_sqlalchemy(make(server, "reports")), rows)
    for kind, taken in found.items():
        print(kind, *(f"{name}={value}" for name, value in taken.items()))
    print(json.dumps({"bench": "reports", "rows": rows, **found}))


if __name__ == "__main__":
    main()
