"""``sync``: Stripe's balance transactions, copied page by page; killed at any point, it goes on from there.

Stripe lists the newest first. So a walk notes where it began and how far back it has come, and only at
its end says that everything up to its beginning is here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, aliased

from .. import clock, facts, payments
from ..models import Payment, Via
from ..payments import insert
from ..subscriptions.models import Invoice, PlanPrice, Subscription
from .days import day_of
from .models import Copying, Counted, CreditSum, DaySum, Movement

if TYPE_CHECKING:
    from ..extension import Prepaid

#: A balance transaction may be listed late; what was copied is looked at once more for so long.
OVERLAP = timedelta(days=3)

#: ``tick`` copies again when the last copy is older.
OLD = timedelta(minutes=5)

#: What a customer bought who named a number of credits and no pack.
ANY_NUMBER = "credits"

#: Movements that are dated or tied at a time.
BATCH = 1_000


class Cell(NamedTuple):
    """The key of a ``DaySum``."""

    day: Any
    currency: str
    category: str
    product: str
    country: str


def cell_of(moved: Movement) -> Cell:
    return Cell(moved.day, moved.currency, moved.category, moved.product, moved.country)


class Sums:
    """What is to be added to the ``DaySum`` rows."""

    def __init__(self) -> None:
        self.cells: defaultdict[Cell, Counter[str]] = defaultdict(Counter)

    def add(self, moved: Movement, times: int = 1) -> None:
        self.cells[cell_of(moved)].update(
            movements=times, amount_minor=times * moved.amount_minor, fee_minor=times * moved.fee_minor
        )

    def write(self, session: Session) -> None:
        # Sorted, so that two writers take the rows in one order.
        rows = [
            {**cell._asdict(), **dict.fromkeys(("movements", "amount_minor", "fee_minor"), 0), **sums}
            for cell, sums in sorted(self.cells.items())
        ]
        if not rows:
            return
        new = insert(session, DaySum)
        added = {
            name: DaySum.__table__.c[name] + new.excluded[name]
            for name in ("movements", "amount_minor", "fee_minor")
        }
        index = list(Cell._fields)
        session.execute(new.on_conflict_do_update(index_elements=index, set_=added), rows)
        session.execute(delete(DaySum).where(DaySum.movements == 0))


def sync(prepaid: Prepaid, *, seen: Callable[[], None] = lambda: None) -> int:
    """Copy Stripe's balance transactions since the last time; how many were new. Commits each page.

    :param seen: Called for each that was looked at.
    :raises GatewayUnavailable: Stripe does not answer. The next call goes on from here.
    """
    session = payments.own_session(prepaid)
    state = _state(session, prepaid.config.time_zone)
    since = state.copied_to - OVERLAP if state.copied_to else None
    cursor, newest, copied_to, new = state.cursor, state.newest, state.copied_to, 0
    more = True
    while more:
        session.commit()
        page, more = prepaid.gateway.movements_page(since, after=cursor)
        for _ in page:
            seen()
        session.execute(update(Copying).values(id=1))  # others who sync wait here, and see what we wrote
        new += _keep(session, page, prepaid.config.time_zone)
        if page and cursor is None:
            newest = page[0].created_at
        cursor = page[-1].id if page and more else None
        session.execute(update(Copying).values(cursor=cursor, newest=newest))
    known = [time for time in (copied_to, newest) if time is not None]
    session.execute(
        update(Copying).values(
            copied_to=max(known, default=None), newest=None, cursor=None, synced_at=clock.wall()
        )
    )
    session.commit()
    tie(session)
    return new


def sync_if_old(prepaid: Prepaid) -> None:
    """Copy what is new, unless that was done lately: the operator's page shows no old figures."""
    session = prepaid.session
    synced_at = session.scalar(select(Copying.synced_at))
    session.commit()
    if synced_at is None or synced_at < clock.wall() - OLD:
        sync(prepaid)


def _state(session: Session, zone: str) -> Copying:
    """How far the copy has come. Another time zone than before dates all of it anew. Commits."""
    session.execute(insert(session, Copying).values(id=1, zone=zone).on_conflict_do_nothing())
    state = session.get_one(Copying, 1, populate_existing=True)
    if state.zone != zone:
        for table in (DaySum, CreditSum, Counted):
            session.execute(delete(table))
        for batch in _batches(session):
            sums = Sums()
            for moved in batch:
                moved.day = day_of(moved.created_at, zone)
                sums.add(moved)
            sums.write(session)
        state.zone = zone
    session.commit()
    return state


def _batches(session: Session) -> Iterable[list[Movement]]:
    last = ""
    while batch := list(
        session.scalars(select(Movement).where(Movement.id > last).order_by(Movement.id).limit(BATCH))
    ):
        yield batch
        last = batch[-1].id
        session.flush()
        session.expunge_all()


def _keep(session: Session, page: list[facts.Movement], zone: str) -> int:
    """Write a page of movements and what they add to the sums; how many were new. Does not commit.

    A movement that Stripe has changed since, such as a fee filled in late, replaces its copy.
    """
    here = {
        row.id: row
        for row in session.scalars(
            select(Movement)
            .where(Movement.id.in_([moved.id for moved in page]))
            .execution_options(populate_existing=True)
        )
    }
    sums, new = Sums(), 0
    for moved in page:
        row = here.get(moved.id)
        if row is None:
            row = Movement(**asdict(moved), day=day_of(moved.created_at, zone), product="")
            session.add(row)
            new += 1
        elif (row.amount_minor, row.fee_minor, row.category) == (
            moved.amount_minor,
            moved.fee_minor,
            moved.category,
        ):
            continue
        else:
            sums.add(row, -1)
            row.amount_minor, row.fee_minor = moved.amount_minor, moved.fee_minor
            row.category = moved.category
        sums.add(row)
    session.flush()
    sums.write(session)
    return new


def tie(session: Session) -> None:
    """Give each movement its payment, product and country, once they are known. Commits."""
    last = ""
    charge = aliased(Movement)
    while rows := session.execute(
        select(Movement, Payment, charge.country, PlanPrice.plan)
        .join(Payment, Payment.payment_intent_id == Movement.intent_id)
        .outerjoin(charge, (charge.intent_id == Movement.intent_id) & (charge.category == "charge"))
        .outerjoin(Invoice, Invoice.payment_id == Payment.id)
        .outerjoin(Subscription, Subscription.id == Invoice.subscription_id)
        .outerjoin(PlanPrice, PlanPrice.id == Subscription.price_id)
        .where(Movement.payment_id.is_(None), Movement.intent_id.is_not(None), Movement.id > last)
        .order_by(Movement.id)
        .limit(BATCH)
    ).all():
        session.execute(update(Copying).values(id=1))
        sums = Sums()
        for moved, payment, country, plan in rows:
            session.refresh(moved, ["payment_id", "product", "country"])
            if moved.payment_id is not None:
                continue
            sums.add(moved, -1)
            moved.payment_id = payment.id
            moved.country = moved.country or country or ""
            moved.product = plan or "plan" if payment.via is Via.PLAN else payment.pack or ANY_NUMBER
            sums.add(moved)
        session.flush()
        sums.write(session)
        last = rows[-1][0].id
        session.commit()
        session.expunge_all()
