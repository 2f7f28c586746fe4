"""Which payment each movement belongs to, and with it which owner, product, country and tax."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session, aliased

from ...context import Context, transaction
from ...payments.models import SENT_BACK, PartCharge, Payment, PaymentState, Via
from ...subscriptions.models import Invoice, PlanPrice, Subscription
from ..models import Copying, Movement
from . import taxes
from .sums import BATCH, Sums

#: What a customer bought who named a number of credits and no pack.
ANY_NUMBER = "credits"

#: What a plan's name begins with, so that a pack of the same name is another product.
PLAN = "plan:"

#: Whose money has come, so that what it bought is certain; also where all of it has gone again.
ARRIVED = Payment.state.in_((PaymentState.PAID, PaymentState.NEEDS_REVIEW)) | (Payment.failure == SENT_BACK)


def product_of(payment: Payment, plan: str | None) -> str:
    """What it bought: a pack's slug, a plan's after ``PLAN``, or just a number of credits."""
    if payment.via is not Via.PLAN:
        return payment.pack or ANY_NUMBER
    return f"{PLAN}{plan or ''}"[: Movement.product.type.length]


def tie(context: Context) -> None:
    """Give each movement its payment, owner, product and country, once they are known. Commits."""
    last: str | None = ""
    while last is not None:
        with transaction(context) as session:
            last = _tie_batch(session, last)


def _tie_batch(session: Session, after: str) -> str | None:
    """Tie the next movements; the id of the last, or ``None`` where there were no more."""
    charge = aliased(Movement)
    rows = session.execute(
        select(Movement, Payment, charge, PlanPrice.plan)
        .outerjoin(PartCharge, PartCharge.payment_intent_id == Movement.intent_id)
        .join(
            Payment,
            (Payment.payment_intent_id == Movement.intent_id) | (Payment.id == PartCharge.payment_id),
        )
        .outerjoin(charge, (charge.intent_id == Movement.intent_id) & (charge.category == "charge"))
        .outerjoin(Invoice, Invoice.payment_id == Payment.id)
        .outerjoin(Subscription, Subscription.id == Invoice.subscription_id)
        .outerjoin(PlanPrice, PlanPrice.id == Subscription.price_id)
        .where(Movement.payment_id.is_(None), Movement.intent_id.is_not(None), Movement.id > after)
        .where(ARRIVED)
        .order_by(Movement.id)
        .limit(BATCH)
    ).all()
    if not rows:
        return None
    session.execute(update(Copying).values(id=1))
    sums = Sums()
    for moved, payment, charged, plan in rows:
        session.refresh(moved, ["payment_id", "product", "country"])
        if moved.payment_id is None:
            sums.add(moved, -1)
            _tie(moved, payment, charged.country if charged else None, plan)
            taxes.put(session, moved, payment, _sale_of(charged))
            sums.add(moved)
    session.flush()
    sums.write(session)
    last = str(rows[-1][0].id)
    for copy in {each for moved, _, charged, _ in rows for each in (moved, charged) if each is not None}:
        session.expunge(copy)
    return last


def _sale_of(charged: Movement | None) -> taxes.ChargeMoney | None:
    if charged is None:
        return None
    return taxes.ChargeMoney(charged.original_minor, charged.amount_minor, charged.currency)


def _tie(moved: Movement, payment: Payment, country: str | None, plan: str | None) -> None:
    moved.payment_id, moved.owner = payment.id, payment.owner
    moved.country = moved.country or country or ""
    moved.product, moved.taxed = product_of(payment, plan), payment.taxed
