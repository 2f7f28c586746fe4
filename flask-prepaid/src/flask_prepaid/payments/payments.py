"""The payment rows: written down before Stripe is asked, found by any of Stripe's ids, settled once."""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert
from prepaid_ledger.errors import KeyReused

from .. import signals
from ..catalog import Offer
from ..context import Context
from ..gateway.values import Checkout, Intent
from . import card_testing
from .models import Payment, PaymentState, Refund, Via

log = logging.getLogger(__name__)

#: Nothing more comes of a payment in one of these, but money back.
FINAL = {PaymentState.PAID, PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.SET_ASIDE}

#: What a PaymentIntent's status means for the payment that waits for it.
INTENT_STATES = {
    "processing": PaymentState.PENDING,
    "requires_capture": PaymentState.PENDING,
    "requires_action": PaymentState.OPEN,
    "requires_confirmation": PaymentState.OPEN,
    "requires_payment_method": PaymentState.FAILED,
    "canceled": PaymentState.FAILED,
}


def write_down(
    context: Context,
    owner: str,
    offer: Offer,
    *,
    via: Via,
    attempt: str | None = None,
    card_id: str | None = None,
) -> Payment:
    """The committed row of what is about to be asked of Stripe.

    :param attempt: Names the customer's wish, such as a token in the form: sent again,
        it finds the first row, so that a double click pays once.
    :raises KeyReused: The attempt has asked for something else.
    :raises TooManyAttempts: This customer, this address, or all together have tried too often.
    :raises BuyingPaused: Nothing is sold at the moment.
    """
    session = context.session
    key = attempt_key(owner, attempt)
    card_testing.make_sure(context, owner)
    values = {
        "owner": owner,
        "via": via,
        "state": PaymentState.REQUESTED,
        "pack": offer.pack,
        "title": offer.title,
        "credits": offer.credits,
        "expires_after_s": int(offer.expires_after.total_seconds()) if offer.expires_after else None,
        "amount_minor": offer.amount_minor,
        "currency": offer.currency,
        "idempotency_key": key,
        "card_id": card_id,
        "created_at": context.clock(),
        "look_at": clock.wall() + context.config.look_after,
    }
    session.execute(insert(session, Payment).values(values).on_conflict_do_nothing())
    session.commit()
    payment = session.scalars(select(Payment).where(Payment.idempotency_key == key)).one()
    agreed = (payment.via, payment.pack, payment.credits, payment.amount_minor, payment.currency)
    if agreed != (via, offer.pack, offer.credits, offer.amount_minor, offer.currency):
        raise KeyReused("This form was already sent with another choice. Go back and choose again.")
    return payment


def attempt_key(owner: str, attempt: str | None) -> str:
    """The idempotency key of an attempt. Another owner's same attempt is another key."""
    if attempt is None:
        return f"prepaid-{secrets.token_hex(16)}"
    wish = "\n".join((owner, attempt))
    return f"prepaid-{hashlib.sha256(wish.encode()).hexdigest()[:40]}"


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
    return session.scalars(select(Payment).where(or_(*names)).order_by(Payment.id)).first() if names else None


def follow_checkout(context: Context, payment: Payment, checkout: Checkout) -> None:
    """Bring the row to what the fetched session says, and give what it bought if it is paid.

    Writes and does not commit. Any number of times, in any order.
    """
    lock(context.session, payment, session_id=checkout.id, invoice_id=checkout.invoice_id)
    if checkout.intent:
        note_intent(payment, checkout.intent)
    if checkout.is_paid:
        asked = (checkout.amount_subtotal_minor, checkout.currency)
        payment.discount_minor, payment.tax_minor = checkout.discount_minor, checkout.tax_minor
        settle(context, payment, asked=asked, paid_minor=checkout.amount_total_minor)
    elif checkout.status == "complete" and checkout.intent:
        failed = INTENT_STATES.get(checkout.intent.status, PaymentState.PENDING)
        move(context, payment, failed, checkout)
    elif checkout.status == "expired":
        move(context, payment, PaymentState.EXPIRED, checkout)
    else:
        move(context, payment, PaymentState.OPEN, checkout)


def follow_intent(context: Context, payment: Payment, intent: Intent) -> None:
    """Bring the row of a charged card to what the PaymentIntent says. Writes and does not commit."""
    lock(context.session, payment, payment_intent_id=intent.id)
    note_intent(payment, intent)
    if intent.is_paid:
        asked = (intent.amount_minor, intent.currency)
        settle(context, payment, asked=asked, paid_minor=intent.received_minor)
    elif intent.failure == "authentication_required":
        move(context, payment, PaymentState.OPEN, intent)  # it waits for its owner, and can still be paid
    else:
        move(context, payment, INTENT_STATES.get(intent.status, PaymentState.PENDING), intent)


def lock(session: Session, payment: Payment, **ids: str | None) -> None:
    """Keep every other writer off the row until the transaction ends, and see it as it now is.

    An UPDATE locks the row on PostgreSQL and takes the write lock on SQLite.
    """
    known: dict[str, object] = {name: value for name, value in ids.items() if value}
    session.execute(update(Payment).where(Payment.id == payment.id).values(known or {"id": payment.id}))
    session.refresh(payment)


def note_intent(payment: Payment, intent: Intent) -> None:
    payment.payment_intent_id = intent.id
    payment.charge_id = intent.charge_id or payment.charge_id
    payment.receipt_url = intent.receipt_url or payment.receipt_url


def settle(context: Context, payment: Payment, *, asked: tuple[int, str], paid_minor: int) -> None:
    """Give what the paid row bought, once.

    :param asked: The amount and currency that Stripe asked the customer for. If they are
        not the row's, nothing is given and an operator is called.
    """
    if payment.state is PaymentState.PAID:
        return
    if asked != (payment.amount_minor, payment.currency):
        set_aside(context, payment, asked)
        return
    now = context.clock()
    context.ledger.purchase(
        payment.owner,
        payment.credits,
        key=f"payment:{payment.id}",
        amount_minor=paid_minor,
        currency=payment.currency,
        expires_at=now + timedelta(seconds=payment.expires_after_s) if payment.expires_after_s else None,
    )
    payment.state = PaymentState.PAID
    payment.paid_minor = paid_minor
    payment.paid_at = now
    payment.failure = None
    payment.look_at = None
    signals.after_commit(
        context.session,
        signals.credits_added,
        owner=payment.owner,
        credits=payment.credits,
        payment_id=payment.id,
    )
    if payment.via is Via.TOPUP:
        told = {"owner": payment.owner, "payment_id": payment.id, "credits": payment.credits}
        signals.after_commit(context.session, signals.topup_done, **told)


def not_known(context: Context, payment: Payment) -> None:
    """Stripe was asked to charge and did not answer: nobody may pay again until it is known. Commits."""
    lock(context.session, payment)
    if payment.state is PaymentState.REQUESTED:
        payment.state = PaymentState.UNKNOWN
    signals.commit(context.session)


def give_up(context: Context, payment: Payment, reason: str) -> None:
    """Nothing came of it at Stripe, and nothing can any more. Commits."""
    lock(context.session, payment)
    if payment.state not in FINAL:
        payment.state = PaymentState.FAILED
        payment.failure = reason[:255]
        payment.look_at = None
        _tell_of_failure(context, payment)
    signals.commit(context.session)


def look_again_later(context: Context, payment: Payment) -> None:
    """Put off the next look, twice as long each time, an hour at most. Commits."""
    wait = min(context.config.look_after * 2 ** min(payment.looks + 1, 12), timedelta(hours=1))
    payment.looks += 1
    payment.look_at = clock.wall() + wait
    context.session.commit()


def due(session: Session, table: type[Payment] | type[Refund], *, limit: int = 100) -> list[int]:
    """The payments, or refunds, that it is time to ask Stripe about."""
    overdue = select(table.id).where(table.look_at <= clock.wall()).order_by(table.look_at)
    return list(session.scalars(overdue.limit(limit)))


def set_aside(context: Context, payment: Payment, asked: tuple[int, str]) -> None:
    if payment.state is PaymentState.SET_ASIDE:
        return
    payment.state = PaymentState.SET_ASIDE
    payment.failure = f"Stripe asked for {asked[0]} {asked[1]}"
    payment.look_at = None
    log.error("payment %s is set aside: %s, not what was agreed", payment.id, payment.failure)
    signals.after_commit(
        context.session, signals.payment_set_aside, owner=payment.owner, payment_id=payment.id
    )


def move(context: Context, payment: Payment, state: PaymentState, fetched: Checkout | Intent) -> None:
    """Note a state that is overwritten, unless a later fetch has written one, or the payment is paid."""
    if payment.state in (PaymentState.PAID, PaymentState.SET_ASIDE):
        return
    if payment.fetched_at is not None and payment.fetched_at > fetched.asked_at:
        return
    failed_now = state is PaymentState.FAILED and payment.state is not PaymentState.FAILED
    payment.state = state
    payment.fetched_at = fetched.asked_at
    intent = fetched.intent if isinstance(fetched, Checkout) else fetched
    payment.failure = intent.failure if intent else None
    if state in FINAL:
        payment.look_at = None
    if failed_now:
        _tell_of_failure(context, payment)


def _tell_of_failure(context: Context, payment: Payment) -> None:
    told = {"owner": payment.owner, "payment_id": payment.id}
    signals.after_commit(context.session, signals.payment_failed, **told, reason=payment.failure)
    if payment.via is Via.TOPUP:
        signals.after_commit(context.session, signals.topup_failed, **told)
