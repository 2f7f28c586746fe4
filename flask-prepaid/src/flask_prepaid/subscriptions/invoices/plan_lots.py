"""The lots that a subscription gave, by their keys in the ledger: an invoice's own, and its months'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...gateway.values import moment
from ..models import Invoice, PlanMonth
from .calendar_months import Window

#: An invoice's own month, whose credits it gives by itself.
OWN = 1


@dataclass(frozen=True)
class PlanLot:
    """Credits that a subscription gave: in which of an invoice's months, and how many."""

    invoice_id: int
    number: int
    credits: int

    @property
    def key(self) -> str:
        return key_of(self.invoice_id, self.number)

    @property
    def name(self) -> str:
        """Tells it apart in the keys of what is taken of it."""
        return str(self.invoice_id) if self.number == OWN else f"{self.invoice_id}:month:{self.number}"


def key_of(invoice_id: int, number: int) -> str:
    """The key under which a month's credits come in."""
    return f"invoice:{invoice_id}" if number == OWN else f"invoice:{invoice_id}:month:{number}"


def keys_before(session: Session, subscription_id: int, at: datetime) -> set[str]:
    """The keys of what a subscription gave for the time before ``at``, and in it.

    A period is paid an hour after it began, or on a retry: an upgrade that was paid meanwhile is of this
    period, and stays. What a subscription before this one gave stays as long as was told, and so does what
    came late: it had no time of its own.
    """
    given = select(Invoice.id).where(
        Invoice.subscription_id == subscription_id,
        Invoice.given > 0,
        Invoice.created_at < at,
        Invoice.late.is_(False),
    )
    months = select(PlanMonth.invoice_id, PlanMonth.number).where(
        PlanMonth.subscription_id == subscription_id,
        PlanMonth.given > 0,
        PlanMonth.starts_at < at,
        PlanMonth.given_at < PlanMonth.ends_at,
    )
    own = {key_of(invoice_id, OWN) for invoice_id in session.scalars(given)}
    return own | {key_of(invoice_id, number) for invoice_id, number in session.execute(months)}


def given_in(session: Session, subscription_id: int, window: Window, *, but: int) -> list[PlanLot]:
    """What a subscription gave for that time, the last first, without what the invoice ``but`` gave."""
    since, until = moment(window[0]), moment(window[1])
    of_months = (
        select(func.coalesce(func.sum(PlanMonth.credits), 0))
        .where(PlanMonth.invoice_id == Invoice.id)
        .scalar_subquery()
    )
    own = select(Invoice.created_at, Invoice.period_start, Invoice.id, Invoice.given - of_months).where(
        Invoice.subscription_id == subscription_id,
        Invoice.given > of_months,
        Invoice.id != but,
        (Invoice.created_at >= since) | (Invoice.period_start >= since),
    )
    months = select(PlanMonth).where(
        PlanMonth.subscription_id == subscription_id,
        PlanMonth.given > 0,
        PlanMonth.starts_at >= since,
        PlanMonth.invoice_id != but,
    )
    dated = [
        (max(at, start or at), PlanLot(invoice_id, OWN, int(credits)))
        for at, start, invoice_id, credits in session.execute(own)
    ]
    dated += [
        (month.starts_at, PlanLot(month.invoice_id, month.number, month.given or 0))
        for month in session.scalars(months)
    ]
    dated.sort(key=lambda each: (each[0], each[1].invoice_id), reverse=True)
    return [lot for at, lot in dated if at < until]


def given_by_now(session: Session, invoice: Invoice) -> int:
    """What an invoice has given so far: its credits, without those of months that are still to come."""
    return (invoice.credits or 0) - to_come_of_each(session, [invoice.id])[invoice.id]


def to_come_of_each(session: Session, invoice_ids: Sequence[int]) -> Counter[int]:
    """The credits of months that are still to come, by the invoice's id."""
    to_come = (
        select(PlanMonth.invoice_id, func.sum(PlanMonth.credits))
        .where(PlanMonth.invoice_id.in_(invoice_ids), PlanMonth.given_at.is_(None))
        .group_by(PlanMonth.invoice_id)
    )
    return Counter({invoice_id: int(credits) for invoice_id, credits in session.execute(to_come)})


def period_end(session: Session, invoice: Invoice, number: int = OWN) -> datetime | None:
    """When the time is over that an invoice's credits are for, or those of one of its months."""
    if number != OWN:
        return session.get_one(PlanMonth, (invoice.id, number)).ends_at
    next_one = select(func.min(PlanMonth.starts_at)).where(PlanMonth.invoice_id == invoice.id)
    return session.scalar(next_one) or invoice.period_end


def ends_by_lot(session: Session, invoices: Sequence[Invoice]) -> dict[str, datetime | None]:
    """When the time is over that each lot of these invoices is for, by the lot's key. A grace follows."""
    ends = {key_of(invoice.id, OWN): invoice.period_end for invoice in invoices}
    of_them = PlanMonth.invoice_id.in_([invoice.id for invoice in invoices])
    for month in session.scalars(select(PlanMonth).where(of_them).order_by(PlanMonth.number.desc())):
        ends[key_of(month.invoice_id, OWN)] = month.starts_at  # in the end, that of the second month
        ends[key_of(month.invoice_id, month.number)] = month.ends_at
    return ends
