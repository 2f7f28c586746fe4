"""Restarts the shop behind Caddy while programs call without a pause: ``./dev campaign deploys``.

The server is that of ``deploy/rando-web.service``, and the proxy reads ``deploy/Caddyfile``. One after the
other: the tables of the next release come in, the server's workers are started anew, the server is ended and
started again, and a worker is killed. Half of the calls have an Idempotency-Key. Exit 1 if one of these was
answered by anything but 200, if more of the others than were in flight were, or if the audit finds anything.
Needs Caddy.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from campaigns.cluster.nodes import until
from campaigns.cluster.programs import free_port
from journeys.production import deployed, workers_of
from tests.running_shop import RunningShop  # type: ignore[import-not-found]  # from the shop's tests

ROOT = Path(__file__).parents[1]

#: How long programs call around each of the things that happen.
AROUND_S = 4.0


class Rolling:
    """The shop behind Caddy, and what programs were answered."""

    def __init__(self, folder: Path, caddy: str, callers: int) -> None:
        shop = RunningShop(folder / "data")
        keys = [
            shop.customer(f"pat{number}@rando.test", credits=1_000_000).make_key()
            for number in range(callers)
        ]
        self.folder = folder
        self.ports = {"web": free_port(), "proxy": free_port()}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RANDO")},
            "RANDO_DATA": str(folder / "data"),
            "RATELIMIT_ENABLED": "0",
            "RANDO_HOST": f"http://127.0.0.1:{self.ports['proxy']}",
            "SHOP_ADDRESS": f"127.0.0.1:{self.ports['web']}",
            "HOME": str(folder),
        }
        self.answers: Counter[str] = Counter()
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._call, args=(key, number % 2 == 0), daemon=True)
            for number, key in enumerate(keys)
        ]
        words = [caddy, "run", "--adapter", "caddyfile", "--config", str(ROOT / "deploy/Caddyfile")]
        self.proxy = subprocess.Popen(words, env=self.environment, stderr=subprocess.DEVNULL)
        self.web = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(deployed("rando-web.service", self.ports["web"]), env=self.environment)

    def restart(self) -> None:
        """As ``systemctl restart`` does."""
        self.web.terminate()
        self.web.wait(40)
        self.web = self.start()

    def next_release(self) -> None:
        """Its tables have a column more; this release serves on."""
        from sqlalchemy import create_engine, text

        engine = create_engine(f"sqlite:///{self.folder}/data/rando.sqlite3")
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE prepaid_wallet ADD COLUMN note VARCHAR(64)"))
            connection.execute(text("UPDATE prepaid_ledger_alembic_version SET version_num = '0002'"))
        engine.dispose()

    def kill_a_worker(self) -> None:
        os.kill(self.workers()[0], signal.SIGKILL)
        until(lambda: len(self.workers()) == 2, 30)

    def workers(self) -> list[int]:
        return workers_of(self.web)

    def await_ready(self) -> None:
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            try:
                with urllib.request.urlopen(f"{self.environment['RANDO_HOST']}/readyz", timeout=20):
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("The shop did not come up behind the proxy.")

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(30)
        for child in (self.web, self.proxy):
            child.terminate()
            try:
                child.wait(40)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def during(self, happens: Callable[[], None]) -> Counter[str]:
        """What was answered around something that happens, until all is well again."""
        before = self.answers.copy()
        time.sleep(AROUND_S / 2)
        happens()
        self.await_ready()
        time.sleep(AROUND_S / 2)
        return self.answers - before

    def _call(self, api_key: str, has_key: bool) -> None:
        url = f"{self.environment['RANDO_HOST']}/api/v1/number/"
        how = "with a key" if has_key else "without"
        while not self._ended.is_set():
            headers = {"Authorization": f"Bearer {api_key}"}
            if has_key:
                headers["Idempotency-Key"] = secrets.token_hex(16)
            request = urllib.request.Request(url, headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    came = str(answer.status)
            except urllib.error.HTTPError as refused:
                came = str(refused.code)
            except OSError as broken:
                came = type(broken).__name__
            self.answers[f"{how}: {came}"] += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=8)
    options = parser.parse_args()
    caddy = shutil.which("caddy")
    if caddy is None:
        raise SystemExit("Something is missing. On Debian: apt install caddy")
    with tempfile.TemporaryDirectory(prefix="deploys-") as name:
        rolling = Rolling(Path(name), caddy, options.callers)
        try:
            rolling.await_ready()
            rolling.begin()
            summary = {
                "tables_of_the_next_release": rolling.during(rolling.next_release),
                "reload": rolling.during(lambda: rolling.web.send_signal(signal.SIGHUP)),
                "restart": rolling.during(rolling.restart),
                "worker_killed": rolling.during(rolling.kill_a_worker),
            }
        finally:
            rolling.end()
        off = RunningShop(Path(name) / "data").audit()
    print(json.dumps({"campaign": "deploys", **summary, "audit": [str(problem) for problem in off]}))
    right = not off
    for happened, came in summary.items():
        failed = {what: count for what, count in came.items() if not what.endswith("200")}
        in_flight = options.callers if happened in ("restart", "worker_killed") else 0
        right &= sum(failed.values()) <= in_flight and not any("with a key" in what for what in failed)
    raise SystemExit(0 if right else 1)


if __name__ == "__main__":
    main()
