"""Restarts the shop behind Caddy while programs call without a pause: ``./dev campaign deploys``.

The server is that of ``deploy/rando-web.service``, and the proxy reads ``deploy/Caddyfile``. One after the
other: the tables of the next release come in, the server is ended and started again, its workers are started
anew, and one of them is killed. Exit 1 if a call was answered by anything but 200, or the audit finds
anything; of a worker that is killed, the calls that it had may fail. Needs Caddy.
"""

from __future__ import annotations

import argparse
import json
import os
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

from campaigns.cluster.programs import free_port
from journeys.production import Production, deployed
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
            "RANDO_UPSTREAM": f"127.0.0.1:{self.ports['web']}",
            "HOME": str(folder),
        }
        self.answers: Counter[str] = Counter()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(key,), daemon=True) for key in keys]
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
        os.kill(Production.workers(self)[0], signal.SIGKILL)  # type: ignore[arg-type]

    @property
    def server(self) -> subprocess.Popen[bytes]:
        return self.web

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
        self.web.terminate()
        self.web.wait(40)
        self.proxy.terminate()
        self.proxy.wait(20)

    def during(self, happens: Callable[[], None]) -> Counter[str]:
        """What was answered around something that happens, until all is well again."""
        before = self.answers.copy()
        time.sleep(AROUND_S / 2)
        happens()
        self.await_ready()
        time.sleep(AROUND_S / 2)
        return self.answers - before

    def _call(self, key: str) -> None:
        url = f"{self.environment['RANDO_HOST']}/api/v1/number/"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
        while not self._ended.is_set():
            try:
                with urllib.request.urlopen(request, timeout=40) as answer:
                    self.answers[str(answer.status)] += 1
            except urllib.error.HTTPError as refused:
                self.answers[str(refused.code)] += 1
            except OSError as broken:
                self.answers[type(broken).__name__] += 1


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
            told = {
                "tables_of_the_next_release": rolling.during(rolling.next_release),
                "restart": rolling.during(rolling.restart),
                "reload": rolling.during(lambda: rolling.web.send_signal(signal.SIGHUP)),
                "worker_killed": rolling.during(rolling.kill_a_worker),
            }
        finally:
            rolling.end()
        off = RunningShop(Path(name) / "data").audit()
    print(json.dumps({"campaign": "deploys", **told, "audit": [str(problem) for problem in off]}))
    right = all(set(came) == {"200"} for what, came in told.items() if what != "worker_killed")
    lost_with_it = told["worker_killed"].total() - told["worker_killed"]["200"]
    raise SystemExit(0 if right and lost_with_it <= options.callers and not off else 1)


if __name__ == "__main__":
    main()
