"""Malformed requests on every route, on each kind of database, in production's settings:
``./dev campaign malformed [--requests N] [--minutes N] [--database KIND] [--seed N]``.

As a stranger, a customer and an operator, with numbers beyond any column, NUL, halves of characters, deep
JSON, huge forms, hosts that are none, and signed events that Stripe never sends. A line of JSON tells of
each shop that was attacked; a new one opens after ``SHOP_FOR`` requests, else its operator's reports would
take most of the time. Exit 1 if an answer was a 500, or took longer than any may, or the books are off.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import json
import math
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from tests.security.malformed import (  # type: ignore[import-not-found]  # from the shop's tests
    ProductionShop,
    Sender,
)

from flask_prepaid.testing import Databases
from prepaid_ledger.testing import postgresql
from rando_number import create_app
from rando_number.config.security import ARGON2
from rando_number.extensions import db
from rando_number.migrations.upgrade import upgrade
from rando_number.rate_limits import rates

#: So many requests meet one shop.
SHOP_FOR = 20_000

#: A shop that takes longer hangs: its stacks are printed, and the campaign ends.
SHOP_WITHIN_S = 3 * 3600

#: Where shops lie: in memory, where the machine allows it.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None

DATABASES = ("sqlite", "postgresql")


def prepare(engine: Engine) -> None:
    with tempfile.TemporaryDirectory() as data:
        url = engine.url.render_as_string(hide_password=False)
        with create_app({"RANDO_DATA": data, "DATABASE_URL": url}).app_context():
            upgrade()
            db.engine.dispose()


def be_quick() -> None:
    """Spend no time on what is slow on purpose: passwords that are hard to guess, and answers that wait."""
    ARGON2.update({"argon2__memory_cost": 8, "argon2__time_cost": 1})
    rates.STEADY_S = 0


def attack(kind: str, requests: int, seed: int, until_s: float) -> dict[str, Any]:
    """Send so many to shops on this kind of database; what came of them all."""
    be_quick()
    statuses: Counter[int] = Counter()
    faults, off = [], []
    with tempfile.TemporaryDirectory(dir=FAST) as folder:
        databases = Databases(Path(folder), prepare)
        for sent in range(0, requests, SHOP_FOR):
            if time.monotonic() > until_s:
                break
            shop = attack_a_new_shop(
                databases, kind, min(SHOP_FOR, requests - sent), seed * 1_000_000 + sent, until_s
            )
            print(json.dumps({"database": kind, **shop}), flush=True)
            statuses += Counter(shop["statuses"])
            faults += shop["faults"]
            off += shop["off"]
    return {
        "requests": statuses.total(),
        "statuses": dict(sorted(statuses.items())),
        "faults": faults[:20],
        "off": off,
    }


def attack_a_new_shop(
    databases: Databases, kind: str, requests: int, seed: int, until_s: float
) -> dict[str, Any]:
    """What came of requests to a new shop, and what is off in its books then."""
    faulthandler.dump_traceback_later(SHOP_WITHIN_S, exit=True)
    url = databases.fresh(kind)
    with tempfile.TemporaryDirectory(dir=databases.folder) as data:
        shop = ProductionShop(Path(data), DATABASE_URL=url.render_as_string(hide_password=False))
        gc.collect()
        gc.freeze()  # the app stays as it is: nobody looks again and again for what of it is garbage
        began_s = time.process_time()
        outcome = Sender(shop, seed).send(requests, within_s=until_s - time.monotonic())
        took_s = time.process_time() - began_s
        off = [str(problem) for problem in shop.audit()]
        with shop.app.app_context():
            db.engine.dispose()
    databases.drop(url)
    gc.unfreeze()
    faulthandler.cancel_dump_traceback_later()
    sent = outcome.statuses.total()
    return {
        "requests": sent,
        "statuses": outcome.statuses,
        "did_something": {
            endpoint: count for (endpoint, status), count in outcome.posted.items() if status == 303
        },
        "cpu_ms_each": round(1000 * took_s / max(1, sent), 2),
        "slowest_s": round(outcome.slowest_s, 2),
        "faults": outcome.faults,
        "off": off,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=1_000_000, help="over all databases")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so many")
    parser.add_argument("--database", choices=DATABASES, action="append", help="by default each")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    kinds = options.database or DATABASES
    start = time.monotonic()
    if "postgresql" in kinds:
        postgresql()  # a server that a worker starts would outlive it
    with ProcessPoolExecutor(len(kinds)) as processes:
        attacks = {
            kind: processes.submit(
                attack, kind, options.requests // len(kinds), options.seed, start + 60 * options.minutes
            )
            for kind in kinds
        }
        outcomes = {kind: running.result() for kind, running in attacks.items()}
    right = not any(outcome["faults"] or outcome["off"] for outcome in outcomes.values())
    print(
        json.dumps(
            {"campaign": "malformed", "ok": right, **outcomes, "seconds": round(time.monotonic() - start)}
        )
    )
    return 0 if right else 1


if __name__ == "__main__":
    raise SystemExit(main())
