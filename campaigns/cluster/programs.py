"""The programs of a cluster, and how one that is missing is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

#: Patroni has a venv of its own: it needs other versions than the shop, and nothing of the shop needs it.
PATRONI = "patroni[etcd3]>=4.1,<5"

#: What Debian calls the packages, by what they bring.
PACKAGES = {"postgres": "postgresql-15", "etcd": "etcd-server", "pgbouncer": "pgbouncer"}

DEBIANS_POSTGRESQL = Path("/usr/lib/postgresql/15/bin")


@dataclass(frozen=True)
class Programs:
    """Where each program lies."""

    postgresql: Path
    etcd: Path
    patroni: Path


def find(folder: Path) -> Programs:
    """Find PostgreSQL and etcd, and Patroni, which is installed into ``folder`` where ``PATRONI`` names none.

    :raises SystemExit: One is missing. It says what to install.
    """
    postgresql = next(
        (path for path in (DEBIANS_POSTGRESQL, *_on_path("postgres")) if (path / "postgres").exists()), None
    )
    etcd = shutil.which("etcd")
    missing = [
        PACKAGES[name] for name, path in {"postgres": postgresql, "etcd": etcd}.items() if path is None
    ]
    if missing or postgresql is None or etcd is None:
        raise SystemExit(f"Something is missing. On Debian: apt install {' '.join(missing)}")
    named = os.environ.get("PATRONI")
    return Programs(postgresql, Path(etcd), Path(named) if named else _install_patroni(folder / "patroni"))


def _on_path(name: str) -> list[Path]:
    path = shutil.which(name)
    return [Path(path).resolve().parent] if path else []


def _install_patroni(venv: Path) -> Path:
    print(f"installing {PATRONI} into {venv}; PATRONI=/path/to/patroni saves it", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    done = subprocess.run(
        [venv / "bin/pip", "install", "-q", PATRONI, "psycopg[binary]"],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"Patroni could not be installed: {done.stderr[-500:]}")
    return venv / "bin/patroni"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
