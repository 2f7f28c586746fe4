"""``sync``: Stripe's balance transactions, copied page by page; killed at any point, it goes on from there.

Stripe lists the newest first. So a walk notes where it began and how far back it has come, and only at
its end says that everything up to its beginning is here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert

from ...context import Context, reading, refuse_uncommitted, transaction
from ...errors import GatewayUnavailable
from ...gateway.values import StripeMovement
from ..days import day_of
from ..models import Copying, Movement
from .sums import Sums, date_anew
from .tying import tie

#: A balance transaction may be listed late: each copy begins this long before the end of the last one.
OVERLAP = timedelta(days=3)

#: ``tick`` copies again when the last copy is older.
OLD = timedelta(minutes=5)

#: What Stripe may fill in or change later.
LATE = ("amount_minor", "original_minor", "fee_minor", "net_minor", "category")


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
    try:
        new = _walk(context, seen)
        if interrupted and not anew:  # that walk began some time ago, and came to its end: what is new since?
            new += _walk(context, seen)
    except GatewayUnavailable:
        _note_away(context)
        raise
    tie(context)
    return new


def _note_away(context: Context) -> None:
    """Keep since when Stripe does not answer, until a copy comes to its end. Commits."""
    with transaction(context) as session:
        is_news = update(Copying).where(Copying.away_since.is_(None))
        session.execute(is_news.values(away_since=clock.wall()))


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
                done = {"copied_to": max(known, default=None), "newest": None, "away_since": None}
                session.execute(update(Copying).values(synced_at=clock.wall(), **done))
    return new


def sync_if_old(context: Context) -> None:
    """Copy what is new and compare the clocks, unless that was done lately and Stripe has answered since."""
    with reading(context) as session:
        state = session.get(Copying, 1, populate_existing=True)
        synced_at, away_since = (state.synced_at, state.away_since) if state else (None, None)
    if synced_at is None or away_since is not None or synced_at < clock.wall() - OLD:
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
        date_anew(session, zone)
        state = session.get_one(Copying, 1, populate_existing=True)
    return state


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
