"""Everything that is due. Safe at any time, twice, and in several processes at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import moneyback, payments, purchases, signals
from .errors import GatewayUnavailable
from .models import Payment, Refund

if TYPE_CHECKING:
    from .extension import Prepaid

log = logging.getLogger(__name__)


def tick(prepaid: Prepaid) -> dict[str, int]:
    """Do all that is due; how many of each were looked at."""
    return {
        "payments": look_up_all(prepaid, payments.due(prepaid.session, Payment), purchases.look_up),
        "refunds": look_up_all(prepaid, payments.due(prepaid.session, Refund), moneyback.look_up),
    }


def look_up_all(prepaid: Prepaid, ids: list[int], look_up: Callable[[Prepaid, int], None]) -> int:
    """Ask Stripe about each; how many there are. One that fails leaves the others be."""
    session = prepaid.session
    session.commit()
    for id in ids:
        try:
            look_up(prepaid, id)
        except GatewayUnavailable:
            signals.rollback(session)
            break  # Stripe is away: the rest waits for the next tick
        except Exception:
            signals.rollback(session)
            log.exception("%s %s could not be looked up", look_up.__module__, id)
    return len(ids)
