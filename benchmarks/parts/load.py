"""wrk as a load generator, and servers that are started and ended around it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent

#: Requests take the next set of headers each, so that customers take turns. With a rate,
#: ``delay`` spreads them evenly: without one, each connection asks again at once.
LUA = """
local requests, turn, due = {}, 0, nil
function init(args)
  for i, headers in ipairs(%(headers)s) do
    requests[i] = wrk.format("%(method)s", nil, headers, %(body)s)
  end
end
function request()
  turn = turn + 1
  return requests[turn %% #requests + 1]
end
function done(summary, latency, requests)
  io.write(string.format(
    '{"requests": %%d, "seconds": %%f, "p50_ms": %%f, "p99_ms": %%f, "refused": %%d, "broken": %%d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
"""

PACED = """
local ffi = require("ffi")
ffi.cdef("typedef struct { long s, ns; } timespec; int clock_gettime(int clock, timespec *now);")
local now = ffi.new("timespec")
function delay()
  ffi.C.clock_gettime(1, now)
  local ms = tonumber(now.s) * 1e3 + tonumber(now.ns) / 1e6
  due = (due or ms) + 1000 / %(rate)f
  return math.max(0, math.floor(due - ms + 0.5))
end
"""


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw. ``refused`` were answered 4xx or 5xx, ``broken`` not at all."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


@dataclass(frozen=True)
class Call:
    """What is asked for, by customers who take turns: one set of headers each."""

    url: str
    headers: Sequence[dict[str, str]]
    method: str = "GET"
    body: str | None = None


def drive(call: Call, *, clients: int, seconds: float, rate: float | None = None) -> Load:
    """Ask from ``clients`` connections for ``seconds``, as fast as they go or ``rate`` times a second."""
    sets = ("{" + ", ".join(f'["{name}"]="{value}"' for name, value in h.items()) + "}" for h in call.headers)
    body = "nil" if call.body is None else f"'{call.body}'"
    script = LUA % {"headers": "{" + ", ".join(sets) + "}", "method": call.method, "body": body}
    if rate is not None:
        script += PACED % {"rate": rate}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        length = [f"-c{clients}", f"-d{max(1, round(seconds))}s"]
        command = ["wrk", "-t1", *length, "--timeout", "10s", "-s", file.name, call.url]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    report = re.search(r"\{.*\}", output)
    assert report is not None, output
    return Load(**json.loads(report[0]))


def need_wrk() -> None:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed to make the load. On Debian: apt install wrk")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Server:
    """A server that answers at ``url``, started by us as process ``pid``."""

    url: str
    pid: int


@contextmanager
def gunicorn(target: str, environment: dict[str, str]) -> Iterator[Server]:
    """The article's server: 2 workers with 4 threads each."""
    port = free_port()
    words = ["--workers", "2", "--threads", "4", "--log-level", "error", "--no-control-socket"]
    command = [str(BIN / "gunicorn"), *words, "--bind", f"127.0.0.1:{port}", target]
    with serving(command, port, environment) as server:
        yield server


@contextmanager
def granian(target: str, environment: dict[str, str], *, workers: int = 2) -> Iterator[Server]:
    """A WSGI app of Flask's, with 16 threads in each worker."""
    words = ["--interface", "wsgi", "--blocking-threads", "16", "--workers", str(workers)]
    with serving_granian(words, target, environment) as server:
        yield server


@contextmanager
def shop_server(environment: dict[str, str], *, workers: int = 2) -> Iterator[Server]:
    """Rando Number, as it is deployed."""
    words = ["--interface", "asginl", "--runtime-mode", "st", "--workers", str(workers)]
    with serving_granian(words, "rando_number.asgi:app", environment) as server:
        yield server


@contextmanager
def serving_granian(words: list[str], target: str, environment: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    where = ["--no-ws", "--log-level", "error", "--port", str(port)]
    with serving([str(BIN / "granian"), *words, *where, target], port, environment) as server:
        yield server


@contextmanager
def serving(command: list[str], port: int, environment: dict[str, str]) -> Iterator[Server]:
    url = f"http://127.0.0.1:{port}"
    folder = Path(__file__).resolve().parents[1]
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    child = subprocess.Popen(
        command, env={**os.environ, **environment, "PYTHONPATH": path}, start_new_session=True
    )
    try:
        until = time.monotonic() + 60
        while not answers(url):
            if child.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{command[0]} did not come up")
            time.sleep(0.05)
        yield Server(url, child.pid)
    finally:
        end(child)


def end(child: subprocess.Popen[bytes]) -> None:
    """End a server and its workers. One that is told so while it starts may not have heard it."""
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
