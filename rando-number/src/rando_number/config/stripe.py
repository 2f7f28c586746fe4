"""Stripe by its keys; with no key, the emulator on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

EMULATOR_URL = "http://127.0.0.1:12111"
EMULATOR_KEY = "sk_test_emulator"


def missing(environ: Mapping[str, str]) -> list[str]:
    """The settings that Stripe's key needs and that are not set. Without a key the emulator is used."""
    if key_of(environ) == EMULATOR_KEY:
        return []
    where = {
        "STRIPE_PUBLISHABLE_KEY": "It stands beside the secret key in Stripe's dashboard.",
        "STRIPE_WEBHOOK_SECRET": "`flask prepaid connect --url ...` prints it; until then any text that "
        "begins with whsec_ will do.",
    }
    return [f"{name} is not set. {advice}" for name, advice in where.items() if not environ.get(name)]


def key_of(environ: Mapping[str, str]) -> str:
    """The secret key that is used."""
    return environ.get("STRIPE_SECRET_KEY") or EMULATOR_KEY


def is_test_mode(environ: Mapping[str, str]) -> bool:
    """Whether no real money moves."""
    return not key_of(environ).startswith(("sk_live_", "rk_live_"))


def settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Keys, the secret of webhooks, and where Stripe is if not at Stripe."""
    key = key_of(environ)
    emulated = key == EMULATOR_KEY
    return {
        "TEST_MODE": is_test_mode(environ),
        "PREPAID_STRIPE_SECRET_KEY": key,
        "PREPAID_STRIPE_PUBLISHABLE_KEY": environ.get("STRIPE_PUBLISHABLE_KEY")
        or ("pk_test_emulator" if emulated else None),
        "PREPAID_STRIPE_WEBHOOK_SECRET": environ.get("STRIPE_WEBHOOK_SECRET")
        or ("whsec_emulator" if emulated else None),
        "PREPAID_STRIPE_API_BASE": environ.get("STRIPE_API_BASE") or (EMULATOR_URL if emulated else None),
    }
