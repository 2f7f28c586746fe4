"""Years of plans that give month by month: ``./dev campaign drip [--years N] [--seed N]``.

Each year is drawn at random: upgrades and smaller plans, refunds in part, pauses, ends, late or doubled
ticks. What came, month by month, is compared with a model that is written apart from the product. Exit 1 if a
year differs; its seed and its story are printed.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from buying.lives.living import without_logs
from buying.subscriptions.month_years import Place, live_and_compare

from flask_prepaid.testing import Databases

#: Memory where there is some to write to.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None

#: Years that share an app and the first day of each plan.
IN_ONE_GO = 200

#: Objects made until garbage is collected: years leave much that is gone by itself.
COLLECTED_AFTER = 200_000


def live(days: int, seeds: range) -> list[str]:
    """What was wrong in each year that went wrong."""
    gc.set_threshold(COLLECTED_AFTER)
    wrong = []
    with (
        tempfile.TemporaryDirectory(dir=FAST) as folder,
        without_logs(),
        closing(Place(Databases(Path(folder)))) as place,
    ):
        for seed in seeds:
            try:
                live_and_compare(place, seed, days=days)
            except Exception as error:
                wrong.append(f"seed {seed}: {error!r}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    begun = time.monotonic()
    end = options.seed + options.years
    goes = [range(at, min(at + IN_ONE_GO, end)) for at in range(options.seed, end, IN_ONE_GO)]
    years = wrong = 0
    with ProcessPoolExecutor(options.processes) as workers:
        for seeds, faults in zip(goes, workers.map(partial(live, options.days), goes), strict=True):
            years, wrong = years + len(seeds), wrong + len(faults)
            print("\n".join([*faults, f"{years} years, {wrong} wrong"]), file=sys.stderr, flush=True)
    summary = {"campaign": "drip", "years": years, "seconds": round(time.monotonic() - begun, 1)}
    print(json.dumps({**summary, "wrong": wrong}))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
