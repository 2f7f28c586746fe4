"""How many spends a second, beside the article's way, Flask's hello-world and the database alone.

One spend is one durable credit off a wallet, one entry, one number, committed before the
answer. All contenders run in turns, several rounds; what counts are the ratios of their
medians. After the last round the books are checked: nothing was given out twice or unpaid.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from parts import article, bare, budgeted, parted
from parts.databases import for_sqlalchemy, make, postgresql
from parts.load import Call, Load, Server, drive, granian, gunicorn, need_wrk, shop_server
from parts.rando import Shop

CREDITS = 10**9
BATCH = 1000
NUMBER = "/api/v1/number/"
NUMBERS = "/api/v1/numbers"


@dataclass
class Shops:
    """Rando Number on one database, and what clients have seen of it."""

    shop: Shop
    seen: int = 0
    runs: int = 0

    def count(self, load: Load, numbers: int = 1) -> None:
        assert load.refused == load.broken == 0, load
        self.seen += load.requests * numbers
        self.runs += numbers


@dataclass
class Bench:
    """The options, and the rates and latencies of each contender, round by round."""

    options: argparse.Namespace
    rates: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    p99s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def run(self, name: str, call: Call, *, rate: float | None = None, clients: int | None = None) -> Load:
        load = drive(call, clients=clients or self.options.clients, seconds=self.options.seconds, rate=rate)
        self.rates[name].append(load.rate)
        self.p99s[name].append(load.p99_ms)
        return load

    def rate(self, name: str) -> float:
        return statistics.median(self.rates[name])

    def p99(self, name: str) -> float:
        return statistics.median(self.p99s[name])

    def over(self, name: str, base: str) -> float:
        return round(self.rate(name) / self.rate(base), 3)


Round = Callable[[], None]


@contextmanager
def on_postgresql(bench: Bench, folder: Path) -> Iterator[tuple[Round, Shops, float]]:
    """One round on PostgreSQL; the memory of an idle worker beside it, in MB."""
    options = bench.options
    with ExitStack() as stack:
        cluster = stack.enter_context(postgresql())
        old, new = (make(cluster, name) for name in ("article", "rando"))
        cookies = article.prepare(for_sqlalchemy(old), options.customers, CREDITS)
        shops = Shops(Shop.open(folder / "postgresql", new, options.customers))
        keys, environment = shops.shop.headers, shops.shop.environment
        by_hand = stack.enter_context(
            gunicorn("parts.article:create_app()", {"DATABASE_URL": for_sqlalchemy(old)})
        ).url
        lane_server = stack.enter_context(shop_server(environment))
        memory_mb = idle_memory_mb(lane_server)
        fast = lane_server.url
        alone = stack.enter_context(granian("parts.flask_alone:app", environment)).url
        hello = stack.enter_context(granian("parts.hello:app", {})).url
        everyone = list(range(1, options.customers + 1))

        def one_round() -> None:
            bench.run("article", Call(by_hand + NUMBER, cookies))
            bench.run("hello", Call(hello + "/", [{}]))
            many = Call(fast + NUMBER, keys)
            # Nobody but the first customer has called since the last round: all keys are looked up anew.
            shops.count(bench.run("after a pause", many))
            shops.count(bench.run("fast path", many))
            shops.count(bench.run("fast path at 80 %", many, rate=0.8 * bench.rates["fast path"][-1]))
            shops.count(bench.run("flask", Call(alone + NUMBER, keys)))
            shops.count(bench.run("hot", Call(fast + NUMBER, keys[:1])))
            for name, users, clients in (("database hot", [1], 8), ("database", everyone, 16)):
                rate = bare.spends(new, users, clients=clients, seconds=options.seconds)
                bench.rates[name].append(rate)
                shops.seen += round(rate * options.seconds)
            by_hand_eased = Call(by_hand + NUMBER, cookies)
            bench.run("article at 80 %", by_hand_eased, rate=0.8 * bench.rates["article"][-1])
            # Last: the server vacuums the millions of rows that it leaves while SQLite's contenders run.
            batch = Call(fast + NUMBERS, keys, "POST", json.dumps({"count": BATCH}))
            shops.count(bench.run("batch", batch, clients=8), BATCH)

        warm(shops, fast, alone, keys)
        yield one_round, shops, memory_mb


@contextmanager
def on_sqlite(bench: Bench, folder: Path) -> Iterator[tuple[Round, Shops]]:
    """One round on SQLite: theirs with SQLite's defaults, ours with WAL and ``synchronous=FULL``."""
    options = bench.options
    with ExitStack() as stack:
        old = f"sqlite:///{folder / 'article.sqlite3'}"
        cookies = article.prepare(old, options.customers, CREDITS)
        shops = Shops(Shop.open(folder / "sqlite", None, options.customers))
        keys = shops.shop.headers
        by_hand = stack.enter_context(gunicorn("parts.article:create_app()", {"DATABASE_URL": old})).url
        fast = stack.enter_context(shop_server(shops.shop.environment, workers=1)).url

        def one_round() -> None:
            bench.run("article, sqlite", Call(by_hand + NUMBER, cookies))
            shops.count(bench.run("fast path, sqlite", Call(fast + NUMBER, keys)))
            shops.count(bench.run("hot, sqlite", Call(fast + NUMBER, keys[:1])))

        warm(shops, fast, fast, keys)
        yield one_round, shops


def warm(shops: Shops, fast: str, alone: str, keys: list[dict[str, str]]) -> None:
    """Have each worker open its connections and prepare its statements."""
    for url in (fast, alone):
        shops.count(drive(Call(url + NUMBER, keys), clients=32, seconds=1))


def idle_memory_mb(server: Server) -> float:
    """What the largest worker has in memory, in MB."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "ppid=,rss="], capture_output=True, text=True, check=True
    ).stdout
    rows = (line.split() for line in listing.splitlines())
    return max(int(rss_kb) for parent, rss_kb in rows if int(parent) == server.pid) / 1000


def main() -> None:
    options = read_options()
    if options.budgets:
        print(json.dumps({"bench": "spend", "budgets": with_budgets(options)}))
        return
    need_wrk()
    if options.partitions:
        print(json.dumps({"bench": "spend", "partitions": in_partitions(options)}))
        return
    bench = Bench(options)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        postgres_round, on_pg, memory_mb = stack.enter_context(on_postgresql(bench, Path(name)))
        sqlite_round, on_file = stack.enter_context(on_sqlite(bench, Path(name)))
        for turn in range(options.rounds):
            print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
            postgres_round()
            sqlite_round()
        tell(bench)
        for shops in (on_pg, on_file):
            shops.shop.check(shops.seen, in_flight=shops.runs * options.clients)
    print(json.dumps(verdict(bench, memory_mb)))


def with_budgets(options: argparse.Namespace) -> dict[str, object]:
    """Spends with a spender, an item and two budgets against plain ones."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        return budgeted.compare(
            Path(name),
            customers=options.customers,
            rounds=options.rounds,
            seconds=options.seconds,
            callers=options.clients // 2,
        )


def in_partitions(options: argparse.Namespace) -> dict[str, object]:
    """Calls to a shop whose ledger lies in partitions, against one in one piece."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        return parted.compare(
            Path(name),
            customers=options.customers,
            rounds=options.rounds,
            seconds=options.seconds,
            clients=options.clients,
            partitions=options.partitions,
        )


def tell(bench: Bench) -> None:
    for contender, rates in bench.rates.items():
        p99 = f"p99 {bench.p99(contender):8.1f} ms" if contender in bench.p99s else ""
        spread = f"{min(rates):10,.0f} to {max(rates):7,.0f}"
        print(f"{contender:20} {bench.rate(contender):10,.0f} /s {spread}  {p99}", flush=True)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench spend", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each contender in each round")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument(
        "--budgets",
        action="store_true",
        help="only the ledger: with spender, item and two budgets, against without",
    )
    parser.add_argument(
        "--partitions", type=int, metavar="N", help="only the ledger in N partitions, against one piece"
    )
    parser.add_argument("--quick", action="store_true", help="one round of a second each, for a look")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 1
    return options


def verdict(bench: Bench, memory_mb: float) -> dict[str, object]:
    eased = bench.p99("fast path at 80 %")
    return {
        "bench": "spend",
        "postgresql": {
            "over_article": bench.over("fast path", "article"),
            "after_a_pause_over_article": bench.over("after a pause", "article"),
            "over_hello": bench.over("fast path", "hello"),
            "hot_over_database": bench.over("hot", "database hot"),
            "p99_over_article": round(eased / bench.p99("article"), 3),
            "p99_after_a_pause_over_article": round(bench.p99("after a pause") / bench.p99("article"), 3),
            "p99_over_article_at_80": round(eased / bench.p99("article at 80 %"), 3),
            "over_database": bench.over("fast path", "database"),
            "flask_over_article": bench.over("flask", "article"),
            "flask_over_hello": bench.over("flask", "hello"),
        },
        "sqlite": {
            "over_article": bench.over("fast path, sqlite", "article, sqlite"),
            "hot_over_article": bench.over("hot, sqlite", "article, sqlite"),
        },
        "batch_over_single": round(bench.rate("batch") * BATCH / bench.rate("fast path"), 1),
        "idle_memory_mb": round(memory_mb),
    }


if __name__ == "__main__":
    main()
