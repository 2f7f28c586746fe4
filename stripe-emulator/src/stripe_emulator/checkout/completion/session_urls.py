"""Where the browser goes: the page of a Checkout Session, and on from there."""

from __future__ import annotations

from stripe_emulator.core.database import transactions
from stripe_emulator.core.types import Json


def page(session: Json, more: str = "") -> str:
    """The session's own page, whatever its ``ui_mode``."""
    return f"{transactions.current().store.base_url}/pay/{session['id']}{more}"


def landing(session: Json) -> str:
    """Where the browser goes once it is paid, the session's id put in where the host asked for it."""
    url = session["success_url"] or session.get("return_url") or ""
    return str(url).replace("{CHECKOUT_SESSION_ID}", session["id"])
