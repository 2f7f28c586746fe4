"""What an event of Stripe's is about, from the rows that are here, and in words why it was not handled."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.errors import PrepaidError

from ... import errors
from ...operations.models import InboxEvent
from ...payments.customers.models import Customer, FormerCustomer, SavedCard
from ...payments.models import Dispute, PartCharge, Payment, Refund
from ...purchases.money_back.models import CreditNote, FraudWarning
from ...subscriptions.models import Invoice, Subscription
from .. import page

#: For so long Stripe sends an event again that was not taken, with real money and in test mode.
#: https://docs.stripe.com/webhooks#automatic-retries
RESENT_LIVE = timedelta(days=3)
RESENT_TEST = timedelta(hours=3)

#: Among so many events that were not handled, the latest, a customer's own are looked for.
LATEST = 200

#: How the ids of disputes begin.
DISPUTES = ("du_", "dp_")

#: Of the database, as SQLAlchemy calls what passes by itself.
DATABASE = ("OperationalError", "InterfaceError", "TimeoutError", "DBAPIError")


@dataclass(frozen=True)
class Subject:
    """Whom an object of Stripe's belongs to, and its money if it has any, in the currency's smallest unit."""

    owner: str
    amount_minor: int | None = None
    currency: str = ""


def about(session: Session, ids: Collection[str]) -> dict[str, Subject]:
    """The subject of each of these objects of Stripe's that is known here. Stripe is not asked."""
    if not ids:
        return {}
    subjects: dict[str, Subject] = {}
    for stripe_id, owner in owners_of(session, ids):
        subjects[stripe_id] = Subject(owner)
    for stripe_id, owner, amount_minor, currency in (
        *invoices_among(session, ids),
        *moved_among(session, ids),
        *payments_among(session, ids),
    ):
        subjects[stripe_id] = Subject(owner, amount_minor, currency)
    return subjects


def not_handled_of(session: Session, owner: str) -> list[tuple[InboxEvent, Subject]]:
    """The customer's events that were not handled and what each is about, the oldest first.

    Of all events that were not handled the latest ``LATEST`` are looked at.
    """
    waiting = select(InboxEvent).where(InboxEvent.handled_at.is_(None))
    rows = session.scalars(waiting.order_by(InboxEvent.received_at.desc()).limit(LATEST)).all()
    subjects = about(session, {row.object_id for row in rows if row.object_id})
    known = ((row, subjects.get(row.object_id or "")) for row in reversed(rows))
    return [(row, subject) for row, subject in known if subject and subject.owner == owner]


def owners_of(session: Session, ids: Collection[str]) -> Iterable[Any]:
    """Customers, cards and plans."""
    for name, owner in (
        (Customer.stripe_id, Customer.owner),
        (FormerCustomer.stripe_id, FormerCustomer.owner),
        (SavedCard.id, SavedCard.owner),
        (Subscription.stripe_id, Subscription.owner),
        (Subscription.session_id, Subscription.owner),
    ):
        yield from session.execute(select(name, owner).where(name.in_(ids)))


def invoices_among(session: Session, ids: Collection[str]) -> Iterable[Any]:
    """Invoices of plans. A purchase's invoice is known by its payment."""
    rows = select(Invoice.stripe_id, Subscription.owner, Invoice.total_minor, Invoice.currency)
    joined = rows.join(Subscription, Subscription.id == Invoice.subscription_id)
    return session.execute(joined.where(Invoice.stripe_id.in_(ids)))


def moved_among(session: Session, ids: Collection[str]) -> Iterable[Any]:
    """What belongs to a payment: refunds, disputes, credit notes, warnings, and charges of a part of it."""
    for name, amount, payment_id in (
        (Refund.stripe_id, Refund.amount_minor, Refund.payment_id),
        (Dispute.id, Dispute.amount_minor, Dispute.payment_id),
        (CreditNote.id, CreditNote.amount_minor, CreditNote.payment_id),
        (FraudWarning.id, Payment.paid_minor, FraudWarning.payment_id),
        (PartCharge.payment_intent_id, PartCharge.charged_minor, PartCharge.payment_id),
    ):
        rows = select(name, Payment.owner, amount, Payment.currency).join(Payment, Payment.id == payment_id)
        yield from session.execute(rows.where(name.in_(ids)))


def disputes_among(session: Session, ids: Collection[str]) -> dict[str, Dispute]:
    """Those of these objects that are disputes, by their id."""
    named = [each for each in ids if each.startswith(DISPUTES)]
    rows = session.scalars(select(Dispute).where(Dispute.id.in_(named))) if named else ()
    return {row.id: row for row in rows}


def payments_among(session: Session, ids: Collection[str]) -> Iterable[Any]:
    """Payments, by each of their ids: what was paid, or is to be."""
    names = (Payment.session_id, Payment.payment_intent_id, Payment.charge_id, Payment.invoice_id)
    for payment in session.scalars(select(Payment).where(or_(*(name.in_(ids) for name in names)))):
        for name in names:
            stripe_id = getattr(payment, name.key)
            if stripe_id in ids:
                yield stripe_id, payment.owner, payment.total_minor, payment.currency


def why(event: InboxEvent) -> str:
    """Why an event was not handled, for people. A mistake of ours keeps its name, which the log has, too."""
    if not event.outcome:
        return "It was not finished: the app ended meanwhile, or is still at work on it."
    kind, _, message = event.outcome.partition(": ")
    if kind == errors.GatewayUnavailable.__name__:
        return "Our question to Stripe was not answered."
    if kind in DATABASE:
        return "Our database was busy or did not answer."
    error = getattr(errors, kind, None)
    if message and isinstance(error, type) and issubclass(error, PrepaidError):
        return message
    return f"This app failed, and its log says where: {event.outcome}"


def sent_until(event: InboxEvent) -> datetime | None:
    """Until when Stripe may send an event again by itself; ``None`` once it does not."""
    live = page.context().config.livemode if event.livemode is None else event.livemode
    until = event.created_at + (RESENT_LIVE if live else RESENT_TEST)
    return until if until > clock.wall() else None
