"""How a tool runs a program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .install import ROOT, say

BIN = Path(sys.executable).parent


def run(*command: str | Path, **environment: str) -> int:
    """Run a program at the root of the repository; its exit code."""
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}).returncode


def must(*command: str | Path, **environment: str) -> None:
    """Run a program, and stop with its exit code if it fails."""
    if code := run(*command, **environment):
        say(f"failed: {' '.join(map(str, command))}")
        raise SystemExit(code)


def package_of(project: str) -> str:
    return project.replace("-", "_")
