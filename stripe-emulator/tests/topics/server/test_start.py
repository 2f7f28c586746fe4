"""An emulator starts fast: without the SDK, once it was read, and without Flask until a page is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ..shop import SDK

#: Start as the command does, answer a payment and an older version's list by HTTP, and say what was imported.
STORY = """
import json, sys, threading, urllib.request
from stripe_emulator import Emulator
from stripe_emulator.server.http import Worker, serve

emulator = Emulator()
server = serve(emulator, "127.0.0.1", 0)
Worker(emulator).start()
threading.Thread(target=server.serve_forever, daemon=True).start()

def call(path, body=None, **headers):
    headers = {"Authorization": "Bearer sk_test_mine", **headers}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", body, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)

form = b"amount=2000&currency=usd&payment_method=pm_card_visa&confirm=true&return_url=https://shop.example"
paid = call("/v1/payment_intents", form)
listed = call("/v1/payment_intents", **{"Stripe-Version": "2024-06-20"})
events = call("/v2/core/events")
seen = {"paid": paid, "listed": len(listed["data"]), "events": len(events["data"])}
print(json.dumps(seen | {"imported": sorted(sys.modules)}))
"""
SLOW = {"stripe", "flask", "jinja2", "requests", "asyncio"}


def start(cache: Path) -> dict[str, Any]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", STORY], env=environment, capture_output=True, text=True, check=True
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    assert outcome["paid"]["status"] == "succeeded"
    assert outcome["listed"] == 1
    assert (outcome["events"] > 2) is (SDK >= 16)  # version 15 has no thin events of v1
    return outcome


def test_the_second_start_imports_neither_the_sdk_nor_flask(tmp_path: Path) -> None:
    first = start(tmp_path)
    second = start(tmp_path)

    assert set(first["imported"]) & SLOW == {"stripe", "requests", "asyncio"}
    assert set(second["imported"]) & SLOW == set()
    ours_and_pythons = sys.stdlib_module_names | {"stripe_emulator"}
    assert len({name for name in second["imported"] if name.partition(".")[0] not in ours_and_pythons}) < 50
    assert second["paid"].keys() == first["paid"].keys()
    assert oct(next(tmp_path.glob("stripe-emulator/*")).stat().st_mode)[-3:] == "700"

    for file in tmp_path.rglob("*.json"):
        file.write_text(file.read_text()[:50])  # as a full disk leaves it
    start(tmp_path)
    assert all(json.loads(file.read_text()) for file in tmp_path.rglob("*.json"))


def test_an_emulator_starts_where_nothing_can_be_kept() -> None:
    start(Path(os.devnull) / "nowhere")
