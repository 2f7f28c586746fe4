"""Everything that is due. Safe at any time, twice, and in several processes at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from . import payments, purchases, signals
from .errors import GatewayUnavailable

if TYPE_CHECKING:
    from .extension import Prepaid

log = logging.getLogger(__name__)


def tick(prepaid: Prepaid) -> dict[str, int]:
    """Do all that is due; how many of each were looked at."""
    return {"payments": look_up_payments(prepaid)}


def look_up_payments(prepaid: Prepaid) -> int:
    """Ask Stripe about payments that nobody has told us the end of. One that fails leaves the others be."""
    session = prepaid.session
    due = payments.due(session)
    session.commit()
    for payment_id in due:
        try:
            purchases.look_up(prepaid, payment_id)
        except GatewayUnavailable:
            signals.rollback(session)
            break  # Stripe is away: the rest waits for the next tick
        except Exception:
            signals.rollback(session)
            log.exception("payment %s could not be looked up", payment_id)
    return len(due)
