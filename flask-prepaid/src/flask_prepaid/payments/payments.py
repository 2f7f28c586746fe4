"""The payment rows: written down before Stripe is asked, found by any of Stripe's ids, settled once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from prepaid_ledger import clock
from prepaid_ledger.database import insert
from prepaid_ledger.errors import KeyReused

from .. import signals
from ..catalog import Offer
from ..context import Context
from ..gateway.billing.invoice_charge_values import InvoiceCharge
from ..gateway.values import NEEDS_OWNER, Checkout, Intent
from . import comparison, earlier_money, part_charges, tax_rates, timing, wishes, wrong_charges
from .comparison import Fetched, arrived_minor, intent_of
from .customers import removal
from .models import Payment, PaymentState, Refund, Via
from .wishes import Wish

#: Nothing more comes of a payment in one of these, but money back.
FINAL = {PaymentState.PAID, PaymentState.FAILED, PaymentState.EXPIRED, PaymentState.NEEDS_REVIEW}

#: Stripe was perhaps asked, and nobody knows what came of it.
UNRESOLVED = (PaymentState.REQUESTED, PaymentState.UNKNOWN)

#: What a PaymentIntent's status means for the payment that waits for it.
INTENT_STATES = {
    "processing": PaymentState.PENDING,
    "requires_capture": PaymentState.PENDING,
    "requires_action": PaymentState.OPEN,
    "requires_confirmation": PaymentState.OPEN,
    "requires_payment_method": PaymentState.FAILED,
    "canceled": PaymentState.FAILED,
}


#: Why nothing came of a payment without a bank being asked. Operators read it.
UNKNOWN_AT_STRIPE = "Stripe knows nothing of it"
NEVER_ISSUED = "its invoice was never issued"
CUSTOMER_GONE = "the customer is gone"

#: A charge that is heard of so much later was paid when Stripe says, and not now.
HEARD_LATE = timedelta(days=1)


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


def apply(context: Context, payment: Payment, fetched: Fetched) -> None:
    """Bring the row to what was fetched, and give what it bought if it is paid.

    Any number of times, in any order: an older fetch changes nothing.
    """
    if isinstance(fetched, Checkout):
        _apply_checkout(context, payment, fetched)
    elif isinstance(fetched, InvoiceCharge):
        _apply_billed(context, payment, fetched)
    else:
        _apply_intent(context, payment, fetched)


def _apply_checkout(context: Context, payment: Payment, checkout: Checkout) -> None:
    lock(context.session, payment)
    if payment.session_id != checkout.id and not _takes_up(context, payment, checkout, payment.session_id):
        return
    _note(payment, checkout)
    if checkout.is_paid:
        _settle(context, payment, checkout, paid_minor=checkout.amount_total_minor)
    elif checkout.status == "complete" and checkout.intent:
        state = INTENT_STATES.get(checkout.intent.status, PaymentState.PENDING)
        _move(context, payment, state, checkout)
    elif checkout.status == "expired":
        _move(context, payment, PaymentState.EXPIRED, checkout)
    else:
        _move(context, payment, PaymentState.OPEN, checkout)


def _apply_intent(context: Context, payment: Payment, intent: Intent) -> None:
    lock(context.session, payment)
    known_id = payment.payment_intent_id
    if known_id != intent.id and not _takes_up(context, payment, intent, known_id):
        return
    _note(payment, intent)
    if intent.is_paid:
        _settle(context, payment, intent, paid_minor=intent.received_minor)
    elif intent.failure == NEEDS_OWNER:
        _move(context, payment, PaymentState.OPEN, intent)  # it waits for its owner, and can still be paid
    else:
        _move(context, payment, INTENT_STATES.get(intent.status, PaymentState.PENDING), intent)


def _apply_billed(context: Context, payment: Payment, billed: InvoiceCharge) -> None:
    lock(context.session, payment)
    known_id = payment.invoice_id
    if known_id != billed.id and not _takes_up(context, payment, billed, known_id):
        return
    _note(payment, billed)
    if billed.is_paid:
        _settle(context, payment, billed, paid_minor=billed.amount_total_minor)
    elif billed.status not in ("draft", "open"):
        _move(context, payment, PaymentState.FAILED, billed)
    elif billed.intent is not None and not billed.is_idle:
        _move(context, payment, _state_of_open(billed.intent), billed)


def refuse_total(context: Context, payment: Payment, billed: InvoiceCharge) -> None:
    """With its tax an invoice costs more than was agreed. It is closed, and its tax is known from now on."""
    lock(context.session, payment)
    if payment.state in (PaymentState.PAID, PaymentState.NEEDS_REVIEW):
        return
    payment.state, payment.failure, payment.check_at = PaymentState.FAILED, tax_rates.ABOVE_MAX, None
    if billed.status != "draft":  # a draft is deleted
        payment.invoice_id, payment.invoice_number = billed.id, billed.number
    payment.tax_minor = billed.amount_total_minor - billed.amount_subtotal_minor
    payment.taxed = billed.taxed


def _state_of_open(intent: Intent) -> PaymentState:
    """Where the payment of an open invoice stands: it can be paid until it is closed, so it never failed."""
    if intent.waits_for_owner:
        return PaymentState.OPEN
    state = INTENT_STATES.get(intent.status, PaymentState.PENDING)
    return PaymentState.PENDING if state is PaymentState.FAILED else state


def _takes_up(context: Context, payment: Payment, fetched: Fetched, known_id: str | None) -> bool:
    """Whether the row becomes that of an object that names it, and is not the one that it knows.

    Our first word from Stripe may have been lost, so a row without an id takes up what is its owner's. A
    second object of a row counts only if it is paid first: ``reconcile`` shows what was paid twice.
    """
    reason = comparison.not_made_for_it(context, payment, fetched)
    if reason is not None:
        if fetched.is_paid:
            is_foreign = not comparison.is_customers(context, payment, fetched.customer_id)
            wrong_charges.call(context, payment, f"{fetched.id} {reason}", fetched, is_foreign=is_foreign)
        return False
    return payment.state is not PaymentState.PAID and (known_id is None or fetched.is_paid)


def lock(session: Session, payment: Payment, **ids: str | None) -> None:
    """Keep every other writer off the row until the transaction ends, and see it as it now is.

    An UPDATE locks the row on PostgreSQL and takes the write lock on SQLite.
    """
    known: dict[str, object] = {name: value for name, value in ids.items() if value}
    session.execute(update(Payment).where(Payment.id == payment.id).values(known or {"id": payment.id}))
    session.refresh(payment)


def _note(payment: Payment, fetched: Fetched) -> None:
    """Write down which object of Stripe's it is, and what that asks for."""
    if isinstance(fetched, Checkout):
        payment.session_id = fetched.id
        payment.invoice_id = fetched.invoice_id or payment.invoice_id
        if fetched.status == "complete":
            payment.due_minor = fetched.amount_total_minor
    elif isinstance(fetched, InvoiceCharge):
        payment.invoice_id, payment.invoice_number = fetched.id, fetched.number
        if fetched.status != "draft":
            payment.due_minor = fetched.due_minor
    if not isinstance(fetched, Intent) and fetched.is_paid:
        payment.discount_minor, payment.tax_minor = fetched.discount_minor, fetched.tax_minor
        payment.taxed = fetched.taxed
    if intent := intent_of(fetched):
        _note_intent(payment, intent)


def _note_intent(payment: Payment, intent: Intent) -> None:
    payment.payment_intent_id = intent.id
    payment.charge_id = intent.charge_id or payment.charge_id
    payment.receipt_url = intent.receipt_url or payment.receipt_url
    payment.brand, payment.last4 = intent.brand or payment.brand, intent.last4 or payment.last4


def _settle(context: Context, payment: Payment, fetched: Fetched, *, paid_minor: int) -> None:
    """Give what the paid row bought, once.

    If Stripe asked the customer for something else than the row says, nothing is given, and an operator is
    called.
    """
    if payment.state is PaymentState.PAID:
        return
    reason = comparison.not_as_agreed(context, payment, fetched)
    if reason is not None:
        wrong_charges.call(context, payment, reason, fetched, is_foreign=False)
        return
    _give(context, payment, fetched, paid_minor=paid_minor)


def accept(context: Context, payment: Payment, fetched: Fetched) -> None:
    """Give what a payment bought, though what was paid is not what was agreed: somebody has decided so.

    The caller holds the payment's lock. It becomes that of what was fetched, if it has been another's since:
    nothing of another page or charge stays with it.
    """
    payment.due_minor, payment.discount_minor, payment.tax_minor, payment.taxed = None, 0, 0, ""
    payment.payment_intent_id = payment.charge_id = payment.receipt_url = None
    payment.brand = payment.last4 = None
    if payment.invoice_id != (invoice_id := comparison.invoice_of(fetched)):
        payment.invoice_id, payment.invoice_number = invoice_id, None
    _note(payment, fetched)
    _give(context, payment, fetched, paid_minor=arrived_minor(fetched))


def _give(context: Context, payment: Payment, fetched: Fetched, *, paid_minor: int) -> None:
    now = context.clock()
    paid_at = _paid_at(payment, fetched, now)  # by the state in which it has waited
    context.ledger.purchase(
        payment.owner,
        payment.credits,
        key=f"payment:{payment.id}",
        amount_minor=paid_minor,
        tax_minor=max(0, min(payment.tax_minor, paid_minor)),
        currency=payment.currency,
        expires_at=now + timedelta(seconds=payment.expires_after_s) if payment.expires_after_s else None,
    )
    was_reviewed = payment.state is PaymentState.NEEDS_REVIEW
    payment.state = PaymentState.PAID
    payment.paid_minor = paid_minor
    payment.charged_minor = _charged(payment, fetched, paid_minor)
    payment.paid_at = paid_at
    payment.failure = None
    # Events of what went back of it in a review have found nothing that is paid.
    payment.check_at = clock.wall() if was_reviewed else None
    if isinstance(fetched, InvoiceCharge):
        earlier_money.note_balance(context.session, payment, fetched)
        part_charges.write_down(context.session, payment, fetched.charges)
    removal.reopen(context.session, payment.owner, payment.created_at)
    signals.after_commit(context.session, signals.payment_paid, owner=payment.owner, payment_id=payment.id)
    bought = {"owner": payment.owner, "payment_id": payment.id, "credits": payment.credits}
    signals.after_commit(context.session, signals.credits_added, **bought)
    if payment.via is Via.TOPUP:
        signals.after_commit(context.session, signals.topup_done, **bought)


def _paid_at(payment: Payment, fetched: Fetched, now: datetime) -> datetime:
    """When it was paid: now, or as Stripe says where that is heard of late, as in books from a backup."""
    at_stripe = _paid_at_stripe(payment, fetched)
    return now if at_stripe is None or now - at_stripe < HEARD_LATE else at_stripe


def _paid_at_stripe(payment: Payment, fetched: Fetched) -> datetime | None:
    """When it was paid, as far as Stripe says. A page that had nothing to charge does not outlive its day.

    What is pending may be charged before it is paid: of one that we wait for, the charge does not say when.
    """
    if isinstance(fetched, InvoiceCharge):
        return fetched.paid_at or fetched.final_at
    intent = intent_of(fetched)
    if intent is not None:
        return None if payment.state is PaymentState.PENDING else intent.charged_at
    return fetched.created_at if isinstance(fetched, Checkout) else None


def _charged(payment: Payment, fetched: Fetched, paid_minor: int) -> int:
    """What of it a charge brought. An invoice may be paid from the customer's balance, or pay its debts."""
    if isinstance(fetched, InvoiceCharge):
        return min(fetched.charged_minor, paid_minor)
    return paid_minor if payment.payment_intent_id else 0


def cost_minor(payment: Payment) -> int:
    """What a payment's credits cost, by whatever it was paid.

    What the balance has paid stands in ``paid_minor`` of what was bought once, and not in a plan's.
    """
    return payment.amount_minor if payment.via is Via.PLAN else payment.paid_minor or 0


def mark_unknown(context: Context, payment: Payment) -> None:
    """Stripe was asked to charge and did not answer: nobody may pay again until it is known."""
    lock(context.session, payment)
    if payment.state is PaymentState.REQUESTED:
        payment.state = PaymentState.UNKNOWN


def give_up(context: Context, payment: Payment, reason: str) -> None:
    """Nothing came of it at Stripe, and nothing can any more."""
    lock(context.session, payment)
    if payment.state not in FINAL:
        payment.state = PaymentState.FAILED
        payment.failure = reason[:255]
        payment.check_at = None
        _announce_failure(context, payment)
    elif payment.state is PaymentState.FAILED:
        # An event of its closed invoice came first, and gave no reason.
        payment.failure = payment.failure or reason[:255]


def due(context: Context, table: type[Payment] | type[Refund], *, limit: int = 100) -> list[int]:
    """The payments whose end is not known, or the refunds, that it is time to ask Stripe about."""
    overdue = select(table.id).where(table.check_at <= clock.wall()).order_by(table.check_at)
    if table is Payment:
        overdue = overdue.where(Payment.state != PaymentState.PAID)
    return list(context.session.scalars(overdue.limit(limit)))


def _move(context: Context, payment: Payment, state: PaymentState, fetched: Fetched) -> None:
    """Note a state that is overwritten, unless a later fetch has written one, or the payment is paid.

    One that was refused for its total stays so: what comes is the echo of its invoice being closed.
    """
    if payment.state in (PaymentState.PAID, PaymentState.NEEDS_REVIEW):
        return
    if payment.failure == tax_rates.ABOVE_MAX:
        return
    if payment.fetched_at is not None and payment.fetched_at > fetched.asked_at:
        return
    failed_now = state is PaymentState.FAILED and payment.state is not PaymentState.FAILED
    payment.state = state
    payment.fetched_at = fetched.asked_at
    intent = intent_of(fetched)
    payment.failure = intent.failure if intent else None
    if state in FINAL:
        payment.check_at = None
    if failed_now:
        _announce_failure(context, payment)


def _announce_failure(context: Context, payment: Payment) -> None:
    failed = {"owner": payment.owner, "payment_id": payment.id}
    signals.after_commit(context.session, signals.payment_failed, **failed, reason=payment.failure)
    if payment.via is Via.TOPUP:
        signals.after_commit(context.session, signals.topup_failed, **failed)
