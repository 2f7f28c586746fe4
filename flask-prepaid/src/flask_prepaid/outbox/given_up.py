"""Messages that were given up: what receivers and mailboxes were not told, tried again or dropped by hand."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Delete, Update, delete, func, select, update
from sqlalchemy.orm import Session

from ..context import Context, transaction
from .models import Delivery, DeliveryState, Message


def oldest(session: Session, *, limit: int = 20) -> Sequence[tuple[Delivery, Message]]:
    """What receivers and mailboxes were not told after days of trying, the oldest first."""
    rows = session.execute(
        select(Delivery, Message)
        .join(Message, Message.id == Delivery.message_id)
        .where(*_are_given_up())
        .order_by(Delivery.id)
        .limit(limit)
    )
    return [(delivery, message) for delivery, message in rows]


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Delivery).where(*_are_given_up())) or 0


def try_again(context: Context) -> int:
    """Let ``tick`` tell what was given up, before what came later; how many. Commits."""
    now = context.clock()
    again = {"state": DeliveryState.WAITING, "tries": 0, "next_try_at": now, "failing_since": None}
    return _change_all(context, update(Delivery).values(again))


def drop(context: Context) -> int:
    """Tell nobody any more what was given up; how many. Commits."""
    return _change_all(context, delete(Delivery))


def _change_all(context: Context, change: Update | Delete) -> int:
    which = change.where(*_are_given_up()).execution_options(synchronize_session=False)
    with transaction(context) as session:
        return int(session.execute(which).rowcount)  # type: ignore[attr-defined]


def _are_given_up() -> tuple[ColumnElement[bool], ...]:
    return Delivery.state == DeliveryState.GIVEN_UP, Delivery.endpoint_id == 0
