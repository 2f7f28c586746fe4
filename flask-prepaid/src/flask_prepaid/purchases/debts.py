"""What a customer owes credits for: work that cost more than was there, or money that went back.

Credits that come in pay what was owed first. A clawback that is undone takes its own debt along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from prepaid_ledger.tables import Entry, Kind, Wallet

#: Entries that are read at once. Those of the debt that stands are read, and none from before it.
READ_AT_ONCE = 100


@dataclass
class Debt:
    """So many credits that are owed still: after a spend, or after a clawback of the lot ``lot_seq``."""

    kind: Kind
    credits: int
    lot_seq: int | None


def owed(session: Session, owner: str) -> list[Debt]:
    """What is owed, the first debt first."""
    debts: list[Debt] = []
    for entry in reversed(_moves(session, owner)):
        if entry.debt > 0:
            lot_seq = entry.refers_to_seq if entry.kind is Kind.CLAWBACK else None
            debts.append(Debt(entry.kind, entry.debt, lot_seq))
        elif entry.about is Kind.CLAWBACK:  # it is undone
            left = _pay([debt for debt in debts if debt.lot_seq == entry.about_lot_seq], -entry.debt)
            _pay(debts, left)
        else:
            _pay(debts, -entry.debt)
    return [debt for debt in debts if debt.credits]


def _pay(debts: list[Debt], credits: int) -> int:
    """Pay with so many credits, the first debt first; how many are left."""
    for debt in debts:
        paid = min(debt.credits, credits)
        debt.credits -= paid
        credits -= paid
    return credits


def _moves(session: Session, owner: str) -> list[Any]:
    """The entries by which the debt came about, back to when nothing was owed, the last first.

    ``about`` is the kind of the entry that each refers to, and ``about_lot_seq`` what that refers to.
    """
    wallet = session.execute(
        select(Wallet.slot, Wallet.id, Wallet.debt).where(Wallet.owned_by(owner))
    ).one_or_none()
    if wallet is None or not wallet.debt:
        return []
    about = aliased(Entry)
    moves = (
        select(
            *(Entry.kind, Entry.debt, Entry.refers_to_seq),
            *(about.kind.label("about"), about.refers_to_seq.label("about_lot_seq")),
        )
        .outerjoin(about, and_(about.same_wallet_as(Entry), about.seq == Entry.refers_to_seq))
        .where(Entry.of(wallet), Entry.debt != 0)
        .order_by(Entry.seq.desc())
    )
    read: list[Any] = []
    left = wallet.debt
    with session.execute(moves, execution_options={"yield_per": READ_AT_ONCE}) as rows:
        while left and (entry := rows.fetchone()) is not None:
            read.append(entry)
            left -= entry.debt
    return read
