"""Stripe on a laptop: API, hosted pages, webhooks and clock."""

from stripe_emulator.emulator import Emulator

__all__ = ["Emulator"]
