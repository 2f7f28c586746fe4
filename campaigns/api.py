#!/usr/bin/env python3
"""The API under fire: generated requests, races, and a program on a broken connection.

    ./dev campaign api [--cases 5000] [--numbers 1000] [--seed 7]

Each part starts from an empty shop behind a real server, and ends with an audit of its
books. The last line is one JSON object; exit 1 if anything was off.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.api.broken_connection import BrokenConnection  # type: ignore[import-not-found]  # from the shop's tests

TESTS = Path(__file__).parents[1] / "rando-number" / "tests" / "api"
BIN = Path(sys.executable).parent


class Served:
    """A shop on an empty database behind the server that `./dev run` starts."""

    def __init__(self, data: Path) -> None:
        os.environ.update({"RANDO_DATA": str(data), "RATELIMIT_ENABLED": "0"})
        from rando_number import create_app

        self.app = create_app()
        assert self.app.test_cli_runner().invoke(args=["rando", "prepare"]).exit_code == 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    def customer(self, credits: int) -> tuple[str, str]:
        """Somebody with so many credits: the owner and an API key."""
        from rando_number.extensions import db
        from rando_number.models import User

        with self.app.test_request_context():
            count = db.session.query(User).count()
            user = User(email=f"c{count}@rando.test", fs_uniquifier=f"c{count}", active=True)
            db.session.add(user)
            db.session.flush()
            owner = user.owner
            key = self.prepaid.make_key(owner, name="campaign").secret
            self.prepaid.grant(owner, credits, key="campaign", reason="for a campaign")
            db.session.commit()
        return owner, key

    @property
    def prepaid(self) -> Any:
        return self.app.extensions["prepaid"]

    def balance(self, owner: str) -> int:
        with self.app.app_context():
            return int(self.prepaid.balance(owner))

    def problems(self) -> list[str]:
        with self.app.app_context():
            return [str(problem) for problem in self.prepaid.audit()]

    @contextmanager
    def running(self) -> Iterator[None]:
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--no-ws", "--log-level", "error"]
        words = [str(BIN / "granian"), "--interface", "asginl", "--runtime-mode", "st", *where]
        child = subprocess.Popen([*words, "rando_number.asgi:app"])
        try:
            while child.poll() is None:
                with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                    break
                time.sleep(0.05)
            yield
        finally:
            child.terminate()
            child.wait(20)


def ask(port: int, method: str, path: str, key: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        sent = json.dumps(body) if body is not None else None
        line.request(method, path, sent, {"Authorization": f"Bearer {key}", **headers})
        answer = line.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        line.close()


def race(served: Served) -> dict[str, Any]:
    """200 threads with one key and 100 credits get 100 numbers."""
    owner, key = served.customer(100)
    together = threading.Barrier(200)

    def draw(_: int) -> int:
        together.wait()
        return ask(served.port, "GET", "/api/v1/number/", key)[0]

    with ThreadPoolExecutor(200) as threads:
        answers = Counter(threads.map(draw, range(200)))
    return {"ok": answers == {200: 100, 402: 100} and served.balance(owner) == 0, "answers": dict(answers)}


def stranger(served: Served, numbers: int, seed: int) -> dict[str, Any]:
    """A program draws so many numbers over a broken connection, and is charged for what it got."""
    owner, key = served.customer(2 * numbers)
    line = BrokenConnection(served.port, share=0.3, seed=seed)
    program = [sys.executable, str(TESTS / "client_program.py"), line.url, key, str(numbers)]
    ran = subprocess.run(program, capture_output=True, text=True)
    line.close()
    if ran.returncode:
        return {"ok": False, "output": ran.stderr[-2_000:]}
    counts = json.loads(ran.stdout)
    charged = 2 * numbers - served.balance(owner)
    return {"ok": charged == counts["received"] == numbers, "charged": charged, "cut": line.cut, **counts}


def fuzz(served: Served, cases: int, key: str | None) -> dict[str, Any]:
    """schemathesis over the app's own document; it stops at nothing."""
    words = ["run", f"http://127.0.0.1:{served.port}/api/v1/openapi.json", "--continue-on-failure"]
    words += ["--max-examples", str(cases), "--checks", "not_a_server_error,response_schema_conformance"]
    words += ["--no-color", "--workers", "2", "--phases", "fuzzing"]
    words += ["-H", f"Authorization: Bearer {key}"] if key else []
    ran = subprocess.run([str(BIN / "schemathesis"), *words], capture_output=True, text=True)
    return {
        "ok": ran.returncode == 0,
        "output": [line.strip() for line in ran.stdout.splitlines() if line.strip()][-8:],
    }


def main() -> int:
    reads = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reads.add_argument("--cases", type=int, default=5_000, help="generated requests, signed in and not")
    reads.add_argument("--numbers", type=int, default=1_000)
    reads.add_argument("--seed", type=int, default=7)
    options = reads.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        served = Served(Path(folder))
        with served.running():
            results = {"race": race(served), "stranger": stranger(served, options.numbers, options.seed)}
            if options.cases:
                _, key = served.customer(1_000_000)
                each = options.cases // 20  # five calls, valid and not, with a key and without
                results["fuzz_signed_in"] = fuzz(served, 2 * each, key)
                results["fuzz_stranger"] = fuzz(served, 2 * each, None)
        problems = served.problems()
    ok = all(result["ok"] for result in results.values()) and not problems
    print(json.dumps({"campaign": "api", "ok": ok, "problems": problems, **results}))
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
