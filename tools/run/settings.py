"""The settings of a shop on this machine: what its user gave, and what is made up and kept."""

from __future__ import annotations

import argparse
import json
import os
import secrets
from pathlib import Path

from ..install import ROOT, stop


def make_environment(options: argparse.Namespace, data: Path) -> dict[str, str]:
    """What the children see. What is made up here is kept for ./dev flask and the next start."""
    data.mkdir(parents=True, exist_ok=True)
    kept = data / "run.json"
    made = json.loads(kept.read_text()) if kept.exists() else {}
    made.setdefault("SECRET_KEY", secrets.token_urlsafe(32))
    made.setdefault("SECURITY_PASSWORD_SALT", secrets.token_urlsafe(32))
    emulator = {  # the first serves Stripe's test mode as well: its events are fetched, and nobody sends any
        "STRIPE_WEBHOOK_SECRET": made.get("STRIPE_WEBHOOK_SECRET", f"whsec_{secrets.token_hex(16)}"),
        "STRIPE_SECRET_KEY": "sk_test_emulator",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_emulator",
        "STRIPE_API_BASE": f"http://127.0.0.1:{options.emulator_port}",
    }
    if emulated():
        made.update(emulator)
    else:
        made = without_the_emulators(made)
        if hears_for_itself():
            made["STRIPE_WEBHOOK_SECRET"] = emulator["STRIPE_WEBHOOK_SECRET"]
    made["RANDO_BASE_URL"] = f"http://{options.host}:{options.port}"
    with open(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(made, file, indent=1)
    return environment_of(data)


def without_the_emulators(made: dict[str, str]) -> dict[str, str]:
    """What an earlier run kept, less what was the emulator's alone."""
    settings = {"STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_API_BASE"}
    if not hears_for_itself():
        settings.add("STRIPE_WEBHOOK_SECRET")
    return {name: value for name, value in made.items() if name not in settings}


def emulated() -> bool:
    """Whether no Stripe key was given, so that the emulator serves."""
    return not dotenv().get("STRIPE_SECRET_KEY")


def hears_for_itself() -> bool:
    """Whether Stripe's events are fetched from its test mode, which can't reach this machine."""
    given = dotenv()
    is_test = given.get("STRIPE_SECRET_KEY", "").startswith(("sk_test_", "rk_test_"))
    return is_test and not given.get("STRIPE_WEBHOOK_SECRET")


def environment_of(data: Path) -> dict[str, str]:
    """The machine's environment, then .env, then what an earlier ./dev run kept in ``data``."""
    kept = data / "run.json"
    made = json.loads(kept.read_text()) if kept.exists() else {}
    if not emulated():  # a key has come since: it must not be sent to where the emulator was
        made = without_the_emulators(made)
    return {**made, **dotenv(), "RANDO_DATA": str(data), "PYTHONUNBUFFERED": "1"}


def dotenv() -> dict[str, str]:
    """The environment over the lines of .env (NAME=value), as python-dotenv has it."""
    file = ROOT / ".env"
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines() if file.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        stop(f"{file} can't be read ({error}). Save it as UTF-8, for yourself to read.")
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    read = {name.strip().removeprefix("export "): value.strip().strip("'\"") for name, value in pairs}
    return {**read, **os.environ}
