"""Breaks three nodes in ten ways while callers spend: ``./dev campaign failover [--only EVENT]``.

The nodes are those of ``deploy/ha``, on one machine. Each answered spend is in its caller's own record; in
the end each of them has to be in the books, once. Exit 1 if one is lost or doubled, if a caller met anything
but an answer or a refusal in time, or if nobody was answered for longer than 40 s.

``--asynchronous`` is the control: a commit is answered before a standby has it, so some are lost, and the
marks that are kept outside of the books have to name their wallets. Needs PostgreSQL 15 and etcd, and
installs Patroni.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from campaigns.cluster import callers, events, programs
from campaigns.cluster.nodes import Cluster
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError

from flask_prepaid.operations.elsewhere import marks
from prepaid_ledger import Ledger
from prepaid_ledger.database import answer_within

#: How long at most nobody may be answered.
MAX_PAUSE_S = 40.0

#: How long a caller may wait for an answer, or a refusal.
MAX_ANSWER_S = 6.0

#: How long an event is given to be seen, before it may be over and the next one comes.
BETWEEN_S = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=events.EVENTS, help="again for more than one")
    parser.add_argument("--asynchronous", action="store_true", help="the control, which loses some")
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--per-second", type=int, default=300)
    options = parser.parse_args()
    wanted = options.only or (["log_held_back"] if options.asynchronous else list(events.EVENTS))
    with tempfile.TemporaryDirectory(prefix="failover-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        where = programs.find(folder)
        with Cluster(folder, where, lossy=options.asynchronous).running() as cluster:
            right = run(cluster, wanted, folder, options)
    raise SystemExit(0 if right else 1)


def run(cluster: Cluster, wanted: list[str], folder: Path, options: argparse.Namespace) -> bool:
    engine = create_engine(
        cluster.url(), pool_size=options.callers + 4, pool_timeout=4, connect_args={"connect_timeout": 3}
    )
    ledger = Ledger(engine)
    ledger.upgrade()
    answer_within(engine, 4)
    calling = callers.Callers(ledger, options.callers, options.per_second)
    place = str(folder / "marks.sqlite3")
    ended = threading.Event()
    marking = threading.Thread(target=keep_marks, args=(engine, place, ended), daemon=True)
    marking.start()
    calling.start()
    pauses = {}
    for name in wanted:
        pauses[name] = longest_pause(cluster, calling, events.EVENTS[name])
        print(f"{name}: nobody was answered for {pauses[name]:.1f} s", file=sys.stderr, flush=True)
    calling.end()
    ended.set()
    marking.join()
    cluster.await_all_in_step()  # a machine with much else to do may have changed the primary once more
    count = callers.compare(engine, calling)
    gone = list(marks.compare(engine, place))
    off = ledger.audit()
    faults = sum((record.faults for record in calling.records), start=type(calling.records[0].faults)())
    slowest_s = max(record.slowest_s for record in calling.records)
    summary = {
        "campaign": "failover",
        "asynchronous": options.asynchronous,
        "events": len(wanted),
        **asdict(count),
        "refused": sum(record.refused for record in calling.records),
        "faults": dict(faults),
        "pauses_s": {name: round(pause, 1) for name, pause in pauses.items()},
        "slowest_answer_s": round(slowest_s, 1),
        "wallets_named_by_marks": len(gone),
        "audit": [str(problem) for problem in off],
    }
    print(json.dumps(summary))
    engine.dispose()
    as_asked = count.doubled == 0 and not faults and not off and slowest_s <= MAX_ANSWER_S
    if options.asynchronous:
        return as_asked and count.lost > 0 and bool(gone)
    return as_asked and count.lost == 0 and not gone and max(pauses.values()) <= MAX_PAUSE_S


def longest_pause(cluster: Cluster, calling: callers.Callers, event: events.Event) -> float:
    """Let one thing happen and be over; for how long nobody was answered meanwhile."""
    ended = threading.Event()
    longest_s = 0.0

    def watch() -> None:
        nonlocal longest_s
        while not ended.wait(0.05):
            longest_s = max(longest_s, time.monotonic() - calling.since())

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    event(cluster)
    time.sleep(BETWEEN_S)  # until Patroni has seen it: before, it still answers what was so
    cluster.await_all_in_step()
    ended.set()
    watching.join()
    return longest_s


def keep_marks(engine: Engine, place: str, ended: threading.Event) -> None:
    """As ``tick`` does, every second."""
    while not ended.wait(1.0):
        with suppress(DBAPIError):  # while nobody leads
            marks.keep(engine, place)


if __name__ == "__main__":
    main()
