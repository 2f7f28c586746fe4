"""Kills a purchase at each line that it executes: ``./dev campaign crash [--lines N] [STORY...]``.

Open, settle, charge, charge by invoice and refund, each killed at every line of ours, then ticked. Exit 1
if one of them does not end right.

Run in full: 3,301 lines (981, 573, 1,363 and 384) in 244 s, no violation.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import traceback
from pathlib import Path

from buying.payments.crash import SETTINGS, STORIES
from buying.shop import Shop

from flask_prepaid.testing import Databases

#: More lines than any story has.
EVERY_LINE = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stories", nargs="*", metavar="STORY")
    parser.add_argument("--lines", type=int, default=EVERY_LINE, help="lines of each story")
    options = parser.parse_args()
    start = time.monotonic()
    lines: dict[str, int] = {}
    violations = []
    for story in STORIES:
        if options.stories and story.__name__ not in options.stories:
            continue
        with tempfile.TemporaryDirectory() as folder:
            database = Databases(Path(folder)).fresh("sqlite")
            shop = Shop(database, webhooks=False, **SETTINGS.get(story, {}))
            try:
                lines[story.__name__] = story(shop, options.lines)
                shop.close()
            except AssertionError:
                violations.append(story.__name__)
                traceback.print_exc()
    seconds = round(time.monotonic() - start, 1)
    summary = {"campaign": "crash", "lines": lines, "seconds": seconds, "violations": violations}
    print(json.dumps(summary))
    raise SystemExit(1 if violations else 0)


if __name__ == "__main__":
    main()
