"""Stripe on a laptop: API, hosted pages, webhooks and clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stripe_emulator.server.emulator import Emulator

__all__ = ["Emulator"]


def __getattr__(name: str) -> Any:
    """Import ``Emulator`` when it is first asked for: pytest loads the plugin here in every run."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from stripe_emulator.server import emulator

    return emulator.Emulator
