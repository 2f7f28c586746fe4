"""The invoices of one customer: those of plans, and those of packs where the shop makes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ....payments.models import Payment, Via
from ....subscriptions.models import Invoice, InvoiceState, Subscription


@dataclass(frozen=True)
class ListedInvoice:
    """An invoice as the customer's page lists it. Amounts in the smallest unit of ``currency``.

    ``page_url`` is where it can be read, or paid, at Stripe, and ``retry_at`` when that is tried next.
    """

    number: str
    state: str
    at: datetime
    total_minor: int
    discount_minor: int
    currency: str
    credits: int | None
    payment_id: int | None
    page_url: str | None = None
    retry_at: datetime | None = None


def of_plans(session: Session, owner: str, limit: int) -> Sequence[tuple[Invoice, int]]:
    """The invoices of plans, the latest first, each with what a discount took off it."""
    rows = session.execute(
        select(Invoice, func.coalesce(Payment.discount_minor, 0))
        .join(Subscription, Subscription.id == Invoice.subscription_id)
        .outerjoin(Payment, Payment.id == Invoice.payment_id)
        .where(Subscription.owner == owner, Invoice.state != InvoiceState.DRAFT)
        .order_by(Invoice.created_at.desc(), Invoice.id.desc())
        .limit(limit)
    )
    return [(invoice, discount_minor) for invoice, discount_minor in rows]


def of_purchases(session: Session, owner: str, limit: int) -> Sequence[Payment]:
    """What was bought once and has an invoice, the latest first. That of a charge that failed is void."""
    billed = select(Payment).where(Payment.owner == owner, Payment.via != Via.PLAN)
    paid = billed.where(Payment.invoice_id.is_not(None), Payment.paid_at.is_not(None))
    return session.scalars(paid.order_by(Payment.id.desc()).limit(limit)).all()


def lines(plans: Iterable[tuple[Invoice, int]], purchases: Iterable[Payment]) -> list[ListedInvoice]:
    """Both in one list, the latest first."""
    both = [_of_plan(*row) for row in plans] + [_of_purchase(payment) for payment in purchases]
    return sorted(both, key=lambda line: line.at, reverse=True)


def _of_plan(invoice: Invoice, discount_minor: int) -> ListedInvoice:
    return ListedInvoice(
        number=invoice.number or invoice.stripe_id,
        state=invoice.state,
        at=invoice.created_at,
        total_minor=invoice.total_minor,
        discount_minor=discount_minor,
        currency=invoice.currency,
        credits=invoice.credits,
        payment_id=invoice.payment_id,
        page_url=invoice.page_url,
        retry_at=invoice.retry_at,
    )


def _of_purchase(payment: Payment) -> ListedInvoice:
    return ListedInvoice(
        number=payment.invoice_number or payment.invoice_id or "",
        state=InvoiceState.PAID,
        at=payment.paid_at or payment.created_at,
        total_minor=payment.paid_minor or 0,
        discount_minor=payment.discount_minor,
        currency=payment.currency,
        credits=payment.credits,
        payment_id=payment.id,
    )
