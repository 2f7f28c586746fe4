"""The shop and Stripe's emulator on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

from ..install import BIN, ROOT, install, say, stop
from .data_folder import ours_alone, whole
from .family import Family, die_with_parent
from .settings import emulated, hears_for_itself, make_environment

#: What the emulator keeps, in the data folder of a shop that has sold there.
EMULATED = "stripe.sqlite3"


def run(arguments: list[str]) -> int:
    options = run_options(arguments)
    for port in (options.port, options.emulator_port):
        if listens(options.host if port == options.port else "127.0.0.1", port):
            stop(
                f"port {port} is taken. Is another ./dev run at work? "
                "Else choose another with --port or --emulator-port."
            )
    install(dev=False)
    data = Path(options.data).resolve()
    with ours_alone(data):
        return serve(options, data)


def serve(options: argparse.Namespace, data: Path) -> int:
    """Everything on this data folder, until Ctrl-C."""
    environment = make_environment(options, data)
    family = Family(environment)
    for number in (signal.SIGINT, signal.SIGTERM):  # a script's background job starts with Ctrl-C ignored
        signal.signal(number, signal.default_int_handler)
    try:
        start_everything(family, options, environment)
        family.wait()
    except KeyboardInterrupt:
        say("\nstopping")
        return 0
    finally:
        family.end()
        for file in data.glob("*.sqlite3"):
            whole(file)
    return 1


def run_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev run", description="Serve the shop until Ctrl-C.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5555)
    parser.add_argument("--emulator-port", type=int, default=12111)
    parser.add_argument("--data", default=os.environ.get("RANDO_DATA", str(ROOT / "instance")))
    parser.add_argument("--no-demo", action="store_true", help="make no users")
    parser.add_argument(
        "--no-history",
        action="store_true",
        help="don't let three months of made-up customers pass in a new shop",
    )
    parser.add_argument("--workers", type=int, default=1)
    return parser.parse_args(arguments)


def start_everything(family: Family, options: argparse.Namespace, environment: dict[str, str]) -> None:
    shop = f"http://{'127.0.0.1' if options.host == '0.0.0.0' else options.host}:{options.port}"
    say("starting the emulator and the shop" if emulated() else "starting the shop on your Stripe key")
    if not emulated() and (Path(environment["RANDO_DATA"]) / EMULATED).exists():
        say(
            "this shop has sold at the emulator, and Stripe knows nothing of that. "
            "--data instance/stripe begins another one."
        )
    if emulated():
        family.start(emulator_command(options, environment, shop), quiet=True)
        family.start(shop_command(options))  # not ready before its tables are; that saves seconds
    flask: list[str | Path] = [BIN / "flask", "--app", "rando_number"]
    prepare = [*flask, "rando", "prepare", *([] if options.no_demo else ["--demo"])]
    if emulated():
        prepare += ["--emulator", *([] if options.no_demo or options.no_history else ["--history"])]
    out = subprocess.DEVNULL
    if subprocess.run(prepare, env=environment, stdout=out, preexec_fn=die_with_parent).returncode:
        stop("the shop could not be set up; the reason stands above.")
    if not emulated():
        family.start(shop_command(options))  # after what is wrong with the keys was said, once
    family.await_answer(f"{shop}/readyz")
    family.start([*flask, "prepaid", "tick", "--every", "10"])
    if hears_for_itself():
        family.start([*flask, "prepaid", "listen"])
    print("\n".join(["", *welcome(shop, options, environment), ""]), flush=True)


def welcome(shop: str, options: argparse.Namespace, environment: dict[str, str]) -> list[str]:
    """Where everything is, who can log in, and what to try first."""
    by_name = shop.replace("//127.0.0.1:", "//localhost:")  # passkeys need a name
    lines = [f"  Rando Number    {by_name}"]
    logins = Path(environment["RANDO_DATA"]) / "logins.json"
    if logins.exists() and not options.no_demo:
        for who, login in json.loads(logins.read_text()).items():
            lines.append(f"    {who:<13} {login['email']:<17} {login['password']}")
    if emulated():
        lines.append(f"  Stripe          {environment['STRIPE_API_BASE']}  (emulated: no real money)")
        lines.append("    pay with      4242 4242 4242 4242, any later date, any three digits")
    else:
        lines.append(f"  Stripe          with your key {environment['STRIPE_SECRET_KEY'][:12]}...")
        lines.append(f"    is all well?  RANDO_DATA={environment['RANDO_DATA']} ./dev flask prepaid doctor")
    return [*lines, "", f"  All of it is kept in {environment['RANDO_DATA']}. Ctrl-C stops."]


def shop_command(options: argparse.Namespace) -> list[str | Path]:
    where = ["--host", options.host, "--port", str(options.port), "--workers", str(options.workers)]
    how = ["--interface", "asginl", "--runtime-mode", "st", "--no-ws", "--log-level", "error"]
    how += ["--http1-header-read-timeout", "10000", "--backlog", "4096", "--backpressure", "4096"]
    how += ["--respawn-failed-workers", "--respawn-interval", "1"]
    how += ["--workers-kill-timeout", "3"]  # before ./dev loses its patience and leaves them orphans
    return [BIN / "granian", *how, *where, "rando_number.asgi:app"]


def emulator_command(options: argparse.Namespace, environment: dict[str, str], shop: str) -> list[str | Path]:
    return [
        BIN / "stripe-emulator",
        *("--port", str(options.emulator_port)),
        *("--data", str(Path(environment["RANDO_DATA"]) / EMULATED)),
        *("--webhook", f"{shop}/prepaid/webhook"),
        *("--webhook-secret", environment["STRIPE_WEBHOOK_SECRET"]),
        *("--name", "Rando Number"),
    ]


def listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.3)
        return probe.connect_ex((host, port)) == 0
