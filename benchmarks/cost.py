"""What a call costs in processor time: the shop's processes, and the database's, by callers.

The real app as it is deployed, on PostgreSQL and on SQLite. A busy machine changes processor time less than
rates: two runs in turns can be compared there. WAL is what PostgreSQL has written to be durable.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from parts.databases import make, postgresql
from parts.load import Call, drive, granian, need_wrk, shop_server
from parts.processor import cpu_s
from parts.rando import Shop
from spend import NUMBER


@dataclass
class Side:
    """One way to serve the shop, and what a call of it has cost, round by round."""

    name: str
    url: str
    pid: int
    keys: list[dict[str, str]]
    database: str | None = None
    server_pid: int | None = None
    costs: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def measure(self, clients: int, seconds: float) -> None:
        before = self._spent()
        load = drive(Call(self.url + NUMBER, self.keys), clients=clients, seconds=seconds)
        assert load.refused == load.broken == 0, load
        for name, (then, now) in _pairs(before, self._spent()).items():
            self.costs[f"{name}, {clients} callers"].append((now - then) / load.requests)
        self.costs[f"rate, {clients} callers"].append(load.rate)

    def _spent(self) -> dict[str, float]:
        spent = {"ours us": cpu_s(self.pid) * 1e6}
        if self.server_pid is not None and self.database is not None:
            spent["database us"] = cpu_s(self.server_pid) * 1e6
            with psycopg.connect(self.database) as connection:
                wal = connection.execute("SELECT wal_bytes FROM pg_stat_wal").fetchone()
                commits = connection.execute("SELECT sum(xact_commit) FROM pg_stat_database").fetchone()
            assert wal is not None and commits is not None, "each of them is one row"  # noqa: PT018
            spent |= {"WAL bytes": float(wal[0]), "commits": float(commits[0])}
        return spent


def _pairs(before: dict[str, float], after: dict[str, float]) -> dict[str, tuple[float, float]]:
    return {name: (before[name], after[name]) for name in before}


@contextmanager
def sides(options: argparse.Namespace, folder: Path) -> Iterator[list[Side]]:
    """The fast path on either database, one wallet alone, and Flask without the fast path."""
    with ExitStack() as stack:
        cluster = stack.enter_context(postgresql())
        url = make(cluster, "rando")
        pid = int((Path(cluster.pgdata) / "postmaster.pid").read_text().split()[0])
        on_pg = Shop.open(folder / "postgresql", url, options.customers)
        on_file = Shop.open(folder / "sqlite", None, options.customers)
        fast = stack.enter_context(shop_server(on_pg.environment))
        flask = stack.enter_context(granian("parts.flask_alone:app", on_pg.environment))
        file = stack.enter_context(shop_server(on_file.environment, workers=1))
        yield [
            Side("fast path", fast.url, fast.pid, on_pg.headers, url, pid),
            Side("hot", fast.url, fast.pid, on_pg.headers[:1], url, pid),
            Side("flask", flask.url, flask.pid, on_pg.headers, url, pid),
            Side("fast path, sqlite", file.url, file.pid, on_file.headers),
        ]
        for shop in (on_pg, on_file):
            problems = shop.problems()
            assert problems == [], problems[:5]


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev bench cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each side in each round")
    parser.add_argument("--clients", type=int, nargs="+", default=[32, 128])
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--only", help="one side, such as 'fast path'")
    options = parser.parse_args()
    need_wrk()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, sides(options, Path(name)) as served:
        measured = [side for side in served if options.only in (None, side.name)]
        for side in measured:
            drive(Call(side.url + NUMBER, side.keys), clients=32, seconds=2)
        for _ in range(options.rounds):
            for side in measured:
                for clients in options.clients:
                    side.measure(clients, options.seconds)
        costs = {
            side.name: {name: round(statistics.median(each), 3) for name, each in side.costs.items()}
            for side in measured
        }
    for name, figures in costs.items():
        print(name, figures, flush=True)
    print(json.dumps({"bench": "cost", "load": os.getloadavg()[0], "costs": costs}))


if __name__ == "__main__":
    main()
