"""wrk as a load generator, and servers that are started and ended around it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent

#: Each connection keeps to one header set of a list, chosen at its first request: customers don't share.
LUA = """
local headers = %s
local counter = 0
function setup(thread) thread:set("offset", counter); counter = counter + 7919 end
function init(args) turn = offset end
function request()
  turn = turn + 1
  return wrk.format("%s", nil, headers[turn %% #headers + 1], %s)
end
function done(summary, latency, requests)
  io.write(string.format('{"requests": %%d, "seconds": %%f, "p99_ms": %%f, "errors": %%d}',
    summary.requests, summary.duration / 1e6, latency:percentile(99) / 1000,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw."""

    rate: float
    p99_ms: float
    errors: int


def drive(
    url: str,
    headers: list[dict[str, str]],
    *,
    clients: int,
    seconds: float,
    script: Path,
    method: str = "GET",
    body: str | None = None,
) -> Load:
    """Send requests from ``clients`` connections for ``seconds``; each takes the next set of headers."""
    table = (
        "{" + ", ".join("{" + ", ".join(f'["{k}"]="{v}"' for k, v in h.items()) + "}" for h in headers) + "}"
    )
    script.write_text(LUA % (table, method, f"'{body}'" if body is not None else "nil"))
    command = ["wrk", "-t2", f"-c{clients}", f"-d{seconds:g}s", "--timeout", "10s", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"\{.*\}", said)
    assert found is not None, said
    result = json.loads(found[0])
    return Load(result["requests"] / result["seconds"], result["p99_ms"], result["errors"])


def need_wrk() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed to make the load. On Debian: apt install wrk")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def gunicorn(target: str, environment: dict[str, str]) -> Iterator[str]:
    """The article's server: 2 workers with 4 threads each."""
    port = free_port()
    words = ["--workers", "2", "--threads", "4", "--log-level", "error", "--no-control-socket"]
    command = [str(BIN / "gunicorn"), *words, "--bind", f"127.0.0.1:{port}", target]
    with serving(command, port, environment) as url:
        yield url


@contextmanager
def granian(target: str, environment: dict[str, str], *, workers: int = 2, threads: int = 4) -> Iterator[str]:
    port = free_port()
    words = ["--workers", str(workers), "--blocking-threads", str(threads), "--no-ws", "--log-level", "error"]
    command = [str(BIN / "granian"), "--interface", "wsgi", *words, "--port", str(port), target]
    with serving(command, port, environment) as url:
        yield url


@contextmanager
def serving(command: list[str], port: int, environment: dict[str, str]) -> Iterator[str]:
    url = f"http://127.0.0.1:{port}"
    folder = Path(__file__).resolve().parents[1]
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    child = subprocess.Popen(command, env={**os.environ, **environment, "PYTHONPATH": path})
    try:
        until = time.monotonic() + 30
        while not answers(url):
            if child.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{command[0]} did not come up")
            time.sleep(0.05)
        yield url
    finally:
        child.terminate()
        child.wait(20)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
