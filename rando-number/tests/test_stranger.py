"""Somebody who has read /docs/api registers, makes a key, and draws a thousand numbers on a bad line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .bad_line import BadLine
from .shop import Shop
from .test_docs import serving


def test_a_stranger_on_a_bad_line_is_charged_for_what_it_received(shop: Shop) -> None:
    customer = shop.customer(credits=1_200)
    key = customer.make_key("my program")
    with serving(shop) as port:
        line = BadLine(port, share=0.3)
        program = [sys.executable, str(Path(__file__).with_name("stranger.py")), line.url, key, "1000"]

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
