"""The store behind the page that is being served."""

from __future__ import annotations

from flask import current_app, request

from stripe_emulator.api.request import Api
from stripe_emulator.core.store import Store

#: Where a request names the API of the account that it belongs to, if there are several.
CHOSEN = "stripe_emulator.api"


def storage() -> Store:
    """The store of the account that this request belongs to."""
    api: Api = request.environ.get(CHOSEN) or current_app.extensions["stripe_emulator"]
    return api.store
