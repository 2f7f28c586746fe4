"""A PostgreSQL server of a version that is installed on this machine, for as long as a test run lasts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .cells import Missing

#: It is thrown away: it need not wait for the disk.
OPTIONS = "-h '' -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=300"


@contextmanager
def server(version: str) -> Iterator[str]:
    """The URL of a new server that is stopped at the end.

    :raises Missing: This machine has no such version.
    """
    programs = Path(f"/usr/lib/postgresql/{version}/bin")
    if not programs.is_dir():
        raise Missing(f"no PostgreSQL {version}")
    with tempfile.TemporaryDirectory(prefix="matrix-postgresql-") as name:
        folder = Path(name)
        user = "postgres" if os.getuid() == 0 else None  # PostgreSQL never runs as root
        if user:
            shutil.chown(folder, user)
        data = folder / "data"

        def call(program: str, *words: str | Path) -> None:
            command = [programs / program, "-D", data, *words]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, user=user)

        call("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8")
        call("pg_ctl", "-o", f"-k {folder} {OPTIONS}", "-l", folder / "log", "-w", "start")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-m", "immediate", "-w", "stop")
