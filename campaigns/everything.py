"""Every event in every state: ``./dev campaign everything [--database sqlite|postgresql] [--only WORD]``.

Plays each cell of the table in flask-prepaid/tests/buying/everything on the emulator. The last line is one
JSON object; exit 1 if a cell came to something else.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from buying.everything.playing import play, wanted
from buying.everything.table import TABLES

from flask_prepaid.testing import Databases

DATABASES = ("sqlite", "postgresql")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=DATABASES)
    parser.add_argument("--only", default="", help="states whose table and name have this in them")
    options = parser.parse_args()
    start, cpu = time.monotonic(), time.process_time()
    cells, wrong = 0, []
    with tempfile.TemporaryDirectory() as folder:
        databases = Databases(Path(folder))
        for kind in [options.database] if options.database else DATABASES:
            for table, state in [(each, state) for each in TABLES for state in each.states]:
                name = f"{table.title}, {state}"
                if options.only not in name:
                    continue
                must = wanted(table, state)
                came = play(databases, kind, table, state, must)
                cells += len(must)
                off = [
                    f"{kind}: {name}, {event}: {came[event]}, not {cell}"
                    for event, cell in must.items()
                    if came[event] != cell
                ]
                print("\n".join(off) or f"{kind}: {name}: {len(must)} as they must be", file=sys.stderr)
                wrong += off
    seconds = {"seconds": round(time.monotonic() - start, 1), "cpu": round(time.process_time() - cpu, 1)}
    print(json.dumps({"campaign": "everything", "cells": cells, **seconds, "wrong": len(wrong)}))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
