"""The account behind the page that is being served."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from flask import current_app, request

from stripe_emulator.api.chosen_account import CHOSEN
from stripe_emulator.api.request import Api
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.types import Json
from stripe_emulator.payments.account import account

#: Where the app keeps its accounts, if there are several.
ALL = "stripe_emulator_accounts"


class HasStore(Protocol):
    """One account of several."""

    @property
    def store(self) -> Store:
        """What it has."""


def storage() -> Store:
    """The store of the account that this request belongs to."""
    api: Api = request.environ.get(CHOSEN) or current_app.extensions["stripe_emulator"]
    return api.store


def several() -> list[Store]:
    """The store of every account, the first one's first; empty where all keys open one."""
    accounts: Iterable[HasStore] = current_app.extensions.get(ALL, ())
    return [owner.store for owner in accounts]


def shown_in_frame() -> Json:
    """Whose account the page shows, and whether there are others."""
    with storage().transaction(write=False):
        return {"id": storage().account, "name": account.name(), "several": len(several()) > 1}
