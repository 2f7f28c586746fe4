"""What each mode of Checkout says of itself, and who pays.

The modes are in ``payment_mode``, ``setup_mode`` and ``subscription_mode``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form


@dataclass(frozen=True)
class Payer:
    """Who pays, and with what; ``keep`` and ``accepts_terms`` are boxes on the page.

    ``phone``, ``address``, ``tax_id`` (its ``type`` and ``value``), ``business_name``, ``shipping`` (an
    address) and ``custom_fields`` (texts by their keys) count only where the session collects them.
    """

    method: Json
    email: str | None = None
    name: str | None = None
    keep: bool = False
    accepts_terms: bool = True
    phone: str | None = None
    address: Json | None = None
    tax_id: Json | None = None
    business_name: str | None = None
    shipping: Json | None = None
    custom_fields: dict[str, str] | None = None


@dataclass(frozen=True)
class Mode:
    """What a mode does.

    ``prepare(session, form)`` checks a creation and fills in the rest of a session that has its
    lines. ``complete(session, payer)`` does what the customer came for and calls
    ``completion.finish`` when it is done; it may leave that to a bank's page. It raises CardError
    where the bank says no.
    """

    prepare: Callable[[Json, Form], None]
    complete: Callable[[Json, Payer], None]
