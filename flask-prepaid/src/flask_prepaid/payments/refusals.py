"""What Stripe or a rule of ours refused: counted by day and reason, for ``doctor``."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert

from ..context import Context, apart, transaction
from ..errors import GatewayRefused
from .models import Refusal

log = logging.getLogger(__name__)

#: How long refusals are kept, and for how long ``doctor`` speaks of one.
KEPT = timedelta(days=30)
LATELY = timedelta(days=1)


def count_refusal(refused: GatewayRefused) -> None:
    """Count what Stripe refused just now."""
    count(refused.reason or "no code", str(refused), request_id=refused.request_id)


def count(code: str, message: str, *, request_id: str | None = None) -> None:
    """Count one more refusal for this reason today, on a connection of its own.

    Call it outside of a transaction. A refusal that cannot be counted is in the log all the same.
    """
    engine: Engine = current_app.extensions["prepaid"].engine
    try:
        with apart(engine) as session:
            note(session, code, message, request_id=request_id)
    except SQLAlchemyError as error:
        log.warning("the refusal was not counted: %s", type(error).__name__)


def note(session: Session, code: str, message: str, *, request_id: str | None = None) -> None:
    """Count one more refusal for this reason today, in the caller's transaction."""
    now = clock.wall()
    row = {
        "day": f"{now:%Y-%m-%d}",
        "code": code[:64],
        "times": 1,
        "message": message[:255],
        "request_id": request_id and request_id[:64],
        "last_at": now,
    }
    new = insert(session, Refusal).values(row)
    again = {name: row[name] for name in ("message", "request_id", "last_at")}
    session.execute(
        new.on_conflict_do_update(index_elements=["day", "code"], set_={**again, "times": Refusal.times + 1})
    )


@dataclass(frozen=True)
class Refused:
    """What was refused for one reason within a day: how often, and the last time in words."""

    code: str
    times: int
    message: str
    request_id: str | None


def lately(context: Context) -> list[Refused]:
    """What was refused within a day, the reason that came last first."""
    wanted = select(Refusal).where(Refusal.last_at > clock.wall() - LATELY).order_by(Refusal.last_at.desc())
    by_code: dict[str, Refused] = {}
    for row in context.session.scalars(wanted):
        last = by_code.get(row.code)
        times = row.times + (last.times if last else 0)
        last = last or Refused(row.code, 0, row.message, row.request_id)
        by_code[row.code] = Refused(row.code, times, last.message, last.request_id)
    return list(by_code.values())


def forget(context: Context) -> None:
    """Delete what was refused long ago. Commits."""
    with transaction(context) as session:
        session.execute(delete(Refusal).where(Refusal.last_at < clock.wall() - KEPT))
