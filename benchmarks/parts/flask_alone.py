"""Rando Number with every call through Flask, the fast path left out."""

from __future__ import annotations

from rando_number import create_app

app = create_app()
