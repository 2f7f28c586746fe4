"""Programs for Node that others wrote, on the emulator: ``./dev campaign strangers``.

They are installed by npm into a folder of their own, which takes a network. Exit 1 if a call of one is
answered otherwise than it expects.

Run in full: 50 of 50 calls of Stripe's package for Node; 24 of 24 checks of Medusa's Stripe provider, which
speaks version 2024-04-10; 29 of 29 of Better Auth's plugin, from the sign-up to the subscription's end; and
119 of 119 of Supabase's sync engine, each column of its tables and each event of a type that it knows, at
version 2022-11-15.
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

from campaigns.djstripe import furnish

from prepaid_ledger.testing import new_database
from stripe_emulator import Emulator
from stripe_emulator.server.http import Worker, serve

SCRIPTS = Path(__file__).parents[1] / "stripe-emulator/tests/strangers"
#: Script -> the packages that it needs.
PROGRAMS = {
    "node_calls.mjs": ("stripe@23",),
    "medusa.cjs": ("@medusajs/payment-stripe@2", "@medusajs/framework@2", "@medusajs/utils@2"),
    "better_auth.mjs": ("@better-auth/stripe@1", "better-auth@1", "stripe@22"),
    "sync_engine.cjs": ("@supabase/stripe-sync-engine@0.48", "stripe@20"),
}
#: What copies an account is given one that has something of most kinds, and a database.
COPIES = "sync_engine.cjs"


def served() -> tuple[Emulator, Worker]:
    """An emulator at an address of its own, and who delivers its webhooks."""
    emulator = Emulator()
    server = serve(emulator, "127.0.0.1", 0)
    emulator.store.base_url = f"http://127.0.0.1:{server.port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    worker = Worker(emulator)
    worker.start()
    return emulator, worker


def database() -> str:
    """The address of a new database of PostgreSQL, as Node's driver reads it."""
    url = new_database("copied")
    return f"postgresql://{url.username}@/{url.database}?host={url.query['host']}"


def run(script: str, packages: tuple[str, ...]) -> dict[str, Any]:
    """What a program says of itself: how many of its checks were good, of how many."""
    emulator, worker = served()
    environment = {**os.environ, "EMULATOR": emulator.store.base_url}
    if script == COPIES:
        furnish(emulator)
        environment["DATABASE"] = database()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(SCRIPTS / script, folder)
        npm = ["npm", "install", "--silent", "--no-save", "--legacy-peer-deps", *packages]
        subprocess.run(npm, cwd=folder, check=True)
        done = subprocess.run(
            ["node", script], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
    worker.stop()
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


def main() -> int:
    outcomes = {script: run(script, packages) for script, packages in PROGRAMS.items()}
    ok = all(outcome["good"] == outcome["all"] for outcome in outcomes.values())
    print(json.dumps({"campaign": "strangers", "ok": ok, "programs": outcomes}))
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
