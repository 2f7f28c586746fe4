"""The store behind the page that is being served."""

from __future__ import annotations

from flask import current_app

from stripe_emulator.api.request import Api
from stripe_emulator.core.store import Store


def storage() -> Store:
    """The store of the app that serves this request."""
    api: Api = current_app.extensions["stripe_emulator"]
    return api.store
