"""The tutorial, from an empty folder to its end: each command is typed, and prints what the page says."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from http.cookiejar import MozillaCookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import pytest

from .conftest import free_port
from .pages import ROOT, Block, blocks_in
from .test_newcomer import Visitor

PAGE = "docs/tutorial.md"
SHOP, STRIPE = "127.0.0.1:5000", "127.0.0.1:12111"


class Reader:
    """Somebody who follows the page: a folder, terminals, and a browser."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {SHOP: f"127.0.0.1:{free_port()}", STRIPE: f"127.0.0.1:{free_port()}"}
        self.environment = {**os.environ, "FLASK_PREPAID_STRIPE_API_BASE": f"http://{self.ports[STRIPE]}"}
        self.terminals: list[subprocess.Popen[bytes]] = []

    def type(self, line: str) -> str:
        """What a command prints; nothing for one that goes on in a terminal of its own."""
        words = shlex.split(self.here(line))
        if words[0] == "pip":
            return ""  # it is installed
        if words[0] == "curl":
            return curl(words[1:], self.folder)
        command = [sys.executable, "-m", *words]
        if "listen" in words:
            return self.open_terminal(command, f"http://{self.ports[STRIPE]}/_emulator/state")
        if words[-1] == "run":
            port = self.ports[SHOP].rpartition(":")[2]
            return self.open_terminal(
                [*command, "--port", port, "--no-reload"], f"http://{self.ports[SHOP]}/"
            )
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout + done.stderr

    def open_terminal(self, command: list[str], url: str) -> str:
        terminal = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.terminals.append(terminal)
        assert answers(url, within_s=60), command
        return ""

    def buy(self) -> None:
        """Sign in as Pat, press the button, and pay on the emulator's page."""
        visitor = Visitor(f"http://{self.ports[SHOP]}")
        visitor.send(visitor.form(f"{visitor.url}/sign-in", {"name": "pat"}))
        checkout = visitor.post("/prepaid/buy", pack="starter", csrf_of="/prepaid/buy")
        card = {"card_number": "4242424242424242", "card_expiry": "12/34", "card_cvc": "123"}
        back = visitor.submit(checkout, email="pat@example.com", name="Pat", **card)
        assert "100 credits added for $5.00" in back.text

    def here(self, text: str) -> str:
        """The page's text with the ports of this test."""
        for theirs, ours in self.ports.items():
            text = text.replace(theirs, ours)
        return text

    def leave(self) -> None:
        for terminal in reversed(self.terminals):
            terminal.terminate()
            terminal.wait(60)


def curl(words: list[str], folder: Path) -> str:
    """The little of curl that the page needs, for machines that have none."""
    options = {"-d": [""], "-H": [""], "-b": ["jar"], "-c": ["jar"]}
    takes_value = iter(words)
    url = ""
    for word in takes_value:
        if word in options:
            options[word].append(next(takes_value))
        elif not word.startswith("-"):
            url = word
    jar = MozillaCookieJar(folder / options["-b"][-1])
    if Path(str(jar.filename)).exists():
        jar.load(ignore_discard=True)
    request = Request(url, data=options["-d"][-1].encode() or None, headers={"Accept": "*/*"})
    for header in options["-H"][1:]:
        request.add_header(*header.split(": ", 1))
    try:
        answer = build_opener(HTTPCookieProcessor(jar)).open(request, timeout=60)
    except HTTPError as refused:
        answer = refused
    jar.save(ignore_discard=True)
    with answer:
        text: str = answer.read().decode()
    return text


def answers(url: str, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            urlopen(url, timeout=20).close()
            return True
        except HTTPError as not_yet:
            not_yet.close()
        except OSError:
            pass
        time.sleep(0.1)
    return False


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.leave()


def test_the_tutorial_works_as_it_is_written(reader: Reader) -> None:
    text = (ROOT / PAGE).read_text()
    steps = [blocks_in(part) for part in text.split("<!-- here: pat buys the pack -->")]
    assert len(steps) == 2

    follow(reader, steps[0])
    reader.buy()
    follow(reader, steps[1])


def follow(reader: Reader, steps: list[Block]) -> None:
    printed = ""
    for step in steps:
        if step.file:
            (reader.folder / step.file).write_text(step.code)
        elif step.language == "sh":
            printed = "".join(reader.type(line) for line in step.commands)
        else:
            assert printed.strip() == reader.here(step.code).strip()
