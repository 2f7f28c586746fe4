"""How many bytes does a spend cost: of disk by table and index, and of WAL?

The ledger as the fast path uses it, with a number each, on PostgreSQL; now and then the wallets are booked,
as ``tick`` does. What is counted is by how much files grow between two moments in which all is booked. WAL is
counted warm: without the whole pages that PostgreSQL writes after a checkpoint. The last line is one JSON
object. The musts are 450 bytes of disk, and 700 of WAL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import psycopg
from parts.databases import make, postgresql
from parts.rando import Shop

from flask_prepaid import Caller
from flask_prepaid.fast_path.sale import new_id
from flask_prepaid.reports.sums import counting
from rando_number.extensions import db, prepaid
from rando_number.numbers import NUMBER, Ask

#: No checkpoint comes in between.
SETTINGS = {"max_wal_size": "8GB", "checkpoint_timeout": "1h", "autovacuum": "off"}

CALLERS = 16

SIZES = """
SELECT CASE WHEN i.indexrelid IS NULL THEN c.relname ELSE 'index ' || c.relname END, pg_relation_size(c.oid)
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relkind IN ('r', 'i') AND c.relnamespace = 'public'::regnamespace
"""

#: Records and their headers, and not the pages that are written whole.
WAL = """
SELECT coalesce(sum(record_size), 0) FROM pg_get_wal_stats(%s, least(%s, pg_current_wal_flush_lsn()), true)
"""


class Books:
    """A shop's database, and what has been written to it."""

    def __init__(self, url: str, customers: int) -> None:
        self.customers = customers
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute("CREATE EXTENSION pg_walinspect")
        self.wal: Counter[str] = Counter()

    def sizes(self) -> dict[str, int]:
        return dict(self.connection.execute(SIZES).fetchall())

    def lsn(self) -> str:
        (lsn,) = self.connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone() or ("",)
        return str(lsn)

    def spend_and_book(self, each: int) -> None:
        """So many spends of each customer, and then what ``tick`` does with the wallets that moved."""
        begun = self.lsn()
        asyncio.run(spends(self.customers, each))
        spent = self.lsn()
        counting.catch_up(prepaid)
        booked = self.lsn()
        for name, places in {"spends": (begun, spent), "bookkeeping": (spent, booked)}.items():
            (size,) = self.connection.execute(WAL, places).fetchone() or (0,)
            self.wal[name] += int(size)


async def spends(customers: int, each: int) -> None:
    """Spends as the API makes them, with a key; of any customer after the other."""
    ledger = prepaid.async_ledger()
    payers = iter(list(range(1, customers + 1)) * each)

    async def spend_again_and_again() -> None:
        for payer in payers:
            caller = Caller(f"user:{payer}", key_id=payer)
            _, terms = NUMBER.begin(caller, Ask(), new_id(), prepaid.clock())
            await ledger.spend_now(caller.owner, **terms)

    await asyncio.gather(*(spend_again_and_again() for _ in range(CALLERS)))
    await asyncio.to_thread(db.engine.dispose)  # the loop's connection


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench size", description=__doc__)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--each", type=int, default=10, help="spends of each between two bookings")
    parser.add_argument("--bookings", type=int, default=6, help="that are counted, after as many to warm up")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, postgresql(**SETTINGS) as server:
        url = make(server, "rando")
        shop = Shop.open(Path(folder), url, options.customers)
        with shop.app.app_context():
            books = Books(url, options.customers)
            for _ in range(options.bookings):
                books.spend_and_book(options.each)
            before = books.sizes()
            books.wal.clear()
            for _ in range(options.bookings):
                books.spend_and_book(options.each)
            after = books.sizes()
        problems = shop.problems()
        assert problems == [], problems[:5]
    count = options.customers * options.each * options.bookings
    disk = {name: round((size - before[name]) / count, 1) for name, size in sorted(after.items())}
    for name, size in disk.items():
        if size:
            print(f"{size:8} {name}", file=sys.stderr)
    wal = {name: round(size / count, 1) for name, size in books.wal.items()}
    result = {"bench": "size", "spends": count, "disk": round(sum(disk.values()), 1), "wal": wal}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
