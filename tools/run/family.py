"""Processes that start and end together."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from ..install import say, stop


class Family:
    """Processes that start and end together."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.children: list[subprocess.Popen[bytes]] = []
        self.ended = threading.Event()

    def start(self, command: list[str | Path], *, quiet: bool = False) -> None:
        out = subprocess.DEVNULL if quiet else None
        child = subprocess.Popen(command, env=self.environment, stdout=out, preexec_fn=die_with_parent)
        self.children.append(child)
        threading.Thread(target=self.watch, args=(child,), daemon=True).start()

    def watch(self, child: subprocess.Popen[bytes]) -> None:
        child.wait()
        self.ended.set()

    def await_answer(self, url: str, within_s: float = 60) -> None:
        until = time.monotonic() + within_s
        while time.monotonic() < until and not self.ended.is_set():
            try:
                with urllib.request.urlopen(url, timeout=2):
                    return
            except OSError as error:
                if isinstance(error, urllib.error.HTTPError):
                    error.close()
                self.ended.wait(0.05)
        stop(f"{url} did not answer; the reason stands above.")

    def wait(self) -> None:
        """Until one of them ends, which none should."""
        self.ended.wait()
        say("a part ended by itself; stopping the rest")

    def end(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C would leave some of them behind
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
        for child in self.children:
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


def die_with_parent() -> None:
    """Have Linux end the child when ./dev is killed: nothing is left behind on the ports."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
