"""Malformed requests on every route, on each kind of database, in production's settings:
``./dev campaign malformed [--requests N] [--minutes N]``.

As a stranger, a customer and an operator, with numbers beyond any column, NUL, halves of characters, deep
JSON, huge forms, hosts that are none, and signed events that Stripe never sends. Exit 1 if an answer
was a 500, or took longer than any may, or the books are off at the end.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

from sqlalchemy import Engine
from tests.security.malformed import (  # type: ignore[import-not-found]  # from the shop's tests
    ProductionShop,
    Sender,
)

from flask_prepaid.testing import Databases
from rando_number import config, create_app
from rando_number.migrations.upgrade import upgrade
from rando_number.models import db


def prepare(engine: Engine) -> None:
    with tempfile.TemporaryDirectory() as data:
        url = engine.url.render_as_string(hide_password=False)
        with create_app({"RANDO_DATA": data, "DATABASE_URL": url}).app_context():
            upgrade()
            db.engine.dispose()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=1_000_000, help="over both databases")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="stop after so many, on each database"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    config.ARGON2.update({"argon2__memory_cost": 8, "argon2__time_cost": 1})  # many sign in anew
    start, right = time.monotonic(), True
    outcomes = {}
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder:
            url = Databases(Path(folder), prepare).fresh(kind).render_as_string(hide_password=False)
            shop = ProductionShop(Path(folder) / "data", DATABASE_URL=url)
            outcome = Sender(shop, options.seed).send(options.requests // 2, within_s=60 * options.minutes)
            problems = shop.audit()
            with shop.app.app_context():
                db.engine.dispose()
        right &= not outcome.faults and not problems
        outcomes[kind] = {
            "requests": outcome.statuses.total(),
            "statuses": dict(sorted(outcome.statuses.items())),
            "slowest_s": round(outcome.slowest_s, 2),
            "faults": outcome.faults[:20],
            "off": [str(problem) for problem in problems],
        }
    print(
        json.dumps(
            {"campaign": "malformed", "ok": right, **outcomes, "seconds": round(time.monotonic() - start)}
        )
    )
    return 0 if right else 1


if __name__ == "__main__":
    raise SystemExit(main())
