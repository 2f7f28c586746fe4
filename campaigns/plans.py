"""Years of plans at random: ``./dev campaign plans [--lives N] [--years N] [--seed N]``.

Each life begins on a 29th, 30th or 31st and goes through upgrades, downgrades, pauses, failures and
recoveries by the public pages, while an operator puts coupons on, moves balances and trial ends, switches
prices, and stops payments in Stripe's dashboard. Exit 1 if a preview was wrong, a paid invoice did not give
its one allowance, or the books are off; the shortest such life is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from buying.subscriptions.years import LIFE, live_and_check
from hypothesis import HealthCheck, given, seed, settings

from flask_prepaid.testing import Databases


def lives(count: int, years: int, number: int) -> str | None:
    """Live ``count`` lives; what was wrong, if anything."""
    with tempfile.TemporaryDirectory() as folder:
        databases = Databases(Path(folder))

        @seed(number)
        @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(**LIFE)
        def one(**life: Any) -> None:
            live_and_check(databases, years=years, **life)

        try:
            one()
        except Exception as wrong:
            return "\n".join([repr(wrong), *getattr(wrong, "__notes__", [])])
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=200)
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    start = time.monotonic()
    each = max(1, options.lives // options.processes)
    with ProcessPoolExecutor(options.processes) as workers:
        ends = [
            workers.submit(lives, each, options.years, options.seed + number)
            for number in range(options.processes)
        ]
        wrong = [fault for end in ends if (fault := end.result())]
    print("\n".join(wrong), file=sys.stderr)
    summary = {"campaign": "plans", "lives": each * options.processes, "years": options.years}
    print(json.dumps({**summary, "seconds": round(time.monotonic() - start, 1), "wrong": len(wrong)}))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
