"""A program written by /docs/api alone draws a thousand numbers over a connection that breaks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ..running_shop import RunningShop
from .broken_connection import BrokenConnection


def test_a_program_on_a_broken_connection_is_charged_for_what_it_received(shop: RunningShop) -> None:
    customer = shop.customer(credits=1_200)
    key = customer.make_key("my program")
    with shop.serving() as port:
        line = BrokenConnection(port, share=0.3)
        program = [sys.executable, str(Path(__file__).with_name("client_program.py")), line.url, key, "1000"]

        ran = subprocess.run(program, capture_output=True, text=True, timeout=120)
        line.close()

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "received": 1_000,
        "within": True,
        "told_charged": 1_000,
        "balance_fell": 1_000,
        "listed": True,
        "entries_say": 1_000,
        "usage_says": 1_000,
    }
    assert customer.balance == 200
    assert min(line.cut.values()) >= 5, line.cut
