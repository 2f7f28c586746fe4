"""The payment rows: written down before Stripe is asked, and found by any of Stripe's ids."""

from __future__ import annotations

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert
from prepaid_ledger.errors import KeyReused

from ..catalog import Offer
from ..context import Context
from . import part_charges, timing, wishes
from .models import Payment, PaymentState, Refund, Via
from .wishes import Wish


def write_down(
    context: Context,
    owner: str,
    offer: Offer,
    *,
    via: Via,
    wish: Wish,
    card_id: str | None = None,
) -> Payment:
    """The row of what is about to be asked of Stripe, or the one that the wish has. Commit it before you ask.

    :raises KeyReused: The name of the wish has asked for something else.
    """
    session = context.session
    key = wishes.key_of(owner, wish.name)
    agreed = {
        "via": via,
        "pack": offer.pack,
        "credits": offer.credits,
        "amount_minor": offer.amount_minor,
        "currency": offer.currency,
        "sent_digest": wish.digest,
    }
    values = {
        **agreed,
        "owner": owner,
        "state": PaymentState.REQUESTED,
        "title": offer.title,
        "expires_after_s": int(offer.expires_after.total_seconds()) if offer.expires_after else None,
        "idempotency_key": key,
        "card_id": card_id,
        "created_at": context.clock(),
        "check_at": timing.first_check(context.config),
    }
    session.execute(insert(session, Payment).values(values).on_conflict_do_nothing())
    payment = session.scalars(select(Payment).where(Payment.idempotency_key == key)).one()
    if any(getattr(payment, name) != value for name, value in agreed.items()):
        raise reused(wish.name or key)
    return payment


def begun(session: Session, owner: str, wish: Wish) -> Payment | None:
    """The row that the wish has written down before.

    :raises KeyReused: Its name has asked for something else.
    """
    if wish.name is None:
        return None
    key = wishes.key_of(owner, wish.name)
    payment = session.scalars(select(Payment).where(Payment.idempotency_key == key)).one_or_none()
    if payment is not None and payment.sent_digest != wish.digest:
        raise reused(wish.name)
    return payment


def reused(wish_name: str) -> KeyReused:
    """Why a wish is refused whose name has asked for something else."""
    name = wish_name.rpartition(":")[2] if wish_name.startswith("again-") else wish_name.partition(":")[2]
    return KeyReused(
        name or wish_name, "This was already asked for with another choice. Go back and choose again."
    )


def find(session: Session, *, key: str | None = None, stripe_id: str | None = None) -> Payment | None:
    """The row that a Stripe object is about, by its id or by the key in its metadata."""
    names = [Payment.idempotency_key == key] if key else []
    if stripe_id:
        names += [
            Payment.session_id == stripe_id,
            Payment.payment_intent_id == stripe_id,
            Payment.charge_id == stripe_id,
            Payment.invoice_id == stripe_id,
        ]
    if not names:
        return None
    payment = session.scalars(select(Payment).where(or_(*names)).order_by(Payment.id)).first()
    return payment or (part_charges.payment_of(session, stripe_id) if stripe_id else None)


def lock(session: Session, payment: Payment, **ids: str | None) -> None:
    """Keep every other writer off the row until the transaction ends, and see it as it now is.

    An UPDATE locks the row on PostgreSQL and takes the write lock on SQLite.
    """
    known: dict[str, object] = {name: value for name, value in ids.items() if value}
    session.execute(update(Payment).where(Payment.id == payment.id).values(known or {"id": payment.id}))
    session.refresh(payment)


def due(context: Context, table: type[Payment] | type[Refund], *, limit: int = 100) -> list[int]:
    """The payments whose end is not known, or the refunds, that it is time to ask Stripe about."""
    overdue = select(table.id).where(table.check_at <= clock.wall()).order_by(table.check_at)
    if table is Payment:
        overdue = overdue.where(Payment.state != PaymentState.PAID)
    return list(context.session.scalars(overdue.limit(limit)))


def cost_minor(payment: Payment) -> int:
    """What a payment's credits cost, by whatever it was paid.

    What the balance has paid stands in ``paid_minor`` of what was bought once, and not in a plan's.
    """
    return payment.amount_minor if payment.via is Via.PLAN else payment.paid_minor or 0
