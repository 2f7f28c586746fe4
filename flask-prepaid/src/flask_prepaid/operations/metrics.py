"""What Prometheus is told: fourteen series. The books know eight of them; each process counts the others.

Needs ``pip install "flask-prepaid[metrics]"``. Several processes of one server count together where
``PROMETHEUS_MULTIPROC_DIR`` names a folder for it, as prometheus_client has it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector
from sqlalchemy import Engine, ExceptionContext, event, func, select
from sqlalchemy.orm import Session

from prepaid_ledger import PrepaidError, clock
from prepaid_ledger.tables import Hold, HoldState, Wallet

from ..context import Context
from ..gateway import calls
from ..outbox import summary
from ..payments.models import Payment, PaymentState, Via
from ..reports.models import Copying
from .models import InboxEvent

SPENDS = Counter("prepaid_spends", "Spends that were answered.")
REFUSALS = Counter("prepaid_refusals", "Spends that were refused, by the error's code.", ["code"])
BATCH_SIZE = Histogram(
    "prepaid_batch_size", "How many spends one commit had.", buckets=(1, 2, 4, 8, 16, 32, 64, 128)
)
BATCH_SECONDS = Histogram(
    "prepaid_batch_seconds",
    "How long one commit of spends took.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 4),
)
STRIPE_CALLS = Counter("prepaid_stripe_calls", "Requests to Stripe, by what came of them.", ["outcome"])
DATABASE_ERRORS = Counter("prepaid_database_errors", "Errors of the database, by class.", ["error"])


class SpendCounts:
    """Told by the ledger of each batch of spends, and of each refusal."""

    def batch(self, spends: int, seconds: float) -> None:
        SPENDS.inc(spends)
        BATCH_SIZE.observe(spends)
        BATCH_SECONDS.observe(seconds)

    def refused(self, error: PrepaidError) -> None:
        REFUSALS.labels(error.code).inc()


def begin(context: Context) -> None:
    """Count from now on what this process does with the app's books and with Stripe."""
    context.ledger.setup.spends.watch(SpendCounts())
    count_errors(context.engine)
    calls.outcomes.connect(_count_call)


def count_errors(engine: Engine) -> None:
    """Count each error of the database, by the name of its class, such as ``OperationalError``."""

    @event.listens_for(engine, "handle_error")
    def count(raised: ExceptionContext) -> None:
        error = raised.sqlalchemy_exception or raised.original_exception
        DATABASE_ERRORS.labels(type(error).__name__).inc()


def _count_call(outcome: str) -> None:
    STRIPE_CALLS.labels(outcome).inc()


def exposition(context: Context) -> bytes:
    """All series, as Prometheus reads them. Asks the books five questions."""
    registry = CollectorRegistry()
    registry.register(BooksCollector(context.engine))
    counted: CollectorRegistry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return generate_latest(registry) + generate_latest(counted)


class BooksCollector(Collector):
    """What the books know, read when it is asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        with Session(self._engine) as session:
            yield from _of_books(session, clock.wall())


def _of_books(session: Session, now: datetime) -> Iterator[Metric]:
    wallets = session.scalar(select(func.count()).select_from(Wallet))
    yield GaugeMetricFamily("prepaid_wallets", "Wallets.", value=wallets or 0)
    open_holds = select(func.count()).select_from(Hold).where(Hold.state == HoldState.OPEN)
    yield GaugeMetricFamily(
        "prepaid_holds_open", "Holds that are open.", value=session.scalar(open_holds) or 0
    )
    waiting, since = session.execute(
        select(func.count(), func.min(InboxEvent.received_at)).where(InboxEvent.handled_at.is_(None))
    ).one()
    yield GaugeMetricFamily(
        "prepaid_inbox_waiting", "Events of Stripe's that are not handled.", value=waiting
    )
    yield GaugeMetricFamily(
        "prepaid_webhook_lag_seconds", "How long the oldest of them waits.", value=_age(since, now)
    )
    unknown = select(func.count()).select_from(Payment).where(Payment.check_at < now)
    unknown = unknown.where(Payment.state != PaymentState.PAID)
    yield GaugeMetricFamily(
        "prepaid_payments_waiting",
        "Payments asked of Stripe whose end is not known, and is due to be looked up.",
        value=session.scalar(unknown) or 0,
    )
    yield GaugeMetricFamily(
        "prepaid_outbox_waiting",
        "Signals, mails and webhooks that are still to be told.",
        value=summary.waiting_count(session),
    )
    topups = CounterMetricFamily("prepaid_topups", "Auto top-ups, by state.", labels=["state"])
    by_state = select(Payment.state, func.count()).where(Payment.via == Via.TOPUP).group_by(Payment.state)
    for state, count in session.execute(by_state):
        topups.add_metric([state.value], count)
    yield topups
    ticked_at = session.scalar(select(Copying.ticked_at))
    yield GaugeMetricFamily(
        "prepaid_tick_age_seconds",
        "Since when no tick came around; to the minute.",
        value=_age(ticked_at, now),
    )


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
