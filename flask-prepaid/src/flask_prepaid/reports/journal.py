"""The journal: what moved at Stripe as double entry, for an accountant to import.

Each of Stripe's balance transactions is one entry of two lines or more, whose debits equal its credits. All
lines of the account ``stripe`` together are Stripe's balance; the others add up to the sales report.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from .models import Movement
from .sales import COLUMNS, TRANSFERS
from .selection import EVERYTHING, Selection

#: What we have at Stripe, and what came of it on our bank's account.
STRIPE, BANK = "stripe", "bank"

#: What was sold, without tax; the tax that we owe; and what became less of either.
SALES, TAX, REFUNDS, DISPUTES, FEES = "sales", "tax", "refunds", "disputes", "fees"

#: What no column of the sales report has, with Stripe's category after it.
OTHER = "other"

#: The account on the other side of each column of the sales report.
OTHER_SIDE = {
    "gross_minor": SALES,
    "refunds_minor": REFUNDS,
    "disputes_minor": DISPUTES,
    "fees_minor": FEES,
}

#: Movements that are read at a time.
BATCH = 1_000


@dataclass(frozen=True)
class JournalLine:
    """One line of an entry, in the smallest unit of ``currency``: it is a debit or a credit, the other is 0.

    ``entry`` is the balance transaction at Stripe, ``text`` what it was for.
    """

    date: date
    account: str
    debit_minor: int
    credit_minor: int
    currency: str
    entry: str
    text: str


def journal(session: Session, selection: Selection = EVERYTHING) -> Iterator[JournalLine]:
    """Every entry of these days, by day, and of one day in the order of Stripe's ids."""
    after: tuple[date, str] | None = None
    while True:
        wanted = selection.within(select(Movement), Movement)
        if after is not None:
            wanted = wanted.where(tuple_(Movement.day, Movement.id) > after)
        batch = session.scalars(wanted.order_by(Movement.day, Movement.id).limit(BATCH)).all()
        for moved in batch:
            yield from lines_of(moved)
        if len(batch) < BATCH:
            return
        after = batch[-1].day, batch[-1].id
        for moved in batch:
            session.expunge(moved)


def lines_of(moved: Movement) -> list[JournalLine]:
    """The lines of one movement; debits are what comes to an account of ours, or is spent."""
    tax = -moved.tax_minor  # a charge owes it, a refund owes it no more
    amounts = {STRIPE: moved.net_minor, FEES: moved.fee_minor, TAX: tax}
    rest = -sum(amounts.values())
    account = _other_side(moved.category)
    amounts[account] = amounts.get(account, 0) + rest
    return [
        JournalLine(
            date=moved.day,
            account=name,
            debit_minor=max(amount, 0),
            credit_minor=max(-amount, 0),
            currency=moved.currency,
            entry=moved.id,
            text=_words(moved),
        )
        for name, amount in amounts.items()
        if amount
    ]


def _other_side(category: str) -> str:
    if category in TRANSFERS:
        return BANK
    column = COLUMNS.get(category)
    return OTHER_SIDE[column[0]] if column else f"{OTHER}:{category}"


def _words(moved: Movement) -> str:
    parts = (moved.category.replace("_", " "), moved.product, moved.owner, moved.taxed)
    return ", ".join(part for part in parts if part)
