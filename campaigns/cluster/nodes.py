"""Three nodes of PostgreSQL under Patroni, and three of etcd, on one machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from .programs import USER, Programs, free_port

RECIPE = Path(__file__).parents[2] / "deploy/ha/patroni.yaml"

NAMES = ("node1", "node2", "node3")

#: Who may come in: anybody on this machine, for the cluster lives for minutes.
WHO = ("local all all", "host all all 127.0.0.1/32", "host replication all 127.0.0.1/32")


class Process:
    """A program that can be killed, frozen, and started again, with the processes below it."""

    def __init__(self, command: list[str | Path], log: Path) -> None:
        self.command = command
        self.log = log
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command, stdout=log, stderr=log, user=USER, start_new_session=True, cwd=self.log.parent
            )

    def signal(self, number: int) -> None:
        if self.child is not None:
            with suppress(ProcessLookupError):
                os.kill(self.child.pid, number)

    def wait(self) -> None:
        if self.child is not None:
            self.child.wait(30)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()


class Node:
    """One PostgreSQL and its Patroni."""

    def __init__(self, name: str, folder: Path, programs: Programs, etcds: list[int], *, lossy: bool) -> None:
        self.name = name
        self.port, self.api_port = free_port(), free_port()
        self.data = folder / name / "data"
        self.data.parent.mkdir()
        if USER:
            shutil.chown(self.data.parent, USER)
        file = folder / name / "patroni.yaml"
        file.write_text(yaml.safe_dump(self._settings(programs, etcds, lossy=lossy)))
        self.patroni = Process([programs.patroni, file], folder / f"{name}.log")

    def _settings(self, programs: Programs, etcds: list[int], *, lossy: bool) -> dict[str, Any]:
        """The recipe, with what belongs to this machine in place of three others'."""
        settings: dict[str, Any] = yaml.safe_load(RECIPE.read_text())
        local = settings["postgresql"]
        settings |= {"name": self.name, "watchdog": {"mode": "off"}}
        settings["etcd3"] = {"hosts": [f"127.0.0.1:{port}" for port in etcds]}
        del settings["restapi"]["authentication"], settings["restapi"]["allowlist"]
        for part, port in ((settings["restapi"], self.api_port), (local, self.port)):
            part |= {"listen": f"127.0.0.1:{port}", "connect_address": f"127.0.0.1:{port}"}
        folder = self.data.parent
        local |= {
            "bin_dir": str(programs.postgresql),
            "data_dir": str(self.data),
            "pgpass": str(folder / "pgpass"),
            "pg_hba": [f"{who} trust" for who in WHO],
        }
        local["parameters"] = {"unix_socket_directories": str(folder), "shared_buffers": "64MB"}
        shared = settings["bootstrap"]["dcs"]
        shared["synchronous_mode"] = not lossy
        if lossy:
            shared["maximum_lag_on_failover"] = 2**30
        archive = folder / "wal"
        command = shared["postgresql"]["parameters"]["archive_command"]
        shared["postgresql"]["parameters"]["archive_command"] = command.replace(
            "/var/backups/wal", str(archive)
        )
        archive.mkdir()
        if USER:
            shutil.chown(archive, USER)
        return settings

    def pids(self) -> list[int]:
        """PostgreSQL's processes."""
        with suppress(OSError, ValueError, IndexError):
            first = int((self.data / "postmaster.pid").read_text().split()[0])
            below = Path(f"/proc/{first}/task/{first}/children").read_text().split()
            return [first, *map(int, below)]
        return []

    def all_pids(self) -> list[int]:
        """Patroni's and PostgreSQL's processes."""
        own = [self.patroni.child.pid] if self.patroni.child is not None else []
        return [*own, *self.pids()]

    def senders(self) -> list[int]:
        """The processes that send the log to standbys."""
        return [pid for pid in self.pids() if b"walsender" in command_line(pid)]

    def kill(self) -> None:
        """As a machine that loses its power."""
        for pid in (pids := self.all_pids()):
            send(pid, signal.SIGKILL)
        self.patroni.wait()
        until(lambda: not any(is_there(pid) for pid in pids), 20)

    def is_primary(self) -> bool:
        return self._answers("/primary")

    def is_in_step(self) -> bool:
        return self._answers("/primary") or self._answers("/replica?lag=1MB")

    def synchronous(self) -> set[str]:
        """The names of those that a commit waits for, as etcd has them now: other answers are a loop old."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}/cluster", timeout=2) as answer:
                members = json.load(answer)["members"]
        except (urllib.error.URLError, OSError):
            return set()
        return {member["name"] for member in members if member["role"] == "sync_standby"}

    def _answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}{path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def ask(self, path: str, **fields: object) -> None:
        """One of the verbs of Patroni's own API."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.api_port}{path}",
            json.dumps(fields).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60):
            pass


class Cluster:
    """Three nodes, of which one leads."""

    def __init__(self, folder: Path, programs: Programs, *, lossy: bool) -> None:
        folder.chmod(0o755)
        ports = [(free_port(), free_port()) for _ in NAMES]
        self.etcds = [
            Process(self._etcd(programs, folder, number, ports), folder / f"etcd{number}.log")
            for number in range(len(NAMES))
        ]
        clients = [client for client, _ in ports]
        self.lossy = lossy
        self.nodes = [Node(name, folder, programs, clients, lossy=lossy) for name in NAMES]
        if USER:
            shutil.chown(folder, USER)

    @staticmethod
    def _etcd(
        programs: Programs, folder: Path, number: int, ports: list[tuple[int, int]]
    ) -> list[str | Path]:
        client, peer = (f"http://127.0.0.1:{port}" for port in ports[number])
        peers = ",".join(f"etcd{each}=http://127.0.0.1:{port}" for each, (_, port) in enumerate(ports))
        words = {
            "name": f"etcd{number}",
            "data-dir": folder / f"etcd{number}",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": peers,
            "heartbeat-interval": "300",
            "election-timeout": "3000",
        }
        return [programs.etcd, *(f"--{name}={value}" for name, value in words.items())]

    @contextmanager
    def running(self) -> Iterator[Cluster]:
        with ExitStack() as stack:
            stack.callback(self.end)
            for process in self.etcds:
                process.start()
            for node in self.nodes:
                node.patroni.start()
                if node is self.nodes[0]:
                    until(node.is_primary, 120)
            self.await_all_in_step()
            yield self

    def end(self) -> None:
        for node in self.nodes:
            for pid in node.all_pids():
                send(pid, signal.SIGCONT)
            node.kill()
        for process in self.etcds:
            process.kill()

    @property
    def primary(self) -> Node:
        until(lambda: sum(node.is_primary() for node in self.nodes) == 1, 90)
        return next(node for node in self.nodes if node.is_primary())

    @property
    def standbys(self) -> list[Node]:
        primary = self.primary
        return [node for node in self.nodes if node is not primary]

    @property
    def synchronous(self) -> list[Node]:
        """The standbys that a commit waits for."""
        names = self.primary.synchronous()
        return [node for node in self.nodes if node.name in names]

    def await_all_in_step(self) -> None:
        """Until each node has what the primary has, and one of them is waited for by each commit."""

        def are() -> bool:
            return (
                sum(node.is_primary() for node in self.nodes) == 1
                and all(node.is_in_step() for node in self.nodes)
                and len(self.primary.senders()) == len(self.standbys)
                and (self.lossy or bool(self.synchronous))
            )

        until(are, 180)

    def url(self) -> str:
        """All nodes; psycopg finds the one that takes writes."""
        hosts = "&".join(f"host=127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql+psycopg://postgres:change-me@/postgres?{hosts}&target_session_attrs=read-write"


def until(what: Callable[[], bool], within_s: float) -> None:
    """Ask again until it is so.

    :raises SystemExit: It never was.
    """
    end = time.monotonic() + within_s
    while not what():
        if time.monotonic() > end:
            raise SystemExit(f"The cluster did not come to be as it should within {within_s:g} s.")
        time.sleep(0.2)


def command_line(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def is_there(pid: int) -> bool:
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
