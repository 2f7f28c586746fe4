"""A form that is sent twice counts once, also where both are sent at the same moment."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from prepaid_ledger.database import take_turns

from .models import OperatorDay


def take_turn(session: Session, form: str) -> None:
    """Have whoever sends this form again wait until the first one is through, and see what came of it.

    :param form: Names what is sent, such as the form's token.
    """
    take_turns(session, f"prepaid_operator:{form}")
    if session.get_bind().dialect.name == "sqlite":  # what is looked for comes before the first write
        session.execute(update(OperatorDay).where(OperatorDay.operator == "").values(credits=0))
