"""Notes that operators leave about a customer, for each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prepaid_ledger import clock

from ....context import transaction
from ....errors import UnknownItem
from ....payments.customers.models import OperatorNote
from ... import forms
from .. import once, page
from ..roles import Right

#: Notes that are shown, and so many of them before the older ones are folded away.
NOTES = 20
FEW_NOTES = 3


def of_notes(session: Session, owner: str) -> dict[str, Any]:
    """What operators have noted of the customer, and who they are."""
    notes = notes_of(session, owner)
    return {
        "notes": notes,
        "notes_count": session.scalar(select(func.count()).where(OperatorNote.owner == owner)),
        "operators": page.labels(note.operator for note in notes),
        "few_notes": FEW_NOTES,
    }


def note() -> ResponseReturnValue:
    """Leave a note about a customer, for the other operators."""
    operator = page.operator(Right.NOTE)
    context = page.context()
    owner = page.known_owner(request.form.get("owner", ""))
    try:
        text = forms.note()
    except UnknownItem as error:
        flash(str(error), "warning")
        return redirect(page.customer_url(owner), 303)
    with transaction(context) as session:
        once.take_turn(session, f"note:{owner}")
        last = next(iter(notes_of(session, owner)), None)
        if last is None or (last.operator, last.text) != (operator.name, text):  # else it was sent twice
            session.add(OperatorNote(owner=owner, operator=operator.name, text=text, at=clock.wall()))
            page.record(operator, Right.NOTE, owner=owner, reason="")
    flash("The note is kept.", "success")
    return redirect(page.customer_url(owner), 303)


def notes_of(session: Session, owner: str) -> Sequence[OperatorNote]:
    """What operators have written about the customer, the latest first."""
    mine = select(OperatorNote).where(OperatorNote.owner == owner)
    return session.scalars(mine.order_by(OperatorNote.id.desc()).limit(NOTES)).all()
