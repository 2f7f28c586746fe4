"""``reconcile``: Stripe and the books side by side, what differs mended, and what is left kept for pages."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert
from prepaid_ledger.errors import PrepaidError

from ..context import Context, reading, refuse_uncommitted, transaction
from ..errors import GatewayUnavailable
from ..payments import timing
from ..payments.models import Payment
from ..payments.outcome import transitions
from ..reports.models import Comparison
from .differences import Drift, Found, Walk

log = logging.getLogger(__name__)

#: Nobody reads two clocks at once.
MOMENT = timedelta(seconds=1)


def reconcile(
    context: Context,
    *,
    since: datetime | None = None,
    fix: bool = False,
    seen: Callable[[], None] = lambda: None,
    mended: Callable[[Drift], None] = lambda _: None,
    wait: Callable[[timedelta], object] | None = None,
) -> list[Drift]:
    """What differs; with ``fix``, what still differs after mending. Commits.

    :param since: Leave alone what was made before, by Stripe's time. ``None`` is everything.
    :param seen: Called for each object that was compared.
    :param mended: Called in the end for each difference that is there no more.
    :param wait: Lets so much time go by, where a payment was asked for so lately that the request may still
        be on its way to Stripe: after it nothing can come of it. Without, such a payment is left unresolved.
    """
    refuse_uncommitted(context)

    def walk() -> Iterable[Found]:
        return Walk(context, since, seen).differences()

    tried: list[Drift] = []
    if fix:
        tried += _mend(walk())
        in_flight = _still_in_flight(context, since)
        if in_flight and wait is not None:
            wait(in_flight)
            tried += _mend(walk())
    began_at = clock.wall()  # what is made meanwhile may have been passed by
    left = [drift for drift, _ in walk()]
    still = {(drift.kind, drift.id) for drift in left}
    gone = {(drift.kind, drift.id): drift for drift in tried if (drift.kind, drift.id) not in still}
    for drift in gone.values():
        mended(drift)
    with transaction(context) as session:
        _keep(session, began_at, since, left)
    return left


def _mend(differences: Iterable[Found]) -> list[Drift]:
    """Mend one by one as they are met: a payment that is mended is known when its refund is met.

    What was tried without a refusal is returned.

    What can't be mended is left, and said in the end; the others are mended all the same.

    :raises GatewayUnavailable: Stripe did not answer.
    """
    tried = []
    for drift, mend in differences:
        try:
            if mend is not None:
                mend()
                tried.append(drift)
        except GatewayUnavailable:
            raise
        except PrepaidError as error:
            log.warning("%s %s is not mended: %s", drift.kind, drift.id, error)
    return tried


def _still_in_flight(context: Context, since: datetime | None) -> timedelta:
    """How long a request of a payment whose end nobody knows may still be on its way."""
    with reading(context) as session:
        unresolved = select(func.max(Payment.created_at)).where(Payment.state.in_(transitions.UNRESOLVED))
        latest = session.scalar(unresolved.where(Payment.created_at >= since) if since else unresolved)
    if latest is None:
        return timedelta(0)
    return max(latest + timing.IN_FLIGHT + MOMENT - context.clock(), timedelta(0))


@dataclass(frozen=True)
class Compared:
    """What the last comparison found, and when, by the wall clock. ``since`` is how far back it looked."""

    at: datetime
    since: datetime | None
    drift: list[Drift]


def last(session: Session) -> Compared | None:
    """The last comparison that came to its end; ``None`` before the first."""
    row = session.get(Comparison, 1)
    if row is None:
        return None
    return Compared(row.at, row.since, [Drift(**drift) for drift in json.loads(row.drift)])


def _keep(session: Session, at: datetime, since: datetime | None, left: list[Drift]) -> None:
    compared = {"at": at, "since": since, "drift": json.dumps([asdict(drift) for drift in left])}
    new = insert(session, Comparison).values(id=1, **compared)
    session.execute(new.on_conflict_do_update(index_elements=["id"], set_=compared))
