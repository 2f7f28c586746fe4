"""What each mode of Checkout says of itself.

The modes are in ``payment_mode``, ``setup_mode`` and ``subscription_mode``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stripe_emulator.checkout.completion.session_payer import Payer
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form


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
