"""Years of plans that give month by month: ``./dev campaign drip [--years N] [--seed N]``.

Each year is drawn at random: upgrades and smaller plans, refunds in part, pauses, ends, late or doubled
ticks. What came, month by month, is compared with a model that is written apart from the product. Exit 1 if a
year differs; its seed and its story are printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from buying.subscriptions.month_years import live_and_compare

from flask_prepaid.testing import Databases


def year(days: int, seed: int) -> str | None:
    """Live one year; what was wrong, if anything."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            live_and_compare(Databases(Path(folder)), seed, days=days)
        except Exception as wrong:
            return f"seed {seed}: {wrong!r}"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    begun = time.monotonic()
    seeds = range(options.seed, options.seed + options.years)
    with ProcessPoolExecutor(options.processes) as workers:
        wrong = [end for end in workers.map(partial(year, options.days), seeds, chunksize=5) if end]
    print("\n".join(wrong), file=sys.stderr)
    summary = {"campaign": "drip", "years": options.years, "seconds": round(time.monotonic() - begun, 1)}
    print(json.dumps({**summary, "wrong": len(wrong)}))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
