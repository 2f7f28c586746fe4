"""Whether 32 callers on two processes can overrun a budget: ``./dev campaign budgets [--rounds N]``.

Exit 1 if in any round more or fewer credits were spent than the budget has, or the audit is not clean.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from ledger.budget_races import race

from prepaid_ledger.testing import Databases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--budget", type=int, default=50, help="credits that a round may spend")
    options = parser.parse_args()
    wrong = 0
    for kind in ("sqlite", "postgresql"):
        with tempfile.TemporaryDirectory() as folder:
            url = Databases(Path(folder)).fresh(kind)
            outcome = race(url, rounds=options.rounds, budget=options.budget)
        wrong += len(outcome.wrong)
        print(json.dumps({"campaign": "budgets", "database": kind, **asdict(outcome)}), flush=True)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
