"""Alerts of customers: of what they want to be told, set and taken away. ``thresholds.py`` watches."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from prepaid_ledger import check_owner, is_whole
from prepaid_ledger.database import insert, take_turns

from .. import checks, signals
from ..context import Context, transaction
from ..errors import NotYours, UnknownItem
from ..languages.words import gettext as _
from ..languages.words import marked
from .models import Alert, AlertKind, Crossing

#: Alerts that one owner may have.
MAX_ALERTS = 20

#: The largest threshold of each kind: credits, per cent, days.
MAX = {AlertKind.BALANCE: checks.MAX_CREDITS, AlertKind.BUDGET: 100, AlertKind.LAPSE: 366}

ASK = {
    AlertKind.BALANCE: marked("Write a number of credits, from 1 on; 0 is no alert."),
    AlertKind.BUDGET: marked("Write how many per cent, from 1 to 100."),
    AlertKind.LAPSE: marked("Write how many days before, from 1 to 366."),
}

#: The host's alert for everybody who has set none of their own.
EVERYBODYS = 0


def put(
    context: Context,
    owner: str,
    kind: str,
    threshold: int,
    *,
    spender: str | None = None,
    every: str | None = None,
) -> Alert:
    """Set an alert. Commits. A repeat finds it.

    :param kind: ``balance``, ``budget`` or ``lapse``.
    :param threshold: Credits, per cent of the budget, or days before the lapse. A balance of 0 is no alert,
        also none of the host's.
    :param spender: Whose budget; ``None`` is that of the whole wallet.
    :param every: The budget's window, ``day``, ``week`` or ``month``; ``None`` is for ever.
    :raises UnknownItem: There is no such kind, budget or threshold, or the owner has too many.
    """
    check_owner(owner)
    if kind not in set(AlertKind):
        raise UnknownItem("Choose balance, budget or lapse.", field="kind")
    kind = AlertKind(kind)
    if not is_whole(threshold, int(kind is not AlertKind.BALANCE), MAX[kind]):
        raise UnknownItem(ASK[kind], field="threshold")
    row = {"owner": owner, "kind": kind, "threshold": threshold, "spender": "", "every": ""}
    if kind is AlertKind.BUDGET:
        row |= {"spender": spender or "", "every": every or "ever"}
        _check_budget(context, owner, spender, every)
    with transaction(context) as session:
        take_turns(session, f"prepaid_alert:{owner}")
        _make_room(session, owner, kind, threshold)
        values = {**row, "created_at": context.clock()}
        session.execute(insert(session, Alert).values(values).on_conflict_do_nothing())
        if (session.scalar(select(func.count()).where(Alert.owner == owner)) or 0) > MAX_ALERTS:
            words = _("%(max)s alerts are the most. Remove one first.", max=MAX_ALERTS)
            raise UnknownItem(words, field="threshold")
        signals.tell(signals.alert_set, owner=owner, kind=kind.value, threshold=threshold, on=True)
        return session.scalars(select(Alert).filter_by(**row)).one()


def _check_budget(context: Context, owner: str, spender: str | None, every: str | None) -> None:
    budgets = context.ledger.budgets(owner)
    if not any(budget.spender == spender and budget.every == every for budget in budgets):
        raise UnknownItem("There is no such limit. Set one first, then an alert for it.", field="budget")


def _make_room(session: Session, owner: str, kind: AlertKind, threshold: int) -> None:
    """No balance alert and one at so many credits are not set together."""
    if kind is AlertKind.BALANCE:
        other = Alert.threshold > 0 if threshold == 0 else Alert.threshold == 0
        take_away(
            session,
            list(session.scalars(select(Alert).where(Alert.owner == owner, Alert.kind == kind, other))),
        )
        session.execute(delete(Crossing).where(Crossing.owner == owner, Crossing.alert_id == EVERYBODYS))


def of(session: Session, owner: str) -> Sequence[Alert]:
    """The owner's alerts, by kind and threshold."""
    mine = select(Alert).where(Alert.owner == owner)
    return session.scalars(mine.order_by(Alert.kind, Alert.spender, Alert.every, Alert.threshold)).all()


def remove(context: Context, owner: str, alert_id: int) -> None:
    """Take an alert away. Commits. A repeat does nothing.

    :raises NotYours: It is somebody else's.
    """
    with transaction(context) as session:
        mine = delete(Alert).where(Alert.id == alert_id, Alert.owner == owner)
        row = session.execute(mine.returning(Alert.kind, Alert.threshold)).one_or_none()
        if row is not None:
            session.execute(delete(Crossing).where(Crossing.alert_id == alert_id))
            kind, threshold = row.kind.value, row.threshold
            signals.tell(signals.alert_set, owner=owner, kind=kind, threshold=threshold, on=False)
        elif session.get(Alert, alert_id) is not None:
            raise NotYours("There is no such alert.")


def take_away(session: Session, alerts: Sequence[Alert]) -> None:
    for alert in alerts:
        session.execute(delete(Crossing).where(Crossing.alert_id == alert.id))
        session.delete(alert)
    session.flush()
