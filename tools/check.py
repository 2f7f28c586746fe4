"""What holds without running the product: ``./dev check``."""

from __future__ import annotations

import sys
from pathlib import Path

from . import docs, lock
from .install import PROJECTS, say
from .workshop import BIN, run

#: One by one: each project has a tests/conftest.py, and together they would be one module.
TYPED = [
    *([f"{project}/src", f"{project}/tests"] for project in PROJECTS),
    ["dev", "docs/conf.py", "journeys", "benchmarks", "campaigns", "tools"],
]

MYPY: list[list[str | Path]] = [[BIN / "mypy", *folders] for folders in TYPED]

STEPS: list[list[str | Path]] = [
    [BIN / "ruff", "format", "--check", "."],
    [BIN / "ruff", "check", "."],
    *MYPY,
    [sys.executable, "-m", "pytest", "-q", "journeys/architecture", "journeys/test_words.py"],
    docs.BUILD,
]


def main() -> int:
    for step in STEPS:
        say(" ".join([Path(step[0]).name, *map(str, step[1:3])]))
        if code := run(*step):
            return code
    return lock.check()


if __name__ == "__main__":
    raise SystemExit(main())
