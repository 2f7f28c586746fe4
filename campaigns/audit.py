"""How long an audit of millions of entries takes, and whether it names a wrong one: ``./dev campaign audit``.

Half of the entries are one wallet's, the rest are spread over a thousand. The product makes a block of 101
of them, draws its lots and adds it up; every wallet is that block again and again, one in each quarter of an
hour, with a budget and a grant at the end.

Then one entry of the books is made wrong, and all is audited by several processes, which keep what they
prove. The audit has to name that entry, and nothing in another wallet. With the entry as it was, an audit
from those proofs on has to find nothing, and once more after twenty spends in five wallets, and after a
clawback in the large one, whose entries are read once for that. Exit 1 otherwise.

``PREPAID_TEST_POSTGRESQL`` names a server of one's own, by a URL; the databases stay there.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import ceil
from pathlib import Path

from parts.processor import cpu_s
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from prepaid_ledger import Audited, Ledger, Problem
from prepaid_ledger.books import usage_sums
from prepaid_ledger.database.transactions import commit_alone
from prepaid_ledger.slots import slot_of
from prepaid_ledger.testing import Databases

START = datetime(2020, 1, 1, tzinfo=UTC)

#: Whose wallet, the first one, is one block.
PATTERN = "user:1"

#: Entries of a block: a grant, spends that use it up, and one of them given back in between.
BLOCK = 101

#: Who spends on the day that is audited: the large wallet, and four others.
SPENDING = [f"user:{wallet_id}" for wallet_id in range(2, 7)]

#: A time, so many quarters of an hour later.
LATER = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', {at}, (15 * ({quarters})) || ' minutes')",
    "postgresql": "{at} + ({quarters}) * interval '15 minutes'",
}

#: A wallet, and what it has more than the first one: all of that so many times.
COPIES = (
    """
    INSERT INTO prepaid_wallet
      (id, slot, owner, balance, held, debt, seq, drawn_seq, budget_changes, moved_at, created_at)
    SELECT :id, CAST(:slot AS smallint), :owner, 0, 0, 0, seq * :blocks, seq * :blocks, budget_changes,
      {last_moved}, created_at
    FROM prepaid_wallet WHERE id = 1
    """,
    """
    INSERT INTO prepaid_budget (wallet_id, slot, spender, every, zone, credits, spent_here)
    SELECT :id, CAST(:slot AS smallint), spender, every, zone, credits, (spent_here + charged) * :blocks
    FROM prepaid_budget JOIN prepaid_wallet ON id = wallet_id WHERE wallet_id = 1
    """,
    *(
        f"""
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :blocks)
        INSERT INTO {table} (wallet_id, slot, {", ".join(columns)})
        SELECT :id, CAST(:slot AS smallint), {", ".join(columns.values())}
        FROM n CROSS JOIN {table} WHERE wallet_id = 1 ORDER BY n.i, {next(iter(columns))}
        """
        for table, columns in {
            "prepaid_entry": {
                "seq": f"seq + n.i * {BLOCK}",
                "key": "key || ':' || n.i",
                "refers_to_seq": f"refers_to_seq + n.i * {BLOCK}",
                "at": "{later}",
                **{name: name for name in ("kind", "credits", "debt", "balance_after", "reason")},
            },
            "prepaid_lot": {
                "seq": f"seq + n.i * {BLOCK}",
                "origin": f"origin + n.i * {BLOCK}",
                **{name: name for name in ("left_over", "held", "ended", "paid")},
            },
            "prepaid_draw": {
                "seq": f"seq + n.i * {BLOCK}",
                "lot_seq": f"lot_seq + n.i * {BLOCK}",
                "credits": "credits",
            },
            "prepaid_usage": {
                "quarter": "quarter + n.i",
                **{name: name for name in ("spender", "item", "credits", "returned", "calls")},
            },
        }.items()
    ),
    """
    INSERT INTO prepaid_usage_mark (wallet_id, slot, seq)
    SELECT :id, CAST(:slot AS smallint), seq * :blocks FROM prepaid_usage_mark WHERE wallet_id = 1
    """,
)


def fill(engine: Engine, entries: int) -> int:
    """Write a history into the tables; how many wallets it has."""
    ledger = Ledger(engine, clock=lambda: START)
    make_block(ledger, engine)
    small = max(1, min(1_000, entries // 1_000))
    sizes = [entries // 2, *[entries // 2 // small] * small]
    later = LATER[engine.dialect.name]
    times = {
        "last_moved": later.format(at="moved_at", quarters=":blocks - 1"),
        "later": later.format(at="at", quarters="n.i"),
    }
    for wallet_id, size in enumerate(sizes, 2):
        owner = f"user:{wallet_id}"
        values = {"id": wallet_id, "slot": slot_of(owner), "owner": owner, "blocks": ceil(size / BLOCK)}
        with behind_the_triggers(engine) as connection:
            for statement in COPIES:
                connection.execute(text(statement.format(**times)), values)
    owners = [f"user:{wallet_id}" for wallet_id in range(2, len(sizes) + 2)]
    for _ in ledger.grant_many(owners, 100, key="gift", reason="campaign"):
        pass
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE"))
    return len(sizes) + 1


def make_block(ledger: Ledger, engine: Engine) -> None:
    with Session(engine) as session:
        ledger.on(session).grant(PATTERN, 99, key="grant", reason="campaign")
        session.commit()
        for number in range(98):
            ledger.spend_now(PATTERN, credits=1, key=f"spend:{number}")
        ledger.on(session).reverse(PATTERN, spend_key="spend:97", key="undo")
        session.commit()
    ledger.spend_now(PATTERN, credits=2, key="spend:98")
    ledger.bring_up_to_date(PATTERN)
    ledger.set_budget(PATTERN, 10**9)
    sum_up(engine, PATTERN)
    assert ledger.wallet(PATTERN).balance == 0, "a block leaves nothing to the next one"


@contextmanager
def behind_the_triggers(engine: Engine) -> Iterator[Connection]:
    """A transaction in which nothing refuses a change of an entry, or looks for a row's wallet."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            yield connection
            return
        triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        guards = {row.name: row.sql for row in triggers}
        for name in guards:
            connection.execute(text(f"DROP TRIGGER {name}"))
        yield connection
        for sql in guards.values():
            connection.exec_driver_sql(sql)


@dataclass
class Wrong:
    """One spend in the middle of the books that says another number of credits than it took."""

    wallet_id: int
    seq: int

    @classmethod
    def amid(cls, wallets: int, ledger: Ledger) -> Wrong:
        wrong = cls(wallet_id=wallets // 2 + 1, seq=0)
        blocks = ledger.entries(wrong.owner, limit=1)[0].seq // BLOCK
        wrong.seq = blocks // 2 * BLOCK + 50
        return wrong

    @property
    def owner(self) -> str:
        return f"user:{self.wallet_id}"

    def change(self, engine: Engine, credits: int) -> None:
        statement = "UPDATE prepaid_entry SET credits = :credits WHERE wallet_id = :wallet_id AND seq = :seq"
        with behind_the_triggers(engine) as connection:
            changed = connection.execute(text(statement), {"credits": credits, **vars(self)})
            assert changed.rowcount == 1, "there is such an entry"

    def is_named_by(self, problems: list[Problem]) -> bool:
        """Whether it is named, and no other wallet is: what is of no wallet are sums over all."""
        others = [problem for problem in problems if problem.owner not in (self.owner, None)]
        return not others and any(f"entry {self.seq} " in problem.message for problem in problems)


def spend_for_a_day(ledger: Ledger, engine: Engine) -> None:
    """Twenty spends, years later."""
    for number in range(20):
        ledger.spend_now(SPENDING[number % 5], credits=1, key=f"later:{number}")
    sum_up(engine, *SPENDING)


def sum_up(engine: Engine, *owners: str) -> None:
    """Bring up sums of usage, though few entries are behind them."""
    for owner in owners:
        commit_alone(engine, partial(usage_sums.bring_up, owner=owner))


def claw_back(ledger: Ledger, engine: Engine) -> None:
    with Session(engine) as session:
        ledger.on(session).claw_back(SPENDING[0], lot_key="gift", key="mistake", credits=1)
        session.commit()


def timed(engine: Engine, work: Callable[[], Audited]) -> tuple[Audited, dict[str, float]]:
    """What came of it, and the seconds: by the wall, of our processes' time and of the server's."""
    start, busy, served = time.perf_counter(), own_cpu_s(), server_cpu_s(engine)
    audited = work()
    return audited, {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(own_cpu_s() - busy, 1),
        "server_cpu_seconds": round(server_cpu_s(engine) - served, 1),
    }


def own_cpu_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def server_cpu_s(engine: Engine) -> float:
    """That of a server on this machine, and of all its processes; 0 for SQLite."""
    if engine.dialect.name == "sqlite":
        return 0.0
    with engine.connect() as connection:
        backend = connection.scalar(text("SELECT pg_backend_pid()"))
        parent = Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1]
        return cpu_s(int(parent))


def peak_mb() -> int:
    """The most memory that one of our processes has had so far."""
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(peaks) // 1024


def measure(kind: str, options: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        url = Databases(Path(folder)).fresh(kind, partitions=options.partitions)
        engine = create_engine(url, poolclass=NullPool)
        print(f"{options.entries:,} entries into {url.database}", file=sys.stderr)
        start = time.perf_counter()
        wallets = fill(engine, options.entries)
        loaded = round(time.perf_counter() - start, 1)
        ledger = Ledger(engine)
        wrong = Wrong.amid(wallets, ledger)
        wrong.change(engine, credits=-2)
        proofs = create_engine(f"sqlite:///{Path(folder) / 'proofs'}", poolclass=NullPool)
        before = peak_mb()
        named, took = timed(engine, lambda: ledger.audit(jobs=options.jobs, proofs=proofs))
        memory = peak_mb() - before
        wrong.change(engine, credits=-1)
        mended, _ = timed(engine, lambda: ledger.audit(proofs=proofs, full=False))
        spend_for_a_day(ledger, engine)
        day, took_for_a_day = timed(engine, lambda: ledger.audit(proofs=proofs, full=False))
        claw_back(ledger, engine)
        clawed, took_for_a_clawback = timed(engine, lambda: ledger.audit(proofs=proofs, full=False))
    return {
        "database": kind,
        "partitions": options.partitions,
        "entries": named.entries,
        "seconds_to_load": loaded,
        "jobs": options.jobs,
        **took,
        "more_memory_mb": memory,
        "wrong_entry_named": wrong.is_named_by(named),
        "entries_of_its_range": mended.entries,
        "of_a_day": {"entries": day.entries, **took_for_a_day},
        "of_a_clawback": {"entries": clawed.entries, **took_for_a_clawback},
        "problems": [str(problem) for problem in [*mended, *day, *clawed]][:5],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="./dev campaign audit", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--partitions", type=int, help="of PostgreSQL's tables")
    options = parser.parse_args()
    failed = False
    for kind in options.database or ["sqlite", "postgresql"]:
        result = measure(kind, options)
        print(json.dumps({"campaign": "audit", **result}), flush=True)
        failed |= bool(result["problems"]) or not result["wrong_entry_named"]
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
