"""A shop that was started as its user starts it, and a real browser to visit it with."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask.cli import FlaskGroup
from tools.run.settings import environment_of

from rando_number import create_app
from rando_number.extensions import db

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Running:
    """One ``./dev run`` with its ports and its data folder."""

    data: Path
    port: int
    emulator_port: int
    process: subprocess.Popen[str] | None = None
    output: list[str] = field(default_factory=list)
    serves: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def emulator_url(self) -> str:
        return f"http://127.0.0.1:{self.emulator_port}"

    def start(self, *, history: bool = False, **settings: str) -> None:
        """Start it and wait until it says that it serves. A new one has nobody's history, unless wanted."""
        command = [sys.executable, str(ROOT / "dev"), "run", "--data", str(self.data)]
        command += [] if history else ["--no-history"]
        ports = ["--port", str(self.port), "--emulator-port", str(self.emulator_port)]
        self.output, self.serves = [], threading.Event()
        self.process = subprocess.Popen(
            [*command, *ports],
            cwd=ROOT,
            env={**os.environ, "RATELIMIT_ENABLED": "0", **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=listen, args=(self.process, self.output, self.serves), daemon=True).start()
        assert self.serves.wait(180), "".join(self.output)
        assert self.process.poll() is None, "".join(self.output)

    def stop(self) -> int:
        """Ctrl-C, as its user does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def kill(self) -> None:
        """kill -9 of the whole group: nobody gets to tidy up."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)

    def flask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``./dev flask`` on the same data."""
        return subprocess.run(
            [sys.executable, str(ROOT / "dev"), "flask", *words],
            cwd=ROOT,
            env={**os.environ, "RANDO_DATA": str(self.data)},
            capture_output=True,
            text=True,
        )

    def command(self, *words: str) -> Result:
        """The same in this process: a second or two less each time, for who asks for much."""
        return command_of(environment_of(self.data), *words)


def command_of(environment: Mapping[str, str], *words: str) -> Result:
    """``flask`` with these words on the shop of these settings, in this process."""
    app = create_app(environment)
    done = app.test_cli_runner().invoke(FlaskGroup(create_app=lambda: app), words)
    with app.app_context():
        db.engine.dispose()
    return done


def listen(process: subprocess.Popen[str], output: list[str], serves: threading.Event) -> None:
    """Read what it says for as long as it lives, so that it never waits for a reader."""
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            output.append(line)
            if "Ctrl-C" in line:
                serves.set()
    process.wait()
    serves.set()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def shop_in(folder: Path) -> Iterator[Running]:
    """A shop that is not started yet, and is gone in the end."""
    running = Running(folder / "data", free_port(), free_port())
    yield running
    if running.process is not None and running.process.poll() is None:
        running.kill()


@pytest.fixture
def new_shop(tmp_path: Path) -> Iterator[Running]:
    """A shop of one's own, not started yet."""
    with shop_in(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A shop that all journeys of this process share; each brings its own customer."""
    with shop_in(tmp_path_factory.mktemp("shop")) as running:
        running.start()
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="session")
def own_form_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A shop where a new card is given on its own pages, in fields of Stripe's."""
    with shop_in(tmp_path_factory.mktemp("own_form")) as running:
        running.start(PREPAID_OWN_CARD_FORM="1")
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    return {
        **browser_type_launch_args,
        "executable_path": os.environ["CHROMIUM"],
        "args": [*quiet, "--disable-component-update", "--no-first-run"],
    }


def credits(text: str) -> int:
    """The first whole number in a piece of page."""
    number = re.search(r"-?[\d,]+", text)
    assert number is not None, text
    return int(number[0].replace(",", ""))
