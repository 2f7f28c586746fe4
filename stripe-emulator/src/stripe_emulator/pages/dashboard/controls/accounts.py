"""The account: its name, which customers see; and the others, where each key has one of its own."""

from __future__ import annotations

from flask import make_response, request
from flask.typing import ResponseReturnValue

from stripe_emulator import controls
from stripe_emulator.api.chosen_account import COOKIE
from stripe_emulator.core.database.storage import Store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.pages.common.account import several, storage
from stripe_emulator.pages.dashboard.frame.frame import blueprint, done, page
from stripe_emulator.payments.account import account

pages = blueprint("accounts")


@pages.get("/account")
def show() -> ResponseReturnValue:
    """The name, and every account with a button to switch to it."""
    return page("account", accounts=_seen(), typed={})


@pages.post("/account")
def rename() -> ResponseReturnValue:
    """Another name for the account."""
    try:
        controls.rename(storage(), request.form.get("name", ""))
    except InvalidRequest as refused:
        return page("account", accounts=_seen(), typed=request.form, error=refused.message), 422
    return done("/account", "named")


@pages.post("/account/switch")
def switch() -> ResponseReturnValue:
    """Show another account from here on; this browser remembers which."""
    wanted = request.form.get("account", "")
    if wanted not in {store.account for store in several()}:
        return page("account", accounts=_seen(), typed={}, error="There is no such account."), 422
    response = make_response(done("/", "switched"))
    response.set_cookie(COOKIE, wanted, httponly=True, samesite="Strict")
    return response


def _seen() -> list[Json]:
    """Every account: whose key came last, and how much is in it."""
    return [_one(store) for store in several()]


def _one(storage: Store) -> Json:
    with storage.transaction(write=False) as transaction:
        key = transaction.execute(
            "SELECT caller FROM request WHERE caller <> '' ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        (customers,) = transaction.execute("SELECT count(*) FROM object WHERE kind = 'customer'").fetchone()
        (requests,) = transaction.execute("SELECT count(*) FROM request").fetchone()
        return {
            "id": storage.account,
            "name": account.name(),
            "key": key[0] if key else "",
            "customers": customers,
            "requests": requests,
        }
