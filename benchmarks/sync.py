"""Does a sync of 100,000 balance transactions end without a gap or a double, however often it is killed?

An emulator serves them from a file, in a process of its own. One process syncs without being
disturbed; another is killed with SIGKILL at chosen points and started anew until it comes to its end.
Then both copies are compared with Stripe's own list, and with the sums by day. Memory is the peak of
the undisturbed process after its first pages and at its end. What limits the rate is told by the time
that it waits for pages, and by its own processor time for each.

``--rows`` is 100,000 by default. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from stripe import StripeClient

from flask_prepaid import Prepaid
from flask_prepaid.reports.balance import copying
from stripe_emulator import Emulator

DAYS = 540
KILLS = 6

#: The table's other columns follow from the body; these two rows have them already.
CLONE = (
    "INSERT INTO object SELECT NULL, kind, :id, :created, 0, :body, customer, payment_intent, charge,"
    " invoice, subscription, CASE kind WHEN 'balance_transaction' THEN :source END, name, type"
    " FROM object WHERE kind = :kind AND id = :like"
)


def fill(file: Path, rows: int) -> None:
    """Copy one charge and its balance transaction again and again, over the days up to now."""
    emulator = Emulator(file)
    client = StripeClient("sk_test_bench", http_client=emulator.http_client())
    params: Any = {"amount": 2_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    params["automatic_payment_methods"] = {"enabled": True, "allow_redirects": "never"}
    intent = client.v1.payment_intents.create(params)
    charge_id = str(intent.latest_charge)
    moved_id = str(client.v1.charges.retrieve(charge_id).balance_transaction)
    emulator.close()
    with sqlite3.connect(file) as store:
        (charge,) = store.execute("SELECT body FROM object WHERE id = ?", (charge_id,)).fetchone()
        (moved,) = store.execute("SELECT body FROM object WHERE id = ?", (moved_id,)).fetchone()
        now = json.loads(moved)["created"]
        for n in range(1, rows):
            created = now - (rows - n) * DAYS * 86_400 // rows
            new = {charge_id: f"ch_bench{n:07}", moved_id: f"txn_bench{n:07}"}
            for kind, like, template in (
                ("charge", charge_id, charge),
                ("balance_transaction", moved_id, moved),
            ):
                body = template
                for old, name in new.items():
                    body = body.replace(old, name)
                body = re.sub(r'"created":\d+', f'"created":{created}', body, count=1)
                store.execute(
                    CLONE,
                    {
                        "kind": kind,
                        "like": like,
                        "id": new[like],
                        "created": created,
                        "body": body,
                        "source": new[charge_id],
                    },
                )


@contextmanager
def serving(file: Path) -> Iterator[str]:
    """Stripe in a process of its own; its address."""
    command = [sys.executable, "-m", "stripe_emulator", "--port", "0", "--data", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = re.search(r"http://\S+", line)
        assert address, line
        try:
            yield address[0]
        finally:
            process.terminate()


def shop(database: Path, url: str) -> tuple[Flask, Prepaid]:
    app = Flask("bench")
    app.config.update(
        TESTING=True,
        SECRET_KEY="bench",
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{database}",
        PREPAID_STRIPE_API_BASE=url,
    )
    prepaid = Prepaid(app, SQLAlchemy(app), owner=lambda: None)
    return app, prepaid


def work(database: Path, url: str) -> None:
    """One sync in this process, and what it cost as a line of JSON."""
    app, prepaid = shop(database, url)
    measured: dict[str, float] = {"pages": 0, "api_s": 0.0}
    with app.app_context():
        ask = prepaid.gateway.account.movements_page

        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            page = ask(*args, **kwargs)
            measured["api_s"] += time.perf_counter() - begun
            measured["pages"] += 1
            if measured["pages"] == 20:
                measured["early_mb"] = peak_mb()
            return page

        prepaid.gateway.account.movements_page = timed  # type: ignore[method-assign]
        begun, cpu = time.perf_counter(), time.process_time()
        measured["new"] = copying.sync(prepaid)
        measured["wall_s"], measured["cpu_s"] = time.perf_counter() - begun, time.process_time() - cpu
    measured["peak_mb"] = peak_mb()
    print(json.dumps(measured))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


def start(database: Path, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--work", str(database), url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def undisturbed(database: Path, url: str) -> dict[str, float]:
    out, _ = start(database, url).communicate()
    return dict(json.loads(out))


def killed(database: Path, url: str, rows: int) -> int:
    """Sync, and be killed when so many are copied, until it comes to its end; how often it was killed."""
    chance, kills = random.Random(7), 0
    points = sorted(chance.randrange(rows // 20, rows) for _ in range(KILLS))
    while True:
        process = start(database, url)
        while process.poll() is None:
            if points and copied(database) >= points[0]:
                process.send_signal(signal.SIGKILL)
                points.pop(0)
            time.sleep(0.02)
        process.communicate()
        if process.returncode == 0:
            return kills
        assert process.returncode == -signal.SIGKILL, process.returncode
        kills += 1


def copied(database: Path) -> int:
    with sqlite3.connect(database, timeout=30) as copy:
        return int(copy.execute("SELECT count(*) FROM prepaid_movement").fetchone()[0])


def compare(database: Path, file: Path) -> None:
    """The copy has each of Stripe's lines once, and its sums by day are those of the lines."""
    with sqlite3.connect(file) as store:
        theirs = Counter(
            (movement["id"], movement["amount"], movement["fee"])
            for movement in map(
                json.loads,
                (row[0] for row in store.execute("SELECT body FROM object WHERE kind='balance_transaction'")),
            )
        )
    with sqlite3.connect(database) as copy:
        ours = Counter(copy.execute("SELECT id, amount_minor, fee_minor FROM prepaid_movement"))
        by_day = [
            copy.execute(f"SELECT day, {sums} FROM {table} GROUP BY day ORDER BY day").fetchall()
            for sums, table in (
                ("count(*), sum(amount_minor), sum(fee_minor)", "prepaid_movement"),
                ("sum(movements), sum(amount_minor), sum(fee_minor)", "prepaid_day_sum"),
            )
        ]
    assert ours == theirs, f"{len(theirs - ours)} are missing, {len(ours - theirs)} are too many"
    assert by_day[0] == by_day[1], "the sums by day are not those of the movements"


def measure(rows: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        file, calm, torn = folder / "stripe.db", folder / "calm.sqlite3", folder / "torn.sqlite3"
        fill(file, rows)
        for database in (calm, torn):
            app, prepaid = shop(database, "http://127.0.0.1:1")
            with app.app_context():
                prepaid.upgrade()
                prepaid.engine.dispose()
        with serving(file) as url:
            measured = undisturbed(calm, url)
            kills = killed(torn, url, rows)
            again = undisturbed(torn, url)
        assert (measured["new"], again["new"]) == (rows, 0), (measured, again)
        for database in (calm, torn):
            compare(database, file)
    pages = measured["pages"]
    return {
        "bench": "sync",
        "rows": rows,
        "kills": kills,
        "rows_per_s": round(rows / measured["wall_s"]),
        "pages_per_s": round(pages / measured["wall_s"], 1),
        "waiting_for_pages": round(measured["api_s"] / measured["wall_s"], 2),
        "own_ms_per_page": round(1_000 * (measured["wall_s"] - measured["api_s"]) / pages, 1),
        "cpu_ms_per_page": round(1_000 * measured["cpu_s"] / pages, 1),
        "peak_mb_after_20_pages": round(measured["early_mb"]),
        "peak_mb": round(measured["peak_mb"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--work", nargs=2, metavar=("DATABASE", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(Path(options.work[0]), options.work[1])
    else:
        print(json.dumps(measure(options.rows)))


if __name__ == "__main__":
    main()
