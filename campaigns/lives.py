"""Random lives, in which all features meet: ``./dev campaign lives [--lives N] [--seed S] [--postgresql]``.

Each life is a customer's: packs, codes, cards, plans, auto top-up, holds, budgets, refunds, disputes, prices
that change, time that passes, lost and doubled webhooks, processes that die. After each step, the books and
Stripe are compared with a model that is written apart. A life that goes wrong is made short and told. Exit 1
if one does.

``--defect NAME`` puts a mistake into the product for the run; ``--defects`` runs every known one, and exits 1
unless lives find each. What these lives are about is the mistake's theme, or that of ``--theme``.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from buying.lives.defects import DEFECTS, SHOWN_BY, seeded
from buying.lives.living import Wrong, first_wrong
from buying.lives.steps import NARROW, THEMES

from flask_prepaid.testing import Databases

#: Memory where there is some to write to.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None

#: Lives between two looks at what the others have found: they share their apps.
IN_ONE_GO = 50

#: Objects made until garbage is collected: lives leave much that is gone by itself.
COLLECTED_AFTER = 200_000


def live(
    seeds: range, kind: str, defect: str | None, short: bool, only: set[int] | None, theme: str | None
) -> Wrong | None:
    """What goes wrong in these lives, each in an empty shop."""
    gc.set_threshold(COLLECTED_AFTER)
    with tempfile.TemporaryDirectory(dir=FAST) as folder, seeded(defect):
        return first_wrong(Databases(Path(folder)), kind, seeds, short=short, only=only, theme=theme)


def find(
    options: argparse.Namespace, defect: str | None, *, short: bool, only: set[int] | None = None
) -> tuple[int, Wrong | None]:
    """How many lives it took, and the first that went wrong. Those that look for a defect are about it."""
    theme = options.theme or (SHOWN_BY[defect] if defect else None)
    kind = "postgresql" if options.postgresql else "sqlite"
    end = options.seed + options.lives
    goes = [range(at, min(at + IN_ONE_GO, end)) for at in range(options.seed, end, IN_ONE_GO)]
    with ProcessPoolExecutor(options.processes) as workers:
        waiting = [workers.submit(live, seeds, kind, defect, short, only, theme) for seeds in goes]
        for done in waiting:
            if wrong := done.result():
                for rest in waiting:
                    rest.cancel()
                return wrong.seed - options.seed + 1, wrong
    return options.lives, None


def find_all_defects(options: argparse.Namespace) -> list[str]:
    """Run every defect, and print what finds it; the names of those that nothing found.

    A life that goes wrong without the defect as well has not found it.
    """
    missed = []
    for name in DEFECTS:
        start = time.monotonic()
        lives, wrong = find(options, name, short=False)
        took = f"{lives:5} lives {time.monotonic() - start:7.1f} s"
        is_found = wrong is not None and goes_right(wrong, SHOWN_BY[name])
        print(f"{'found ' if is_found else 'MISSED'} {took}  {name}", flush=True)
        if wrong is not None:
            print(f"{'':25}{wrong.reason}", flush=True)
        if not is_found:
            missed.append(name)
    return missed


def goes_right(wrong: Wrong, theme: str) -> bool:
    """Whether this life goes right without a defect."""
    return (
        live(range(wrong.seed, wrong.seed + 1), wrong.kind, None, short=False, only=None, theme=theme) is None
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true", help="in place of SQLite")
    parser.add_argument("--only", metavar="NUMBERS", help="live these steps alone: 1,4,7")
    parser.add_argument("--theme", choices=[*THEMES, *NARROW], help="what all lives are about")
    parser.add_argument("--defect", choices=list(DEFECTS), help="with this mistake in the product")
    parser.add_argument("--defects", action="store_true", help="find each of them")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    start = time.monotonic()
    if options.defects:
        missed = find_all_defects(options)
        print(json.dumps({"campaign": "lives", "defects": len(DEFECTS), "missed": missed}))
        raise SystemExit(1 if missed else 0)
    only = {int(number) for number in options.only.split(",")} if options.only else None
    lives, wrong = find(options, options.defect, short=only is None, only=only)
    if wrong is not None:
        print(wrong.story(), file=sys.stderr)
    seconds = round(time.monotonic() - start, 1)
    print(
        json.dumps({"campaign": "lives", "lives": lives, "seconds": seconds, "wrong": int(wrong is not None)})
    )
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
