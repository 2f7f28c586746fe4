"""Everything that is due. Safe at any time, twice, and in several processes at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import select

from prepaid_ledger import clock
from prepaid_ledger.database import insert
from prepaid_ledger.errors import PrepaidError

from .. import signals
from ..codes import guesses
from ..context import Context, reading, transaction
from ..errors import GatewayUnavailable
from ..fast_path import requests
from ..outbox import thresholds
from ..payments import card_testing, paid_requests, payments, refusals
from ..payments.customers import contact, unwanted
from ..payments.models import Payment, Refund
from ..purchases import payment_checks
from ..purchases.auto_topup import topups
from ..purchases.money_back import refunds, went_back
from ..purchases.money_back.disputes import dispute_sync, disputed_plans, warning_refunds
from ..purchases.money_back.twice import balance_money
from ..reports.balance import copying
from ..reports.days import MINUTE
from ..reports.models import Copying
from ..reports.sums import counting
from ..subscriptions import blocking, retries
from ..subscriptions.beginning import unanswered
from ..subscriptions.invoices import plan_months
from . import card_notices

Id = TypeVar("Id", int, str)

#: What each of them is called where one was due, by what it is called otherwise.
ONE = {
    "wallets": "wallet",
    "payments": "payment",
    "refunds": "refund",
    "paid payments": "paid payment",
    "disputes": "dispute",
    "balances": "balance",
    "disputed plans": "disputed plan",
    "fraud warnings": "fraud warning",
    "customers": "customer",
    "addresses": "address",
    "plans": "plan",
    "plans' months": "plan's month",
    "plans' retries": "plan's retry",
    "top-ups": "top-up",
    "notices": "notice",
    "alerts": "alert",
    "messages": "message",
}

log = logging.getLogger(__name__)

#: How long one tick counts for the reports; the next one goes on.
COUNTING = timedelta(seconds=5)


def tick(context: Context) -> dict[str, int]:
    """Do all that is due; how many of each were due."""
    due = {"wallets": context.ledger.write_due()}
    counting.catch_up(context, max_time=COUNTING)
    card_testing.forget(context)
    refusals.forget(context)
    guesses.forget(context)
    paid_requests.forget(context)
    requests.forget(context)
    try:
        copying.sync_if_old(context)
    except PrepaidError as error:  # Stripe is away, or the key may not read balances: the rest goes on
        context.session.rollback()
        log.warning("Stripe's balance was not copied: %s", error)
    _note_tick(context)
    each(context, blocking.due, blocking.check)  # before anything is charged
    each(context, unwanted.unanswered, unwanted.find_out)
    due |= {
        "payments": each(context, partial(payments.due, table=Payment), payment_checks.check_with_stripe),
        "refunds": each(context, partial(payments.due, table=Refund), refunds.check_with_stripe),
        "paid payments": each(context, went_back.due, went_back.check),
        "disputes": each(context, dispute_sync.untaken, dispute_sync.take),
        "balances": each(context, balance_money.due, balance_money.check),
        "disputed plans": each(context, disputed_plans.due, disputed_plans.end),
        "fraud warnings": each(context, warning_refunds.due, warning_refunds.answer),
        "customers": each(context, unwanted.due, unwanted.delete_at_stripe),
        "addresses": each(context, contact.outdated, contact.bring_up_to_date),
        # What became of a plan is known before a month of it is given.
        "plans": each(context, unanswered.due, unanswered.check_with_stripe),
        "plans' months": each(context, plan_months.due, plan_months.give),
        "plans' retries": each(context, retries.due, retries.retry),
        "top-ups": each(context, topups.due, topups.top_up),
        "notices": card_notices.send(context),
        "alerts": thresholds.check(context),
        "messages": context.outbox.deliver_due(context),
    }
    _tell_host(context)
    return due


def _tell_host(context: Context) -> None:
    """Have the host do its own upkeep; what goes wrong there stops nothing of ours."""
    try:
        signals.tell(signals.ticked)
    except Exception:
        context.session.rollback()
        log.exception("A receiver of the signal `ticked` failed")


def _note_tick(context: Context) -> None:
    """Keep that the tick comes around, to the minute. Commits."""
    now = clock.wall()
    with transaction(context) as session:
        before = session.scalar(select(Copying.ticked_at))
        if before is None or before < now - MINUTE:
            made = insert(session, Copying).values(id=1, zone=context.config.time_zone, ticked_at=now)
            session.execute(made.on_conflict_do_update(index_elements=["id"], set_={"ticked_at": now}))


def each(context: Context, due: Callable[[Context], list[Id]], check: Callable[[Context, Id], object]) -> int:
    """Check each that is due; how many there are. One that fails leaves the others be."""
    with reading(context):
        ids = due(context)
    for id in ids:
        try:
            check(context, id)
        except GatewayUnavailable:
            break  # Stripe is away: the rest waits for the next tick
        except PrepaidError as error:  # such as a pause in selling: the next tick comes by itself
            log.warning("%s %s: %s", check.__module__, id, error)
        except Exception:
            context.session.rollback()
            log.exception("%s %s could not be checked", check.__module__, id)
    return len(ids)
