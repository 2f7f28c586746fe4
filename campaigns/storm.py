"""Sells 300 times in a storm, on each kind of database: ``./dev campaign storm [--purchases N]``.

Every webhook comes three times and shuffled, and of the calls to Stripe's API one in twenty fails
before its work and one in twenty after it. Exit 1 if credits were lost or doubled, or books differ.

Run in full: 300 purchases on each, 0 lost, 0 doubled, no drift, in 341 s of a busy machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from buying.operations.storm import storm
from buying.shop import Shop

from flask_prepaid.testing import Databases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=300)
    options = parser.parse_args()
    start = time.monotonic()
    tolls = {}
    right = True
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder:
            shop = Shop(Databases(Path(folder)).fresh(kind))
            toll = storm(shop, options.purchases)
            shop.close()
        tolls[kind] = asdict(toll)
        right &= (toll.lost, toll.doubled, toll.drift) == (0, 0, 0)
        right &= toll.charged_minor == 500 * toll.bought
    print(json.dumps({"campaign": "storm", **tolls, "seconds": round(time.monotonic() - start, 1)}))
    raise SystemExit(0 if right else 1)


if __name__ == "__main__":
    main()
