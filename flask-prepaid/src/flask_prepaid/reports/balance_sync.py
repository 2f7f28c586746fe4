"""``sync``: Stripe's balance transactions, copied page by page; killed at any point, it goes on from there.

Stripe lists the newest first. So a walk notes where it began and how far back it has come, and only at
its end says that everything up to its beginning is here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, aliased

from prepaid_ledger import clock
from prepaid_ledger.database import insert

from ..context import Context, reading, refuse_uncommitted, transaction
from ..gateway.values import StripeMovement
from ..payments.models import PartCharge, Payment, PaymentState, Via
from ..subscriptions.models import Invoice, PlanPrice, Subscription, SubscriptionChange
from . import taxes
from .days import day_of
from .models import CohortSum, Copying, Counted, CreditSum, DaySum, FailureSum, Movement, OwnerSum, PlanSum

#: A balance transaction may be listed late: each copy begins this long before the end of the last one.
OVERLAP = timedelta(days=3)

#: ``tick`` copies again when the last copy is older.
OLD = timedelta(minutes=5)

#: What a customer bought who named a number of credits and no pack.
ANY_NUMBER = "credits"

#: What a plan's name begins with, so that a pack of the same name is another product.
PLAN = "plan:"

#: What is added up.
MEASURES = ("movements", "amount_minor", "fee_minor", "discount_minor", "tax_minor")

#: Whose money has come, so that what it bought is certain.
ARRIVED = (PaymentState.PAID, PaymentState.NEEDS_REVIEW)

#: Movements that are dated or tied at a time.
BATCH = 1_000

#: What Stripe may fill in or change later.
LATE = ("amount_minor", "original_minor", "fee_minor", "net_minor", "category")


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
        # Sorted, so that two writers take the rows in one order.
        rows = [
            {**cell._asdict(), **{name: sums[name] for name in MEASURES}}
            for cell, sums in sorted(self.cells.items())
        ]
        if not rows:
            return
        new = insert(session, DaySum)
        added = {name: DaySum.__table__.c[name] + new.excluded[name] for name in MEASURES}
        index = list(Cell._fields)
        session.execute(new.on_conflict_do_update(index_elements=index, set_=added), rows)
        session.execute(delete(DaySum).where(DaySum.movements == 0))
        paid = [
            {"currency": currency, "owner": owner, "gross_minor": minor}
            for (currency, owner), minor in sorted(self.owners.items())
        ]
        if paid:
            theirs = insert(session, OwnerSum)
            more = {"gross_minor": OwnerSum.__table__.c.gross_minor + theirs.excluded.gross_minor}
            session.execute(
                theirs.on_conflict_do_update(index_elements=["currency", "owner"], set_=more), paid
            )


def sync(context: Context, *, anew: bool = False, seen: Callable[[], None] = lambda: None) -> int:
    """Copy Stripe's balance transactions since the last time; how many were new. Commits each page.

    :param anew: Copy all of them again, not only what is new.
    :param seen: Called for each that was read.
    :raises GatewayUnavailable: Stripe does not answer. The next call goes on from here.
    """
    refuse_uncommitted(context)
    with transaction(context) as session:
        interrupted = _state(session, context.config.time_zone).cursor is not None
        if anew:
            session.execute(update(Copying).values(copied_to=None, newest=None, cursor=None))
    new = _walk(context, seen)
    if interrupted and not anew:  # that walk began some time ago, and came to its end: what is new since?
        new += _walk(context, seen)
    tie(context)
    return new


def _walk(context: Context, seen: Callable[[], None]) -> int:
    """Page by page back in time, from where the state says; how many were new. Commits each page."""
    with reading(context) as session:
        state = session.get_one(Copying, 1, populate_existing=True)
        cursor, newest, copied_to = state.cursor, state.newest, state.copied_to
    since = copied_to - OVERLAP if copied_to else None
    new, more = 0, True
    while more:
        page, more = context.gateway.account.movements_page(since, after=cursor)
        for _ in page:
            seen()
        with transaction(context) as session:
            session.execute(update(Copying).values(id=1))  # others who sync wait here, and see what we wrote
            new += _keep(session, page, context.config.time_zone)
            if page and cursor is None:
                newest = page[0].created_at
            cursor = page[-1].id if page and more else None
            session.execute(update(Copying).values(cursor=cursor, newest=newest))
            if not more:
                known = [time for time in (copied_to, newest) if time is not None]
                done = {"copied_to": max(known, default=None), "newest": None, "synced_at": clock.wall()}
                session.execute(update(Copying).values(done))
    return new


def sync_if_old(context: Context) -> None:
    """Copy what is new and compare the clocks, unless that was done lately."""
    with reading(context) as session:
        synced_at = session.scalar(select(Copying.synced_at))
    if synced_at is None or synced_at < clock.wall() - OLD:
        sync(context)
        theirs = context.gateway.account.fetch_time()
        off_s = round((theirs - clock.wall()).total_seconds()) if theirs else None
        with transaction(context) as session:
            session.execute(update(Copying).values(clock_off_s=off_s))


def _state(session: Session, zone: str) -> Copying:
    """How far the copy has come. Another time zone than before dates all of it anew."""
    session.execute(insert(session, Copying).values(id=1, zone=zone).on_conflict_do_nothing())
    state = session.get_one(Copying, 1, populate_existing=True)
    if state.zone != zone:
        _date_anew(session, zone)
        state = session.get_one(Copying, 1, populate_existing=True)
    return state


def _date_anew(session: Session, zone: str) -> None:
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


def _keep(session: Session, page: list[StripeMovement], zone: str) -> int:
    """Write a page of movements and what they add to the sums; how many were new.

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
            row = Movement(**asdict(moved), day=day_of(moved.created_at, zone), product="", owner="")
            row.taxed = ""
            row.discount_minor = row.tax_minor = 0
            session.add(row)
            new += 1
        elif all(getattr(row, name) == getattr(moved, name) for name in LATE):
            continue
        else:
            sums.add(row, -1)
            for name in LATE:
                setattr(row, name, getattr(moved, name))
        sums.add(row)
    session.flush()
    sums.write(session)
    return new


def product_of(payment: Payment, plan: str | None) -> str:
    """What it bought: a pack's slug, a plan's after ``PLAN``, or just a number of credits."""
    if payment.via is not Via.PLAN:
        return payment.pack or ANY_NUMBER
    return f"{PLAN}{plan or ''}"[: Movement.product.type.length]


def tie(context: Context) -> None:
    """Give each movement its payment, owner, product and country, once they are known. Commits."""
    last: str | None = ""
    while last is not None:
        with transaction(context) as session:
            last = _tie_batch(session, last)


def _tie_batch(session: Session, after: str) -> str | None:
    """Tie the next movements; the id of the last, or ``None`` where there were no more."""
    charge = aliased(Movement)
    rows = session.execute(
        select(Movement, Payment, charge, PlanPrice.plan)
        .outerjoin(PartCharge, PartCharge.payment_intent_id == Movement.intent_id)
        .join(
            Payment,
            (Payment.payment_intent_id == Movement.intent_id) | (Payment.id == PartCharge.payment_id),
        )
        .outerjoin(charge, (charge.intent_id == Movement.intent_id) & (charge.category == "charge"))
        .outerjoin(Invoice, Invoice.payment_id == Payment.id)
        .outerjoin(Subscription, Subscription.id == Invoice.subscription_id)
        .outerjoin(PlanPrice, PlanPrice.id == Subscription.price_id)
        .where(Movement.payment_id.is_(None), Movement.intent_id.is_not(None), Movement.id > after)
        .where(Payment.state.in_(ARRIVED))
        .order_by(Movement.id)
        .limit(BATCH)
    ).all()
    if not rows:
        return None
    session.execute(update(Copying).values(id=1))
    sums = Sums()
    for moved, payment, charged, plan in rows:
        session.refresh(moved, ["payment_id", "product", "country"])
        if moved.payment_id is None:
            sums.add(moved, -1)
            _tie(moved, payment, charged.country if charged else None, plan)
            taxes.put(session, moved, payment, _sale_of(charged))
            sums.add(moved)
    session.flush()
    sums.write(session)
    last = str(rows[-1][0].id)
    for copy in {each for moved, _, charged, _ in rows for each in (moved, charged) if each is not None}:
        session.expunge(copy)
    return last


def _sale_of(charged: Movement | None) -> taxes.Sale | None:
    if charged is None:
        return None
    return taxes.Sale(charged.original_minor, charged.amount_minor, charged.currency)


def _tie(moved: Movement, payment: Payment, country: str | None, plan: str | None) -> None:
    moved.payment_id, moved.owner = payment.id, payment.owner
    moved.country = moved.country or country or ""
    moved.product, moved.taxed = product_of(payment, plan), payment.taxed
