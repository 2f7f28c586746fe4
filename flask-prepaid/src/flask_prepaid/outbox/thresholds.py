"""Whether an alert's threshold is crossed: looked at by ``tick``, told once, and again after it recovered."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, exists, literal, or_, select
from sqlalchemy.orm import Session

from prepaid_ledger.database import insert
from prepaid_ledger.tables import Budget, Wallet

from .. import signals
from ..context import Context, reading, transaction
from .alerts import EVERYBODYS
from .models import Alert, AlertKind, Crossing

#: How many of each kind one tick tells; the next tick goes on.
AT_ONCE = 100

#: How often a wallet is looked at for credits that lapse: what lapses is drawn from all its entries.
LOOK_EVERY = timedelta(hours=1)

#: Only wallets that moved so lately fall below the host's threshold.
LATELY = timedelta(days=1)

_available = Wallet.balance - Wallet.held
BALANCE, BUDGET, LOOKED, REMOVED = "balance", "budget", "looked", "removed"


def check(context: Context) -> int:
    """Tell each alert whose threshold is crossed, once; how many. Commits."""
    _recover(context)
    return (
        _tell_balances(context) + _tell_everybodys(context) + _tell_budgets(context) + _tell_lapses(context)
    )


def _recover(context: Context) -> None:
    """Forget what is over: the balance is up again, the window or the lot has ended, a limit was raised."""
    mine = Alert.id == Crossing.alert_id
    spent_less = (
        select(Budget.wallet_id)
        .join(Wallet, Budget.of(Wallet))
        .join(Alert, _is_budget_of())
        .where(mine, ~_is_near())
        .exists()
    )
    is_up = (
        select(Wallet.id)
        .join(Alert, Alert.owner == Wallet.owner)
        .where(mine, _available >= Alert.threshold)
        .exists()
    )
    everybodys = Crossing.alert_id == EVERYBODYS
    low = context.config.balance_low
    is_up_for_all = exists().where(Wallet.owner == Crossing.owner, _available >= low)
    over = or_(
        Crossing.until <= context.clock(),
        and_(Crossing.about == BUDGET, spent_less),
        and_(Crossing.about == BALANCE, ~everybodys, is_up),
        and_(Crossing.about == BALANCE, everybodys, is_up_for_all),
    )
    key = (Crossing.alert_id, Crossing.owner, Crossing.about)
    with transaction(context) as session:
        for alert_id, owner, about in session.execute(select(*key).where(over)).all():
            session.execute(
                delete(Crossing).where(
                    Crossing.alert_id == alert_id, Crossing.owner == owner, Crossing.about == about
                )
            )


def _tell_balances(context: Context) -> int:
    low = (
        select(Alert.id, Alert.owner, _available, Alert.threshold)
        .join(Wallet, Wallet.owner == Alert.owner)
        .where(Alert.kind == AlertKind.BALANCE, _available < Alert.threshold, ~_told(BALANCE))
        .order_by(Alert.id)
        .limit(AT_ONCE)
    )
    return _tell_low(context, low)


def _tell_everybodys(context: Context) -> int:
    """The host's threshold, for owners who have set none of their own."""
    threshold = context.config.balance_low
    if not threshold:
        return 0
    own = exists().where(Alert.owner == Wallet.owner, Alert.kind == AlertKind.BALANCE)
    told_or_gone = exists().where(
        Crossing.alert_id == EVERYBODYS,
        Crossing.owner == Wallet.owner,
        Crossing.about.in_((BALANCE, REMOVED)),
    )
    lately = Wallet.moved_at > context.clock() - LATELY
    columns = literal(EVERYBODYS), Wallet.owner, _available, literal(threshold)
    return _tell_low(
        context, select(*columns).where(lately, _available < threshold, ~own, ~told_or_gone).limit(AT_ONCE)
    )


def _tell_low(context: Context, low: Select[int, str, int, int]) -> int:
    """Tell of each balance: the alert, its owner, the credits available, the threshold."""
    with transaction(context) as session:
        rows = session.execute(low).all()
        for alert_id, owner, credits, threshold in rows:
            if _claim(session, alert_id, owner, BALANCE, context.clock()):
                signals.after_commit(
                    session, signals.balance_low, owner=owner, credits=credits, threshold=threshold
                )
    return len(rows)


def _tell_budgets(context: Context) -> int:
    now = context.clock()
    near = (
        select(Alert.id, Alert.owner, Alert.threshold, Budget, Budget.spent_of(Wallet))
        .join(Wallet, Wallet.owner == Alert.owner)
        .join(Budget, and_(Budget.of(Wallet), _is_budget_of()))
        .where(
            or_(Budget.resets_at.is_(None), Budget.resets_at > now),  # else its window is over
            _is_near(),
            ~_told(BUDGET),
        )
        .order_by(Alert.id)
        .limit(AT_ONCE)
    )
    with transaction(context) as session:
        rows = session.execute(near).all()
        for alert_id, owner, percent, budget, spent in rows:
            if _claim(session, alert_id, owner, BUDGET, now, until=budget.resets_at):
                signals.after_commit(
                    session,
                    signals.budget_near,
                    owner=owner,
                    spender=budget.spender or None,
                    every=None if budget.resets_at is None else budget.every.value,
                    credits=budget.credits,
                    spent=spent,
                    percent=percent,
                    resets_at=budget.resets_at,
                )
    return len(rows)


def _tell_lapses(context: Context) -> int:
    """Look at wallets in which credits may lapse soon, each once an hour, and tell of each lot once."""
    now = context.clock()
    lapse = Alert.kind == AlertKind.LAPSE
    with reading(context) as session:
        every_days = session.scalars(select(Alert.threshold).where(lapse).distinct()).all()
        due = [
            (alert_id, owner, days)
            for days in every_days
            for alert_id, owner in session.execute(
                select(Alert.id, Alert.owner)
                .join(Wallet, Wallet.owner == Alert.owner)
                .where(
                    *(lapse, Alert.threshold == days),
                    Wallet.next_expiry_at <= now + timedelta(days=days),
                    ~_told(LOOKED),
                )
                .order_by(Alert.id)
                .limit(AT_ONCE)
            )
        ]
    return sum(_tell_lots(context, alert_id, owner, days) for alert_id, owner, days in due)


def _tell_lots(context: Context, alert_id: int, owner: str, days: int) -> int:
    """Tell of the lots that lapse within the days, those that end together in one message."""
    now = context.clock()
    with reading(context):
        lots = context.ledger.lots(owner)  # drawn from all its entries, while others may write
    with transaction(context) as session:
        if not _claim(session, alert_id, owner, LOOKED, now, until=now + LOOK_EVERY):
            return 0
        lapsing: dict[datetime, int] = {}
        for lot in lots:
            at = lot.expires_at
            if at is None or not lot.left or not now < at <= now + timedelta(days=days):
                continue
            if _claim(session, alert_id, owner, f"lot:{lot.key}", now, until=at):
                lapsing[at] = lapsing.get(at, 0) + lot.left
        for at, credits in sorted(lapsing.items()):
            signals.after_commit(
                session, signals.credits_lapsing, owner=owner, credits=credits, expires_at=at, days=days
            )
    return len(lapsing)


def _is_budget_of() -> ColumnElement[bool]:
    """A row of budgets is that of an alert; the wallet is the owner's besides."""
    return and_(
        Alert.kind == AlertKind.BUDGET,
        Alert.owner == Wallet.owner,
        Alert.spender == Budget.spender,
        Alert.every == Budget.every,
    )


def _is_near() -> ColumnElement[bool]:
    return and_(Budget.credits > 0, Budget.spent_of(Wallet) * 100 >= Alert.threshold * Budget.credits)


def _told(about: str) -> ColumnElement[bool]:
    return exists().where(
        Crossing.alert_id == Alert.id, Crossing.owner == Alert.owner, Crossing.about == about
    )


def note_removed(session: Session, owner: str, now: datetime) -> None:
    """The host has removed the customer: nothing is told by the host's own alert."""
    _claim(session, EVERYBODYS, owner, REMOVED, now)


def note_back(session: Session, owner: str) -> None:
    """Who was removed is a customer again."""
    session.execute(
        delete(Crossing).where(
            Crossing.alert_id == EVERYBODYS, Crossing.owner == owner, Crossing.about == REMOVED
        )
    )


def _claim(
    session: Session, alert_id: int, owner: str, about: str, now: datetime, *, until: datetime | None = None
) -> bool:
    """Note that the owner is told now; whether nobody has before. Of two at once, one may tell."""
    row = {"alert_id": alert_id, "owner": owner, "about": about, "until": until, "at": now}
    new = insert(session, Crossing).values(row).on_conflict_do_nothing().returning(Crossing.owner)
    return session.scalar(new) is not None
