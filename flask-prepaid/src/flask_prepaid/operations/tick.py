"""Everything that is due. Safe at any time, twice, and in several processes at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from prepaid_ledger.errors import PrepaidError

from .. import signals
from ..context import Context
from ..errors import GatewayUnavailable
from ..payments import card_testing, payments
from ..payments.models import Payment, Refund
from ..purchases import checkout, refunds, topups
from ..reports import balance_sync, credits
from ..subscriptions import subscribing
from . import notices

Id = TypeVar("Id", int, str)

log = logging.getLogger(__name__)

#: How long one tick counts for the reports; the next one goes on.
COUNTING = timedelta(seconds=5)


def tick(context: Context) -> dict[str, int]:
    """Do all that is due; how many of each were looked at."""
    due = {"wallets": context.ledger.write_due()}
    credits.catch_up(context, max_time=COUNTING)
    card_testing.forget(context)
    try:
        balance_sync.sync_if_old(context)
    except PrepaidError as error:  # Stripe is away, or the key may not read balances: the rest goes on
        signals.rollback(context.session)
        log.warning("Stripe's balance was not copied: %s", error)
    balance_sync.note_tick(context)
    return due | {
        "payments": each(context, payments.due(context.session, Payment), checkout.look_up),
        "refunds": each(context, payments.due(context.session, Refund), refunds.look_up),
        "plans": each(context, subscribing.due(context), subscribing.look_up),
        "top-ups": each(context, topups.due(context), topups.top_up),
        "notices": notices.tell(context),
    }


def each(context: Context, ids: list[Id], look_up: Callable[[Context, Id], object]) -> int:
    """Ask Stripe about each; how many there are. One that fails leaves the others be."""
    session = context.session
    session.commit()
    for id in ids:
        try:
            look_up(context, id)
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
