"""Everything that is due. Safe at any time, twice, and in several processes at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from . import attempts, moneyback, notices, payments, purchases, signals, topups
from .billing_models import Payment, Refund
from .errors import GatewayUnavailable, PrepaidError
from .reports import copying, credits
from .subscriptions import subscribing

if TYPE_CHECKING:
    from .extension import Prepaid

Id = TypeVar("Id", int, str)

log = logging.getLogger(__name__)

#: How long one tick counts for the reports; the next one goes on.
COUNTING = timedelta(seconds=5)


def tick(prepaid: Prepaid) -> dict[str, int]:
    """Do all that is due; how many of each were looked at."""
    due = {"wallets": prepaid.settle_due()}
    credits.catch_up(prepaid, longest=COUNTING)
    attempts.forget(prepaid)
    try:
        copying.sync_if_old(prepaid)
    except PrepaidError as error:  # Stripe is away, or the key may not read balances: the rest goes on
        signals.rollback(prepaid.session)
        log.warning("Stripe's balance was not copied: %s", error)
    copying.note_tick(prepaid)
    return due | {
        "payments": each(prepaid, payments.due(prepaid.session, Payment), purchases.look_up),
        "refunds": each(prepaid, payments.due(prepaid.session, Refund), moneyback.look_up),
        "plans": each(prepaid, subscribing.due(prepaid), subscribing.look_up),
        "top-ups": each(prepaid, topups.due(prepaid), topups.top_up),
        "notices": notices.tell(prepaid),
    }


def each(prepaid: Prepaid, ids: list[Id], look_up: Callable[[Prepaid, Id], object]) -> int:
    """Ask Stripe about each; how many there are. One that fails leaves the others be."""
    session = prepaid.session
    session.commit()
    for id in ids:
        try:
            look_up(prepaid, id)
        except GatewayUnavailable:
            signals.rollback(session)
            break  # Stripe is away: the rest waits for the next tick
        except PrepaidError as error:  # such as a pause in selling: the next tick comes by itself
            signals.rollback(session)
            log.warning("%s %s: %s", look_up.__module__, id, error)
        except Exception:
            signals.rollback(session)
            log.exception("%s %s could not be looked up", look_up.__module__, id)
    return len(ids)
