"""How often one may ask, buy and try a card, and where that is counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .values import flag, number


def settings(environ: Mapping[str, str], production: bool) -> dict[str, Any]:
    """``memory://`` counts per process; more than one process wants Redis or Valkey."""
    enabled = flag(environ, "RATELIMIT_ENABLED", True)
    per_card = flag(environ, "RANDO_TRIAL_PER_CARD", production)  # everybody has the same few test cards
    return {
        "API_RATE": number(environ, "RANDO_API_RATE", 6000, min=1, max=10**9),
        "RATELIMIT_ENABLED": enabled,
        "PREPAID_ATTEMPTS_PER_HOUR": 100 if enabled else 0,
        "PREPAID_ATTEMPTS_PER_ADDRESS": 200 if enabled else 0,
        "PREPAID_ASKS_PER_MINUTE": 60 if enabled else 0,
        "PREPAID_DECLINES_PER_HOUR": 500 if enabled else 0,
        "PREPAID_TRIAL_PER_CARD": enabled and per_card,
        "RATELIMIT_STORAGE_URI": environ.get("RATELIMIT_STORAGE_URI") or "memory://",
        # Two counters a customer. The moving window keeps each call in a list that it moves and sweeps.
        "RATELIMIT_STRATEGY": "sliding-window-counter",
    }
