"""What movements add up to, by day and by customer: brought up to date with each that comes or changes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ...payments.models import Payment
from ...subscriptions.models import SubscriptionChange
from ..adding import add_to
from ..days import day_of
from ..models import (
    CohortSum,
    Copying,
    Counted,
    CreditSum,
    DaySum,
    FailureSum,
    Movement,
    OwnerSum,
    PlanSum,
)

#: What is added up.
MEASURES = ("movements", "amount_minor", "fee_minor", "discount_minor", "tax_minor")

#: Movements that are dated or tied at a time.
BATCH = 1_000


class Cell(NamedTuple):
    """The key of a ``DaySum``."""

    day: Any
    currency: str
    category: str
    product: str
    country: str
    taxed: str


def cell_of(moved: Movement) -> Cell:
    return Cell(moved.day, moved.currency, moved.category, moved.product, moved.country, moved.taxed)


class Sums:
    """What is to be added to the ``DaySum`` and ``OwnerSum`` rows."""

    def __init__(self) -> None:
        self.cells: defaultdict[Cell, Counter[str]] = defaultdict(Counter)
        self.owners: Counter[tuple[str, str]] = Counter()

    def add(self, moved: Movement, times: int = 1) -> None:
        cell = self.cells[cell_of(moved)]
        cell["movements"] += times
        for name in MEASURES[1:]:
            cell[name] += times * (getattr(moved, name) or 0)
        if moved.owner and moved.category == "charge":
            self.owners[moved.currency, moved.owner] += times * moved.amount_minor

    def write(self, session: Session) -> None:
        rows = [
            {**cell._asdict(), **{name: sums[name] for name in MEASURES}}
            for cell, sums in sorted(self.cells.items())
        ]
        if not rows:
            return
        add_to(session, DaySum, rows)
        session.execute(delete(DaySum).where(DaySum.movements == 0))
        paid = [
            {"currency": currency, "owner": owner, "gross_minor": minor}
            for (currency, owner), minor in sorted(self.owners.items())
        ]
        add_to(session, OwnerSum, paid)


def date_anew(session: Session, zone: str) -> None:
    """Empty every sum, and add the movements up again by the days of ``zone``."""
    for table in (DaySum, OwnerSum, CreditSum, Counted, PlanSum, CohortSum, FailureSum):
        session.execute(delete(table))
    session.execute(update(SubscriptionChange).values(counted=False, failure_counted=False))
    session.execute(update(Payment).where(Payment.failure_counted).values(failure_counted=False))
    session.execute(update(Copying).values(zone=zone, counted_to=None))
    for batch in _batches(session):
        sums = Sums()
        for moved in batch:
            moved.day = day_of(moved.created_at, zone)
            sums.add(moved)
        sums.write(session)


def _batches(session: Session) -> Iterable[list[Movement]]:
    last = ""
    while batch := list(
        session.scalars(select(Movement).where(Movement.id > last).order_by(Movement.id).limit(BATCH))
    ):
        yield batch
        last = batch[-1].id
        session.flush()
        for moved in batch:
            session.expunge(moved)  # and nothing of the host's, such as who is signed in
