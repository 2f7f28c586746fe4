"""Random histories of one wallet agree with a model: ``./dev campaign histories [--examples N] [--seed N]``.

The tests live a few of them. Here each kind of database has its hundreds, of 40 steps each. Exit 1 if a
balance, a lot, a hold or a budget is not the model's, or the audit is not clean; the shortest such history is
printed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import traceback
from pathlib import Path

from ledger.test_histories import run_histories

from prepaid_ledger.testing import Databases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=300, help="histories on each kind of database")
    parser.add_argument("--seed", type=int, help="draws them; others each time without it")
    options = parser.parse_args()
    wrong = []
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder:
            try:
                run_histories(Databases(Path(folder)), kind, examples=options.examples, number=options.seed)
            except Exception:
                traceback.print_exc()
                wrong.append(kind)
    print(json.dumps({"campaign": "histories", "examples": options.examples, "wrong": wrong}))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
