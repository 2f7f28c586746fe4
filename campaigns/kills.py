"""Kills processes with -9 while they spend, hold and grant: ``./dev campaign kills [--kills N]``.

Exit 1 if anything that was acknowledged is lost or doubled, or the audit is not clean.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from ledger.kills import hammer

from prepaid_ledger.testing import Databases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    wrong = 0
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder:
            toll = hammer(
                Databases(Path(folder)).fresh(kind),
                Path(folder),
                kills=options.kills,
                processes=options.processes,
                seed=options.seed,
            )
        wrong += len(toll.wrong)
        print(json.dumps({"campaign": "kills", "database": kind, **asdict(toll)}), flush=True)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
