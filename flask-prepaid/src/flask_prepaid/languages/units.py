"""What the running app calls its credits, and how many of them operators and programs read, in English."""

from __future__ import annotations

from flask import current_app, has_app_context

from prepaid_ledger import Unit

#: What credits are called where nobody says it.
CREDIT = Unit()


def current() -> Unit:
    """What the running app calls its credits; plain ones where none runs."""
    prepaid = current_app.extensions.get("prepaid") if has_app_context() else None
    return CREDIT if prepaid is None else prepaid.unit


def credits(count: int) -> str:
    """``1 credit``, ``1,000 credits`` or, by ``Prepaid(unit=)``, ``0.125 credits``."""
    return current().text(count)


def number(count: int, *, signed: bool = False) -> str:
    """Credits without their name, for people: ``1,000``, ``0.125``; ``+5`` where it is signed."""
    return f"{'+' if signed and count > 0 else ''}{current().number(count)}"


def plain(count: int) -> int | str:
    """Credits for programs: the whole number; where the unit has decimals, a text with all of them."""
    return current().plain(count) if current().scale else count
