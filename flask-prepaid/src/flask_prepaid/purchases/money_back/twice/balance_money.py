"""What a customer's money has paid for a second time, where that money has gone back.

A smaller plan and a credit note move money of a charge to the balance, and take the credits of it. The
balance pays for the next purchase. What a changed plan gives back of the one before pays for the new one, on
the same invoice. Where the charge is refunded or disputed as a whole later, that money is gone twice, and
what it has paid for the second time is taken back, the first bought first. A dispute that is won gives it
again.
"""

from __future__ import annotations

from typing import cast

from sqlalchemy import select, union, update
from sqlalchemy.orm import Session

from prepaid_ledger.database import take_turns
from prepaid_ledger.tables import Entry

from ....context import Context, transaction
from ....payments.earlier_money import EARLIER
from ....payments.models import BalancePaid, CarriedOver, EarlierMoney, Payment
from ....subscriptions.models import Invoice
from ....subscriptions.plan_rows import lock
from ..taking_back import take_back
from .gone_twice import GoneTwice

#: What a clawback says, by what had paid for the credits.
REASONS: dict[type[EarlierMoney], str] = {
    BalancePaid: "gone from the balance",
    CarriedOver: "gone with the plan before",
}

#: What names it in the ledger's keys.
NAMES: dict[type[EarlierMoney], str] = {BalancePaid: "balance", CarriedOver: "balance:carried"}


def due(context: Context, *, limit: int = 100) -> list[str]:
    """The owners of whom something has changed that earlier money has paid for, or that money itself."""
    changed = union(
        *(
            select(Payment.owner).where(
                Payment.id.in_(select(table.payment_id).where(table.changes > table.seen))
            )
            for table in EARLIER
        )
    )
    return list(context.session.scalars(changed.order_by("owner").limit(limit)))


def check(context: Context, owner: str) -> None:
    """Take back what money has paid for that is gone twice, or give it again. Commits."""
    with transaction(context) as session:
        take_turn(session, owner)
        bring_up_to_date(context, owner)


def take_turn(session: Session, owner: str) -> None:
    """One at a time looks at an owner's money, until its transaction ends. It comes before every lock."""
    take_turns(session, f"prepaid_balance:{owner}")


def bring_up_to_date(context: Context, owner: str) -> list[Entry]:
    """Take back what money has paid for that is gone twice, or give it again, in the caller's transaction.

    The caller has taken the owner's turn.
    """
    session = context.session
    entries: list[Entry] = []
    _lock(session, owner)
    paid = _paid_by_earlier(session, owner)
    seen = {(type(row), payment.id): row.changes for payment, row in paid}
    for currency in sorted({payment.currency for payment, _ in paid}):
        in_it = [(payment, row) for payment, row in paid if payment.currency == currency]
        gone = GoneTwice(session, owner, in_it)
        for payment, row in in_it:
            name = f"{NAMES[type(row)]}:{payment.id}"
            entries += take_back(context, payment, row, name, gone.part_of(row), REASONS[type(row)])
    for (table, payment_id), changes in seen.items():
        looked = update(table).where(table.payment_id == payment_id)
        session.execute(looked.values(seen=changes).execution_options(synchronize_session=False))
    return entries


def _lock(session: Session, owner: str) -> None:
    """Keep every other writer off the payments and plans, before any wallet is locked, as everybody does."""
    mine = union(
        *(
            select(table.payment_id)
            .join(Payment, Payment.id == table.payment_id)
            .where(Payment.owner == owner)
            for table in EARLIER
        )
    )
    session.execute(update(Payment).where(Payment.id.in_(mine)).values(id=Payment.id))
    plans = select(Invoice.subscription_id).where(Invoice.payment_id.in_(mine)).distinct()
    for subscription_id in session.scalars(plans.order_by(Invoice.subscription_id)).all():
        lock(session, subscription_id)


def _paid_by_earlier(session: Session, owner: str) -> list[tuple[Payment, EarlierMoney]]:
    """What earlier money has paid of the owner's, by the balance before the rest; the first bought first."""
    paid: list[tuple[Payment, EarlierMoney]] = []
    for table in EARLIER:
        rows = session.execute(
            select(Payment, table)
            .join(table, table.payment_id == Payment.id)
            .where(Payment.owner == owner)
            .order_by(table.at, Payment.id)
            .execution_options(populate_existing=True)
        )
        paid += [(payment, cast(EarlierMoney, row)) for payment, row in rows]
    return paid
