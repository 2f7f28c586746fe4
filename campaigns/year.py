#!/usr/bin/env python3
"""A made-up year of the shop, recounted: ``./dev campaign year [--customers N] [--months N] [--seed N]``.

The tests recount the three months that every first start lives. Exit 1 if a report, the close of the
last month or the books are off.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import traceback
from pathlib import Path

from journeys.conftest import shop_in
from journeys.recount import the_last_month_closes, the_reports_are_a_recount


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=7)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    how = [f"--{name}={value}" for name, value in vars(options).items()]
    with tempfile.TemporaryDirectory() as folder, shop_in(Path(folder)) as shop:
        shop.start()
        seeded = shop.flask("rando", "seed", *how)  # ends with reconcile and audit
        wrong = seeded.stderr[-2_000:] if seeded.returncode else ""
        try:
            the_reports_are_a_recount(shop)
            the_last_month_closes(shop)
        except Exception:
            wrong += traceback.format_exc()
    print(json.dumps({"campaign": "year", **vars(options), "ok": not wrong, "wrong": wrong}))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
