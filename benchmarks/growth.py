"""Does the rate of spends hold as wallets and entries grow?

The same load on two shops in turns, on PostgreSQL: one has few wallets and few entries, the
other many of both by a bulk load. Spends take any of the wallets. Both are warm: right after a
start, a load or a checkpoint PostgreSQL writes each page whole once, and there are many. The
last line is one JSON object: the rate of the large shop over that of the small one.

``--full`` is 1,000,000 wallets and 10,000,000 entries; by default a tenth of it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import psycopg
from parts import ledger
from parts.databases import make, postgresql
from parts.many_wallets import write_wallets
from parts.rando import Shop

SMALL = 1_000

#: As `docs/how-to/postgresql.md` advises for a large shop: PostgreSQL's own are for small machines.
SETTINGS = {"shared_buffers": "2GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min"}

USERS = """
INSERT INTO users (id, email, active, fs_uniquifier, created_at)
SELECT n, n || '@bench.test', true, lpad(n::text, 32, '0'), now() FROM generate_series({first}, {last}) n
"""


def grow(url: str, *, wallets: int, entries_each: int) -> None:
    """Load wallets beside the small ones, and let PostgreSQL take note of them."""
    numbers = range(SMALL + 1, wallets + 1)
    with psycopg.connect(url) as connection:
        connection.execute(USERS.format(first=numbers[0], last=numbers[-1]).encode())
        write_wallets(connection, "user", numbers, entries_each=entries_each)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench growth", description=__doc__)
    parser.add_argument("--full", action="store_true", help="1,000,000 wallets and 10,000,000 entries")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each round")
    parser.add_argument("--warm", type=int, default=60, help="seconds before the first round, for each shop")
    parser.add_argument("--own-settings", action="store_true", help="PostgreSQL's own, for small machines")
    options = parser.parse_args()
    wallets = 1_000_000 if options.full else 100_000
    settings = {} if options.own_settings else SETTINGS
    rates: dict[int, list[float]] = {SMALL: [], wallets: []}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, postgresql(**settings) as server:
        shops = {size: Shop.open(Path(folder), make(server, f"of_{size}"), SMALL) for size in rates}
        print("loading", file=sys.stderr)
        grow(shops[wallets].environment["DATABASE_URL"], wallets=wallets, entries_each=10)
        for size, shop in shops.items():
            ledger.spends(shop.environment, range(1, size + 1), callers=16, seconds=options.warm)
        for turn in range(options.rounds):
            print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
            for size, shop in shops.items():
                everyone = range(1, size + 1)
                rate = ledger.spends(shop.environment, everyone, callers=16, seconds=options.seconds)
                rates[size].append(rate)
        for size, measured in rates.items():
            print(
                f"{size:,} wallets: {', '.join(f'{rate:,.0f}' for rate in measured)} spends a second",
                flush=True,
            )
        for shop in shops.values():
            problems = shop.problems()
            assert problems == [], problems[:5]
    small, large = (statistics.median(measured) for measured in rates.values())
    print(json.dumps({"bench": "growth", "wallets": wallets, "large_over_small": round(large / small, 3)}))


if __name__ == "__main__":
    main()
