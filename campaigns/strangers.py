"""Programs for Node that others wrote, on the emulator: ``./dev campaign strangers``.

They are installed by npm into a folder of their own, which takes a network. Exit 1 if a call of one is
answered otherwise than it expects.

Run in full: 50 of 50 calls of Stripe's package for Node, and 24 of 24 checks of Medusa's Stripe provider,
which speaks version 2024-04-10.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

from stripe_emulator import Emulator
from stripe_emulator.server.http import Worker, serve

SCRIPTS = Path(__file__).parents[1] / "stripe-emulator/tests/strangers"
#: Script -> the packages that it needs.
PROGRAMS = {
    "node_calls.mjs": ("stripe@23",),
    "medusa.cjs": ("@medusajs/payment-stripe@2", "@medusajs/framework@2", "@medusajs/utils@2"),
}


def run(script: str, packages: tuple[str, ...], url: str) -> dict[str, Any]:
    """What a program says of itself: how many of its checks were good, of how many."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(SCRIPTS / script, folder)
        npm = ["npm", "install", "--silent", "--no-save", "--legacy-peer-deps", *packages]
        subprocess.run(npm, cwd=folder, check=True)
        environment = {**os.environ, "EMULATOR": url}
        done = subprocess.run(
            ["node", script], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


def main() -> int:
    emulator = Emulator()
    server = serve(emulator, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    worker = Worker(emulator)
    worker.start()
    url = f"http://127.0.0.1:{server.port}"
    outcomes = {script: run(script, packages, url) for script, packages in PROGRAMS.items()}
    worker.stop()
    ok = all(outcome["good"] == outcome["all"] for outcome in outcomes.values())
    print(json.dumps({"campaign": "strangers", "ok": ok, "programs": outcomes}))
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
