"""Runs the shop through PgBouncer, which pools by transaction: ``./dev campaign poolers``.

Programs spend and customers look at pages, all at once, and every command runs meanwhile. Exit 1 if the
database refused anything, a call was answered by anything but 200, or the books are off.

``--prepared`` is the control: without RANDO_DATABASE_POOLER statements are prepared on connections that
others get. Needs PostgreSQL 15 and PgBouncer; PGBOUNCER=/path/to/pgbouncer tries another version.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campaigns.cluster.programs import PACKAGES, free_port
from sqlalchemy import URL, make_url
from tests.running_shop import (  # type: ignore[import-not-found]  # from the shop's tests
    Program,
    RunningShop,
)
from tools.cells import Missing
from tools.postgresql import server

from flask_prepaid.cli.report import REPORTS
from rando_number.edge.streams import AT_ONCE
from rando_number.extensions import db
from rando_number.migrations.upgrade import upgrade

#: Every command that reads or writes the books, as cron and an operator run them.
COMMANDS = (
    "prepaid upgrade",
    "prepaid tick",
    "prepaid sync",
    "prepaid audit",
    "prepaid reconcile --fix",
    *(f"prepaid report {name} --json" for name in REPORTS),
    "prepaid show user:1",
    "rando prepare",
)

PAGES = ("/", "/user-profile", "/usage", "/cards", "/api-keys", "/buy-credits")

#: The shop sends ``AT_ONCE`` of it at the same time, and tells others by a 503 to come again.
DOWNLOAD = "/usage.csv"

#: What PostgreSQL or PgBouncer say where something was refused.
REFUSAL = re.compile(r"(?:ERROR|FATAL|PANIC|WARNING).*")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--prepared", action="store_true", help="the control, which fails")
    options = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # the loop of the callers ends with the process
    pgbouncer = os.environ.get("PGBOUNCER") or shutil.which(
        "pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin"
    )
    if pgbouncer is None:
        raise SystemExit(f"Something is missing. On Debian: apt install {PACKAGES['pgbouncer']}")
    version = subprocess.run([pgbouncer, "--version"], capture_output=True, text=True, check=True).stdout
    try:
        with tempfile.TemporaryDirectory(prefix="poolers-") as name, server("15") as url:
            summary = through(Path(name), pgbouncer, make_url(url), options)
    except Missing as missing:
        raise SystemExit(f"{missing}. On Debian: apt install {PACKAGES['postgres']}") from missing
    print(json.dumps({"campaign": "poolers", "pgbouncer": version.split()[1], **summary}))
    failed = bool(
        summary["refusals"] or summary["commands_failed"] or summary["calls_failed"] or summary["audit"]
    )
    raise SystemExit(0 if failed is options.prepared else 1)


def through(folder: Path, pgbouncer: str, server: URL, options: argparse.Namespace) -> dict[str, object]:
    """Use the shop through the pooler for some seconds; what came of it."""
    folder.chmod(0o755)
    with pooled(folder, pgbouncer, server) as url:
        pooler = {} if options.prepared else {"RANDO_DATABASE_POOLER": "1"}
        shop = RunningShop(folder, DATABASE_URL=url, **pooler)
        with shop.app.app_context():
            upgrade()
        calls, commands = Counter[int](), Counter[str]()
        failed: list[str] = []
        ended = threading.Event()
        callers = [threading.Thread(target=call, args=(shop, number, ended, calls)) for number in range(8)]
        for caller in callers:
            caller.start()
        until_s = time.monotonic() + options.seconds
        while time.monotonic() < until_s or not commands:
            for words in COMMANDS:
                result = shop.command(*words.split())
                commands[words] += 1
                if result.exit_code:
                    failed.append(f"{words}: {result.output[-200:]}")
        ended.set()
        for caller in callers:
            caller.join()
        off = [str(problem) for problem in shop.audit()]
        with shop.app.app_context():
            db.engine.dispose()
    logs = (Path(str(server.query["host"])) / "log").read_text() + (folder / "pgbouncer.log").read_text()
    return {
        "calls": calls.total(),
        "calls_failed": calls.total() - calls[200],
        "answers": {str(status): count for status, count in calls.items()},
        "commands": commands.total(),
        "commands_failed": failed[:5],
        "refusals": Counter(REFUSAL.findall(logs)).most_common(5),
        "audit": off,
    }


def call(shop: RunningShop, number: int, ended: threading.Event, calls: Counter[int]) -> None:
    """A customer who draws numbers, by a program and by the button, and looks around."""
    try:
        draw_and_look(shop, number, ended, calls)
    except Exception:
        traceback.print_exc()
        calls[500] += 1


def draw_and_look(shop: RunningShop, number: int, ended: threading.Event, calls: Counter[int]) -> None:
    customer = shop.customer(f"pat{number}@rando.test", credits=1_000_000)
    program = Program(shop, customer.make_key())
    if number == 0:
        shop.stripe.pay(customer.buy(pack="starter"))
    pages = (*PAGES, DOWNLOAD) if number < AT_ONCE else PAGES
    while not ended.is_set():
        answers = [program.get("/number/") for _ in range(10)]
        answers += [program.post("/numbers", {"count": 3}), customer.draw()]
        answers += [customer.get(path) for path in pages]
        calls.update(answer.status_code for answer in answers)


@contextmanager
def pooled(folder: Path, pgbouncer: str, server: URL) -> Iterator[str]:
    """PgBouncer in front of the server, with fewer connections than it has clients; its URL."""
    port = free_port()
    file = folder / "pgbouncer.ini"
    file.write_text(
        f"[databases]\n* = host={server.query['host']} port=5432 user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"logfile = {folder}/pgbouncer.log\nauth_type = any\npool_mode = transaction\n"
        "default_pool_size = 5\nmax_client_conn = 200\nignore_startup_parameters = options\n"
    )
    user = "postgres" if os.getuid() == 0 else None  # PgBouncer never runs as root
    (folder / "pgbouncer.log").touch()
    if user:
        shutil.chown(folder / "pgbouncer.log", user)
    child = subprocess.Popen([pgbouncer, "-q", file], user=user)
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    finally:
        child.terminate()
        child.wait(20)


if __name__ == "__main__":
    main()
