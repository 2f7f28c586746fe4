"""How many credits an operator gives who may give only a few: so many a day, and none to themself."""

from __future__ import annotations

from sqlalchemy import delete

from prepaid_ledger import clock
from prepaid_ledger.database import insert
from prepaid_ledger.errors import PrepaidError

from ...languages import units
from .models import OperatorDay
from .page import OperatorContext
from .roles import Operator


class GrantRefused(PrepaidError):
    """An operator may not give these credits. Nothing was moved."""

    http_status = 403
    code = "grant_refused"


def count(context: OperatorContext, operator: Operator, owner: str, credits: int) -> None:
    """Count credits against the operator's day, in the transaction that gives them.

    :raises GrantRefused: The day's are used up, or the wallet is the operator's own.
    """
    if owner == operator.name:
        raise GrantRefused("Nobody gives credits to themself. Ask a colleague.")
    limit = context.config.grants_per_day
    if credits > limit:
        raise used_up(limit)
    session, today = context.session, clock.wall().date()
    session.execute(  # days that are over count nothing any more
        delete(OperatorDay).where(OperatorDay.operator == operator.name, OperatorDay.day < today)
    )
    row = insert(session, OperatorDay).values(operator=operator.name, day=today, credits=credits)
    counted = row.on_conflict_do_update(
        index_elements=[OperatorDay.operator, OperatorDay.day],
        set_={"credits": OperatorDay.credits + credits},
        where=OperatorDay.credits + credits <= limit,
    )
    if session.execute(counted.returning(OperatorDay.credits)).first() is None:
        raise used_up(limit)


def used_up(limit: int) -> GrantRefused:
    return GrantRefused(
        f"You may give {units.credits(limit)} a day. Ask a colleague in finance to give more."
    )
