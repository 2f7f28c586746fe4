"""What one customer has paid in all, and what of it has gone back, or may."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from ....payments.dispute_states import TAKES_NOTHING, DisputeState
from ....payments.models import NOT_REFUNDED, UNDER_WAY, Dispute, Payment, Refund
from ....payments.part_charges import is_of_its_charge


@dataclass(frozen=True)
class PaidSum:
    """Sums of one currency, in its smallest unit. ``back``: each amount that went back, with its words."""

    currency: str
    paid_minor: int
    back: list[tuple[int, str]]


def of(session: Session, owner: str) -> list[PaidSum]:
    """One for each currency in which the customer has paid, the largest first."""
    paid = (
        select(Payment.currency, func.sum(Payment.paid_minor))
        .where(Payment.owner == owner, Payment.paid_minor.is_not(None))
        .group_by(Payment.currency)
        .order_by(func.sum(Payment.paid_minor).desc())
    )
    back = _back(session, owner)
    return [PaidSum(currency, int(minor or 0), back[currency]) for currency, minor in session.execute(paid)]


def _back(session: Session, owner: str) -> defaultdict[str, list[tuple[int, str]]]:
    """What was refunded, then what banks have taken, by currency."""
    refund_words = case((Refund.state.in_(UNDER_WAY), "refund under way"), else_="refunded")
    dispute_words = case((Dispute.state == DisputeState.LOST, "lost to disputes"), else_="held by disputes")
    sums = [
        select(Payment.currency, words, func.sum(table.amount_minor))
        .join_from(table, Payment, Payment.id == table.payment_id)
        .where(Payment.owner == owner, Payment.paid_minor.is_not(None), counted)
        .group_by(Payment.currency, words)
        .order_by(words.desc())
        for table, words, counted in (
            (Refund, refund_words, Refund.state.not_in(NOT_REFUNDED)),
            (Dispute, dispute_words, is_of_its_charge() & Dispute.state.not_in(TAKES_NOTHING)),
        )
    ]
    back = defaultdict(list)
    for currency, words, minor in (row for wanted in sums for row in session.execute(wanted)):
        back[currency].append((int(minor), words))
    return back
