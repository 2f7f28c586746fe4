"""Lock the requirements anew: ``./dev lock [--upgrade]``; arguments go to ``uv pip compile``."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from .install import ROOT, say
from .workshop import BIN, must

NAMES = ("requirements", "requirements-dev")
FORM = "--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header"


def compile_lock(name: str, target: Path, *more: str) -> None:
    must(BIN / "uv", "pip", "compile", "-q", *FORM.split(), *more, f"{name}.in", "-o", target)


def is_in_step(name: str) -> bool:
    """Whether the lock is what its ``.in`` file asks for; what it holds already is kept where it fits."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{name}.txt"
        shutil.copy(ROOT / f"{name}.txt", copy)
        compile_lock(name, copy)
        return copy.read_text() == (ROOT / f"{name}.txt").read_text()


def check() -> int:
    say("lock in step with what the projects ask for")
    for name in NAMES:
        if not is_in_step(name):
            say(f"{name}.txt is not what {name}.in asks for. Run ./dev lock and commit.")
            return 1
    return 0


if __name__ == "__main__":
    for name in NAMES:
        compile_lock(name, ROOT / f"{name}.txt", *sys.argv[1:])
