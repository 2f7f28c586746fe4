"""Kills processes with -9 between a commit and what it tells: ``./dev campaign outbox [--kills N]``.

Exit 1 if a receiver, a mailbox or an endpoint was not told of something, or under two ids.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from buying.outbox.hearing import hearing
from buying.outbox.kills import kill

from flask_prepaid.testing import Databases


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    wrong = 0
    for kind in ("sqlite", "postgresql"):
        begun = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, hearing() as program:
            program.fails_every = 20
            toll = kill(
                Databases(Path(folder)).fresh(kind),
                Path(folder),
                program,
                kills=options.kills,
                seed=options.seed,
            )
        wrong += len(toll.wrong)
        took = {"seconds": round(time.monotonic() - begun, 1)}
        print(json.dumps({"campaign": "outbox", "database": kind, **asdict(toll), **took}), flush=True)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
