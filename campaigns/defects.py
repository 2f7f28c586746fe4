"""Seeds each known defect into the ledger, one at a time: ``./dev campaign defects [NAME...]``.

Exit 1 if the tests' own checker does not see one of them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from ledger.defects import DEFECTS, is_caught

from prepaid_ledger.testing import Databases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="some of the defects")
    parser.add_argument("--examples", type=int, default=400, help="histories for each")
    options = parser.parse_args()
    missed = []
    for name in options.names or DEFECTS:
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            caught = is_caught(Databases(Path(folder)), name, examples=options.examples)
        print(f"{'caught' if caught else 'MISSED'}  {time.monotonic() - start:6.1f} s  {name}", flush=True)
        if not caught:
            missed.append(name)
    print(json.dumps({"campaign": "defects", "seeded": len(options.names or DEFECTS), "missed": missed}))
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
