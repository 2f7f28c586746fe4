"""A virtual environment for a cell of the matrix, kept in a cache and made from the lock."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from .cells import TESTERS, Cell, Missing
from .install import PROJECTS, ROOT, say
from .workshop import BIN, must

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "flask-prepaid" / "matrix"
LOCK = ROOT / "requirements-dev.txt"
UV = str(BIN / "uv")


def environment_for(cell: Cell) -> Path:
    """The cell's Python, with its versions installed. What has not changed since is not installed again."""
    folder = CACHE / cell.name
    python = folder / "venv/bin/python"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "requirements.txt"
    write_requirements(cell, wanted)
    stamp = folder / "stamp"
    made = f"{ROOT}\n{cell}\n{wanted.read_text()}"
    if python.exists() and stamp.exists() and stamp.read_text() == made:
        return python
    say(f"{cell.name}: making its environment in {folder}")
    stamp.unlink(missing_ok=True)
    must(UV, "venv", "-q", "--clear", "--python", interpreter(cell.python), folder / "venv")
    install = [UV, "pip", "install", "-q", "--python", str(python)]
    must(*install, "-r", wanted)
    must(*install, "--no-deps", "--no-build-isolation", *editable(cell.projects))
    stamp.write_text(made)
    return python


def editable(projects: tuple[str, ...]) -> Iterator[str]:
    for project in projects:
        yield from ("-e", f"./{project}")


def interpreter(version: str) -> str:
    """A Python of this version on this machine, pyenv's too; nothing is downloaded."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for python in sorted(pyenv.glob(f"versions/{version}.*/bin/python")):
        return str(python)
    command = [UV, "python", "find", "--no-python-downloads", "--no-project", version]
    search = subprocess.run(command, capture_output=True, text=True, check=False)
    if search.returncode:
        raise Missing(f"no Python {version}")
    return search.stdout.strip()


def write_requirements(cell: Cell, target: Path) -> None:
    """The lock, as far as the cell's versions allow it."""
    form = ["--no-header", "--no-annotate", "--no-emit-index-url", "--python-version", cell.python]
    if cell.lowest:
        form += ["--resolution", "lowest-direct"]
    with tempfile.TemporaryDirectory() as folder:
        source, locked = Path(folder) / "asked.in", Path(folder) / "locked.txt"
        source.write_text("\n".join(asked_by(cell)))
        if not cell.lowest:
            shutil.copy(LOCK, locked)  # what stands there is taken again wherever it fits
        must(UV, "pip", "compile", "-q", *form, source, "-o", locked)
        target.write_text(locked.read_text())


def asked_by(cell: Cell) -> list[str]:
    if cell.lowest:
        return lowest()
    if cell.projects != PROJECTS:
        return [*requirements(cell.projects), *TESTERS, "flit-core", *cell.pins]
    files = [ROOT / f"{name}.in" for name in ("requirements", "requirements-dev")]
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [*(line for line in lines if not line.startswith("-r")), *cell.pins]


def requirements(projects: tuple[str, ...]) -> list[str]:
    """What the projects ask for, with their extras, but for each other."""
    lines: list[str] = []
    for project in projects:
        table = tomllib.loads((ROOT / project / "pyproject.toml").read_text())["project"]
        lines += table["dependencies"]
        for extra in table.get("optional-dependencies", {}).values():
            lines += extra
    return [line for line in lines if not line.startswith(PROJECTS)]


def lowest() -> list[str]:
    """Every requirement of the projects, to be taken at its lower bound, and the lock's own test tools."""
    ours = requirements(PROJECTS)
    wanted = (ROOT / "requirements-dev.in").read_text().splitlines()
    tools = {name_of(line) for line in wanted if line[:1].isalpha()} | {"flit-core"}
    pinned = [line.rstrip(" \\") for line in LOCK.read_text().splitlines() if line[:1].isalpha()]
    tools -= {name_of(line) for line in ours}
    return [*ours, *(line for line in pinned if name_of(line) in tools)]


def name_of(requirement: str) -> str:
    name = requirement
    for mark in "[<>=!~; ":
        name = name.partition(mark)[0]
    return name
