"""Makes small mistakes in the lines that move money, and sees whether the nearby tests notice:
``./dev campaign mutants [--only TEXT] [--count N] [--seed N] [--jobs N] [--list]``.

Each mutant is one mistake, made by a rule: a comparison swapped, a condition dropped, a field not compared.
Exit 1 if one of them survives that is not explained as equivalent in ``mutation/table.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from campaigns.mutation.rules import Mutant, mutants
from campaigns.mutation.table import ALWAYS, EQUIVALENT, NEARBY, ROOT, Nearby
from campaigns.mutation.trial import ORDERS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="those whose name or file has this in it, all"
    )
    parser.add_argument("--count", type=int, default=88, help="how many are chosen")
    parser.add_argument("--seed", type=int, default=15, help="another one chooses others")
    parser.add_argument("--jobs", type=int, default=2, help="how many run at once")
    parser.add_argument("--list", action="store_true", help="name them, and try none")
    options = parser.parse_args()
    chosen = choose(options.only, options.count, options.seed)
    if options.list:
        print("\n".join(mutant.name for mutant in chosen))
        return
    with ThreadPoolExecutor(options.jobs) as pool:
        ends = [end for some in pool.map(lambda group: tried(group, chosen), NEARBY.values()) for end in some]
    counts = Counter(end["outcome"] for end in ends)
    print(json.dumps({"campaign": "mutants", "tried": len(ends), **counts}))
    raise SystemExit(0 if ends and not counts["survived"] else 1)


def choose(only: str, count: int, seed: int) -> list[Mutant]:
    """``count`` of all mutants, as many of each file as there are, and the ones that were once missed."""
    by_file = {file: mutants(file) for group in NEARBY.values() for file in group.sources()}
    if only:
        return [
            mutant for some in by_file.values() for mutant in some if only in str(mutant.file) + mutant.name
        ]
    every = [mutant for some in by_file.values() for mutant in some]
    always = [mutant for mutant in every if (mutant.file.name, mutant.change) in ALWAYS]
    for file, some in by_file.items():  # each by itself: a change to one leaves the others' choice as it is
        random.Random(f"{seed}:{file.name}").shuffle(some)
    turns = [some[turn] for turn in range(count) for some in by_file.values() if turn < len(some)]
    others = [mutant for mutant in turns if mutant not in always]
    return always + others[: count - len(always)]


def tried(group: Nearby, chosen: list[Mutant]) -> list[dict[str, Any]]:
    """What became of the mutants of one group, in one run of its tests."""
    mine = {mutant.name: mutant for mutant in chosen if mutant.file in group.sources()}
    if not mine:
        return []
    reading, writing = os.pipe()
    orders = {"files": [str(file) for file in group.sources()], "names": list(mine), "answers": writing}
    ends = []
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        (Path(folder) / "log").open("w+") as log,
    ):
        environment = {
            **os.environ,
            ORDERS: json.dumps(orders),
            "TMPDIR": folder,
            "HYPOTHESIS_STORAGE_DIRECTORY": folder,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        }
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
        command += ["-p", "campaigns.mutation.trial", *group.paths()]
        with (
            subprocess.Popen(
                command, cwd=ROOT, env=environment, pass_fds=[writing], stdout=log, stderr=subprocess.STDOUT
            ),
            os.fdopen(reading) as answers,
        ):
            os.close(writing)
            for line in answers:
                end = json.loads(line)
                if "broken" in end:
                    raise SystemExit(f"without any mistake, this fails already: {end['broken']}")
                ends.append(judged(end, mine[end["name"]]))
        if len(ends) < len(mine):
            log.seek(0)
            raise SystemExit(f"{len(mine) - len(ends)} were not tried:\n{log.read()[-3000:]}")
    return ends


def judged(end: dict[str, Any], mutant: Mutant) -> dict[str, Any]:
    """Print what became of a mutant. One that nothing can notice is told with the reason."""
    reason = EQUIVALENT.get((mutant.file.name, mutant.text, mutant.change))
    if end["outcome"] == "survived" and reason is not None:
        end = {**end, "outcome": "equivalent"}
    by = reason if end["outcome"] == "equivalent" else end["by"] or f"{end['tests']} tests saw nothing"
    print(f"{end['outcome']:<10} {end['seconds']:6.1f} s  {mutant.name}\n           {by}", flush=True)
    return end


if __name__ == "__main__":
    main()
