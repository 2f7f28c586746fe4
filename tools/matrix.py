"""The tests on every version that we promise: ``./dev matrix [CELL ...] [--tests PATH ...]``.

Each cell has a virtual environment of its own in a cache, and begins from the lock: only what the cell
names is another version. With no cell all of them run, one after the other; a table stands at the end.
Exit 1 if a cell failed. A cell whose Python or PostgreSQL this machine lacks is left out, and said.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from . import postgresql
from .cells import CELLS, Cell, Missing
from .environments import environment_for
from .install import ROOT, browser_environment, say


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev matrix", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cells", nargs="*", metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--tests", nargs="+", help="run these instead of every project's tests")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--minutes", type=int, default=40, help="for each cell")
    options = parser.parse_args()
    if unknown := set(options.cells) - set(CELLS):
        parser.error(f"there is no cell {', '.join(sorted(unknown))}; there are {', '.join(CELLS)}")
    rows = []
    for name in options.cells or CELLS:
        say(f"{name}: begins")
        began = time.monotonic()
        outcome = outcome_of(CELLS[name], options.tests, options.workers, options.minutes)
        rows.append((name, outcome, f"{(time.monotonic() - began) / 60:.1f} min"))
    for row in rows:
        print(f"{row[0]:<16} {row[1]:<32} {row[2]:>9}")
    return int(any(outcome.startswith(("failed", "not done")) for _, outcome, _ in rows))


def outcome_of(cell: Cell, tests: list[str] | None, workers: str, minutes: int) -> str:
    arguments = [*cell.options, *(tests or cell.tests)]
    try:
        python = environment_for(cell)
        if cell.postgresql is None:
            return test(python, arguments, workers, minutes)
        with postgresql.server(cell.postgresql) as url:
            return test(python, arguments, workers, minutes, PREPAID_TEST_POSTGRESQL=url)
    except Missing as missing:
        return f"left out: {missing}"
    except SystemExit:
        return "failed (it could not be installed)"


def test(python: Path, arguments: Sequence[str], workers: str, minutes: int, **settings: str) -> str:
    """Run pytest in a scratch folder; what came of it in a word or two."""
    with tempfile.TemporaryDirectory(prefix="matrix-") as scratch:
        how = ["-q", "-p", "no:cacheprovider", "-n", workers, "--dist", "worksteal"]
        command = [str(python), "-m", "pytest", *how, *arguments]
        environment = {**browser_environment(), "TMPDIR": scratch, **settings}
        run = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        try:
            code = run.wait(minutes * 60)
        except subprocess.TimeoutExpired:
            return f"not done in {minutes} minutes"
        finally:
            end(run)
    return "passed" if code == 0 else f"failed (pytest's exit code {code})"


def end(run: subprocess.Popen[bytes]) -> None:
    """End what is left of a run, and wait: its servers stop while their folders are still there."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(run.pid, number)
        with suppress(subprocess.TimeoutExpired):
            run.wait(15)
            return


if __name__ == "__main__":
    raise SystemExit(main())
