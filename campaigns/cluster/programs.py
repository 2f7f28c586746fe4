"""The programs of a cluster, and how one that is missing is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

#: Patroni has a venv of its own: it needs other versions than the shop, and nothing of the shop needs it.
PATRONI = "patroni[etcd3]>=4.1,<5"

#: What Debian calls the packages, by what they bring.
PACKAGES = {"postgres": "postgresql-15", "etcd": "etcd-server", "pgbouncer": "pgbouncer"}

#: PostgreSQL never runs as root, and neither does what starts it.
USER = "postgres" if os.getuid() == 0 else None

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
    patroni = Path(named) if named else installed(folder / "patroni", PATRONI, "psycopg[binary]") / "patroni"
    return Programs(postgresql, Path(etcd), patroni)


def _on_path(name: str) -> list[Path]:
    path = shutil.which(name)
    return [Path(path).resolve().parent] if path else []


def installed(venv: Path, *packages: str) -> Path:
    """Make a venv that holds ``packages`` of PyPI; the folder of their programs.

    :raises SystemExit: They could not be had, or there is no Python for the user who runs them.
    """
    print(f"installing {', '.join(packages)} into {venv}", file=sys.stderr)
    subprocess.run([_python(), "-m", "venv", venv], check=True)
    done = subprocess.run(
        [venv / "bin/pip", "install", "-q", *packages], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{', '.join(packages)} could not be installed: {done.stderr[-500:]}")
    return venv / "bin"


def _python() -> str:
    """A Python that ``USER`` may run: root's own may lie in root's home."""
    for python in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            if subprocess.run([python, "-c", ""], user=USER, cwd="/", check=False).returncode == 0:
                return python
    raise SystemExit(f"There is no Python that {USER} may run. On Debian: apt install python3-venv")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
