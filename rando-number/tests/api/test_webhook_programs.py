"""A customer's program that hears webhooks, pasted from /docs/api: in Python and in Node."""

from __future__ import annotations

import html
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO

import pytest

from flask_prepaid import WEBHOOK_EVENTS

from ..running_shop import RunningShop, Visitor

#: The first words of a program, and what runs its file.
PROGRAMS = {"python": ("import base64", sys.executable), "node": ("import { createHmac", "node")}

PAGE = "/webhooks/1"


@pytest.fixture
def shop(tmp_path: Path) -> RunningShop:
    """A shop for developers: webhooks may go to this machine."""
    return RunningShop(tmp_path / "shop", RANDO_LOCAL_WEBHOOKS="1")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(shop: RunningShop, first_words: str, *, secret: str, port: int) -> str:
    """The program as its reader keeps it: with their secret, and here on a port of its own."""
    page = shop.visitor().get("/docs/api").text
    pieces = [html.unescape(piece) for piece in re.findall(r"<code>(.*?)</code>", page, re.DOTALL)]
    code = next(piece for piece in pieces if piece.startswith(first_words))
    return code.replace("whsec_...", secret).replace("8000", str(port))


@contextmanager
def running(command: str, file: Path, port: int) -> Iterator[SimpleQueue[str]]:
    """Run a program; the lines that it writes, once it listens."""
    ran = subprocess.Popen([command, str(file)], stdout=subprocess.PIPE, text=True)
    assert ran.stdout is not None
    lines: SimpleQueue[str] = SimpleQueue()
    reader = Thread(target=read, args=(ran.stdout, lines))
    reader.start()
    try:
        while not listens(port):
            assert ran.poll() is None, "it has ended"
            time.sleep(0.05)
        yield lines
    finally:
        ran.terminate()
        ran.wait(60)
        reader.join()
        ran.stdout.close()


def read(output: IO[str], lines: SimpleQueue[str]) -> None:
    for line in output:
        lines.put(line)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def status_of(url: str, body: bytes, **headers: str) -> int:
    """What the program answers to a message of somebody else's."""
    sent = {name.replace("_", "-"): text for name, text in headers.items()}
    request = urllib.request.Request(url, body, sent)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def buy(shop: RunningShop, customer: Visitor) -> None:
    """Buy ten credits, and let the tick tell."""
    shop.stripe.pay(customer.buy(pack="starter"))
    assert shop.command("prepaid", "tick").exit_code == 0


@pytest.mark.parametrize("kind", PROGRAMS)
def test_the_program_of_the_page_hears_each_event_once_and_nothing_that_is_forged(
    shop: RunningShop, tmp_path: Path, kind: str
) -> None:
    first_words, command = PROGRAMS[kind]
    customer, port = shop.customer(), free_port()
    url = f"http://127.0.0.1:{port}/hooks"
    secret = re.search(r"whsec_[\w+/=]+", customer.send("/webhooks", url=url).text)
    assert secret is not None
    file = tmp_path / {"python": "hooks.py", "node": "hooks.mjs"}[kind]
    file.write_text(program(shop, first_words, secret=secret[0], port=port))

    with running(command, file, port) as lines:
        buy(shop, customer)
        assert re.search(r"^credits\.added .*payment_id\W+1\b.*credits\W+10\b", lines.get(timeout=60))

        forged = b'{"type": "credits.added", "data": {"credits": 1000000}}'
        now = str(int(time.time()))
        assert status_of(url, forged) == 400
        assert status_of(url, forged, webhook_id="msg_1", webhook_timestamp="\xb2") == 400
        headers = {"webhook_id": "msg_1", "webhook_timestamp": now}
        for signature in ("", "v1,", "v1,\xe9", f"v1,{'A' * 43}=", "v1a,x v1,y"):
            assert status_of(url, forged, **headers, webhook_signature=signature) == 400

        customer.send(f"{PAGE}/rotate", form_of=PAGE)  # both secrets sign for a day
        assert customer.send(f"{PAGE}/again", form_of=PAGE).status_code == 303
        buy(shop, customer)
        assert re.search(r"^credits\.added .*payment_id\W+2\b", lines.get(timeout=60)), "and 1 came once"
    answers = re.findall(r'<span class="badge [\w-]+">(\d+)</span>', customer.get(PAGE).text)
    assert answers == ["204"] * 3


def test_the_page_names_each_type_with_its_data(shop: RunningShop) -> None:
    page = shop.visitor().get("/docs/api").text

    rows = re.findall(r"<tr><td><code>([a-z_]+\.[a-z_]+)</code>.*?</tr>", page)

    assert rows == [event.type for event in WEBHOOK_EVENTS]
    assert all(f"<code>{name}</code>" in page for event in WEBHOOK_EVENTS for name in event.data)
