"""One Stripe customer per owner, also under a double click and after a crash; with the host's address."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, case, delete, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from prepaid_ledger import check_owner, clock
from prepaid_ledger.database import insert
from prepaid_ledger.tables import Wallet

from ..context import Context, Write, nothing, reading, refuse_uncommitted, transaction
from ..errors import GatewayRefused, GatewayUnavailable, NotYours, UnknownItem
from ..outbox import app_outbox, thresholds
from . import unwanted_customers
from .billing_details_columns import BILLING_COLUMNS
from .models import Attempt, Customer, OperatorNote, SavedCard, TopUp, TrialCard

T = TypeVar("T")

log = logging.getLogger(__name__)

CARD_ID = re.compile(r"[A-Za-z0-9_]{1,255}")


def with_customer(context: Context, owner: str, ask: Callable[[str], T], *, removals: int | None = None) -> T:
    """What ``ask`` returns for the owner's Stripe customer, who is made at the first call. Commits.

    One that was deleted in Stripe's dashboard is replaced, and ``ask`` asks again.

    :param removals: What ``removals_of`` said when the request began; by default it begins here.
    :raises NotYours: The host has removed the customer meanwhile: none is made anew.
    """
    if removals is None:
        with reading(context) as session:
            removals = removals_of(session, owner)
    customer_id = customer_of(context, owner, removals)
    _remember_language(context, owner, customer_id)
    try:
        return ask(customer_id)
    except GatewayRefused as refused:
        if refused.missing != "customer":
            raise
    with transaction(context) as session:
        _forget(session, owner, customer_id)
    return ask(customer_of(context, owner, removals))


def _remember_language(context: Context, owner: str, customer_id: str) -> None:
    """Write to the customer in the language that they buy in: our mails, and Stripe's. Commits.

    Where Stripe does not take it, only its own mails and invoices stay in another language.
    """
    language = context.reader_language
    if language is None:
        return
    with transaction(context) as session:
        other = Customer.owner == owner, Customer.language.is_distinct_from(language)
        changed = session.execute(
            update(Customer).where(*other).values(language=language).returning(Customer.owner)
        ).first()
    if changed is None:
        return
    try:
        context.gateway.customers.set_language(customer_id, language)
    except (GatewayRefused, GatewayUnavailable) as error:
        log.warning("Stripe does not know that %s reads %s: %s", owner, language, error)


def new_language(context: Context, owner: str) -> str | None:
    """The language that the host says of the owner, where Stripe has not heard of it."""
    if len(context.config.languages) == 1:
        return None
    chosen = context.language_of(owner)  # the host's function
    with reading(context) as session:
        at_stripe = session.scalar(select(Customer.language).where(Customer.owner == owner))
    return None if chosen == at_stripe else chosen


def _set_language(context: Context, owner: str, customer_id: str) -> None:
    """Let Stripe write in the language that the host says now, if it takes that. Commits."""
    chosen = new_language(context, owner)
    if chosen is None:
        return
    try:
        context.gateway.customers.set_language(customer_id, chosen)
    except GatewayRefused as refused:
        log.warning("Stripe does not write to %s in %s: %s", owner, chosen, refused)
    with transaction(context) as session:
        session.execute(update(Customer).where(Customer.owner == owner).values(language=chosen))


def language_of(context: Context, owner: str) -> str:
    """The language of what is written to an owner: what the host says, else the one they bought in last."""
    chosen = context.language_of(owner)
    if chosen is None:
        remembered = select(Customer.language).where(Customer.owner == owner)
        chosen = context.session.scalar(remembered)
    offered = context.config.languages
    return chosen if chosen in offered else offered[0]


def has_wallet(session: Session, owner: str) -> bool:
    """Whether somebody of this name has a wallet. What somebody has typed may be no name at all."""
    try:
        there = select(Wallet.id).where(Wallet.owned_by(owner))
    except ValueError:
        return False
    return session.scalar(there) is not None


def removals_of(session: Session, owner: str) -> int:
    """How often the host has removed the owner's customer."""
    return session.scalar(select(Customer.removals).where(Customer.owner == owner)) or 0


def customer_of(context: Context, owner: str, removals: int) -> str:
    """The id of the owner's Stripe customer, made at the first call. Commits.

    The key is committed before Stripe is asked, so two calls at once get one customer.

    :raises NotYours: The host has removed the customer more often than ``removals``. One that was made is
        deleted, by ``tick`` if Stripe does not answer.
    """
    with transaction(context) as session:
        row = _customer(context, owner)
        _require_same(row.removals, removals)
        if row.stripe_id is not None:
            return row.stripe_id
        key = row.idempotency_key
    email = context.email_of(owner)  # the host's function may write and commit
    stripe_id, refused = _create(context, owner, email, key)
    with transaction(context) as session:
        made = {"stripe_id": stripe_id, "refused_email": refused}
        ours = Customer.owner == owner, Customer.idempotency_key == key, Customer.stripe_id.is_(None)
        session.execute(update(Customer).where(*ours).values(made))
        is_kept = session.scalar(select(Customer.stripe_id).where(Customer.owner == owner)) == stripe_id
        if not is_kept:  # removed, or deleted in the dashboard, meanwhile
            unwanted_customers.write_down(context, session, stripe_id)
    if not is_kept:
        unwanted_customers.try_to_delete(context, stripe_id)
        return customer_of(context, owner, removals)
    return stripe_id


def _require_same(removals: int, before: int) -> None:
    if removals != before:
        raise NotYours("This customer has been removed.")


def _create(context: Context, owner: str, email: str | None, key: str) -> tuple[str, str | None]:
    """The id of a new Stripe customer, and the address that Stripe did not take, which stops no sale."""
    try:
        return context.gateway.customers.create(owner, email=email, key=key), None
    except GatewayRefused as refused:
        if email is None or refused.param != "email":
            raise
    log.warning("Stripe does not take the address of %s: its customer is made without", owner)
    bare_key = f"{key}-bare"  # under one key Stripe is asked for one thing
    return context.gateway.customers.create(owner, email=None, key=bare_key), email[:255]


def sync(context: Context, owner: str) -> None:
    """Bring the owner's Stripe customer to the address and the language that the host has now. Commits.

    Where Stripe does not answer, or was asked very often for this owner, ``tick`` does it later.

    :raises ValueError: No such owner can be.
    """
    check_owner(owner)
    refuse_uncommitted(context)
    with transaction(context) as session:
        known = Customer.owner == owner, Customer.stripe_id.is_not(None)
        session.execute(update(Customer).where(*known).values(outdated=True))
    if not context.gateway.ask_limit.may(owner):
        return
    try:
        bring_up_to_date(context, owner)
    except (GatewayRefused, GatewayUnavailable) as error:
        log.warning("Stripe does not have what is new of %s yet: %s", owner, error)


def outdated(context: Context, *, limit: int = 100) -> list[str]:
    """The owners of whom Stripe has not taken over yet what is new."""
    waiting = select(Customer.owner).where(Customer.outdated, Customer.stripe_id.is_not(None))
    return list(context.session.scalars(waiting.order_by(Customer.owner).limit(limit)))


def bring_up_to_date(context: Context, owner: str) -> None:
    """Let Stripe have the address and the language that the host has, if it takes them. Commits.

    :raises GatewayUnavailable: Stripe did not answer. ``tick`` does it.
    """
    with reading(context) as session:
        customer_id = known_customer(session, owner)
    if customer_id is None:
        return
    email = context.email_of(owner)  # the host's function may write and commit
    refused = _set_email(context, customer_id, email)
    while (latest := context.email_of(owner)) != email:  # it has changed once more
        email, refused = latest, _set_email(context, customer_id, latest)
    _set_language(context, owner, customer_id)
    with transaction(context) as session:
        ours = Customer.owner == owner, Customer.stripe_id == customer_id
        values = {"outdated": False, "refused_email": refused}
        session.execute(update(Customer).where(*ours).values(values))


def _set_email(context: Context, customer_id: str, email: str | None) -> str | None:
    """The address that Stripe did not take. It keeps the earlier one then, which it lets nobody take away."""
    if email is None:
        return None
    try:
        context.gateway.customers.set_email(customer_id, email)
    except GatewayRefused as refused:
        if refused.param != "email":
            raise
        log.warning("Stripe does not take the new address of %s", customer_id)
        return email[:255]
    return None


def is_outdated(context: Context, owner: str, email_at_stripe: str | None) -> bool:
    """Whether Stripe has another address than the host, which knows one that Stripe takes."""
    email = context.email_of(owner)
    with reading(context) as session:
        row = session.get(Customer, owner)
        refused = row.refused_email if row is not None else None
    if email is None or email[:255] == refused:
        return False
    return email.casefold() != (email_at_stripe or "").casefold()


def _customer(context: Context, owner: str) -> Customer:
    """The row of the owner's customer, made where there is none.

    :raises ValueError: The ledger has no wallet for such an owner.
    """
    check_owner(owner)
    session = context.session
    row = session.get(Customer, owner)
    if row is None:
        fresh = {"owner": owner, "idempotency_key": _new_key(), "created_at": context.clock()}
        session.execute(insert(session, Customer).values(fresh).on_conflict_do_nothing())
        row = session.get_one(Customer, owner)
    return row


def known_customer(session: Session, owner: str) -> str | None:
    """The id of the owner's Stripe customer, if one was ever made.

    :raises ValueError: No such owner can be.
    """
    check_owner(owner)
    return session.scalar(select(Customer.stripe_id).where(Customer.owner == owner))


def card_on_file(session: Session, owner: str, card_id: str) -> SavedCard | None:
    """The owner's card with this id, which may be any text that a browser sends."""
    card = session.get(SavedCard, card_id) if CARD_ID.fullmatch(card_id) else None
    return card if card is not None and card.owner == owner else None


def adopt(context: Context, owner: str, stripe_id: str) -> None:
    """Let a customer of Stripe's stand for the owner. Commits. A repeat does nothing.

    :raises UnknownItem: It stands for another owner, or the owner has another customer.
    """
    with transaction(context) as session:
        taken = session.scalar(select(Customer.owner).where(Customer.stripe_id == stripe_id))
        if taken not in (None, owner):
            raise UnknownItem(
                f"The customer {stripe_id!r} stands for {taken!r} already.", field="customer_id"
            )
        row = _customer(context, owner)
        nameless = Customer.owner == owner, Customer.stripe_id.is_(None)
        session.execute(update(Customer).where(*nameless).values(stripe_id=stripe_id))
        session.refresh(row)
        if row.stripe_id != stripe_id:
            raise UnknownItem(f"{owner!r} has the customer {row.stripe_id!r} already.", field="owner")


def remove(context: Context, owner: str) -> None:
    """Delete the owner's customer at Stripe, and with it cards, auto top-up and plan. Commits.

    Wallet, entries and payments stay: what happened to money is not forgotten. A repeat does nothing.

    :raises GatewayUnavailable: Stripe did not answer. Ask again.
    :raises ValueError: No such owner can be.
    """
    check_owner(owner)
    refuse_uncommitted(context)
    with transaction(context) as session:
        _customer(context, owner)
        # What has begun makes no customer from here on: not under this key, and not after this removal.
        again = {"removals": Customer.removals + 1, "closed_at": context.clock()}
        nameless = Customer.owner == owner, Customer.stripe_id.is_(None)
        session.execute(update(Customer).where(Customer.owner == owner).values(again))
        session.execute(update(Customer).where(*nameless).values(idempotency_key=_new_key()))
        session.execute(delete(TopUp).where(TopUp.owner == owner))
        # Only the owner is forgotten: address and card still count, or leaving would evade the limits.
        session.execute(update(Attempt).where(Attempt.owner == owner).values(owner=""))
        session.execute(update(TrialCard).where(TrialCard.owner == owner).values(owner=""))
        customer_id = known_customer(session, owner)
    if customer_id is not None:
        context.gateway.customers.delete(customer_id)
    with transaction(context) as session:
        if customer_id is not None:
            _forget(session, owner, customer_id)
        session.execute(delete(SavedCard).where(SavedCard.owner == owner))
        session.execute(delete(OperatorNote).where(OperatorNote.owner == owner))
        app_outbox.erase(session, owner)
        thresholds.note_removed(session, owner, context.clock())


def sync_deleted(context: Context, customer_id: str) -> Write[None]:
    """See whether a customer is deleted at Stripe; what is returned forgets what was copied from there.

    The row still knows the customer, by whom a payment that is on its way is settled.
    """
    asked_at = clock.wall()
    if context.gateway.customers.exists(customer_id):
        return nothing
    return partial(_forget_copies, context, customer_id, asked_at)


def _forget_copies(context: Context, customer_id: str, asked_at: datetime) -> None:
    """Nothing that was fetched before it was gone is copied any more: the copies are of ``asked_at``.

    One that is of later stays so: a deleted customer never comes back.
    """
    forgotten = {
        **dict.fromkeys(BILLING_COLUMNS),
        "billing_fetched_at": _latest(Customer.billing_fetched_at, asked_at),
        "cards_fetched_at": _latest(Customer.cards_fetched_at, asked_at),
        "default_card_id": None,
        "retry_card_id": None,
        "refused_email": None,
        "language": None,
    }
    gone = update(Customer).where(Customer.stripe_id == customer_id).values(forgotten)
    owner = context.session.scalar(gone.returning(Customer.owner))
    if owner is not None:
        context.session.execute(delete(SavedCard).where(SavedCard.owner == owner))


def _latest(fetched_at: InstrumentedAttribute[datetime | None], asked_at: datetime) -> ColumnElement[Any]:
    return case((fetched_at > asked_at, fetched_at), else_=asked_at)


def reopen(session: Session, owner: str, bought_at: datetime) -> None:
    """A payment is settled that was begun after its owner was removed: they are a customer again."""
    closed = Customer.owner == owner, Customer.closed_at <= bought_at
    again = session.execute(update(Customer).where(*closed).values(closed_at=None).returning(Customer.owner))
    if again.first() is not None:
        thresholds.note_back(session, owner)


def is_closed(session: Session, owner: str) -> bool:
    """Whether the host has removed the customer, who has bought nothing since."""
    closed_at = select(Customer.closed_at).where(Customer.owner == owner)
    return session.scalar(closed_at) is not None


def _forget(session: Session, owner: str, customer_id: str) -> None:
    session.execute(
        update(Customer)
        .where(Customer.owner == owner, Customer.stripe_id == customer_id)
        .values(
            stripe_id=None,
            idempotency_key=_new_key(),
            default_card_id=None,
            refused_email=None,
            language=None,
            outdated=False,
            retry_card_id=None,
            charges_stopped=False,
            **dict.fromkeys(BILLING_COLUMNS),
        )
    )


def _new_key() -> str:
    return f"prepaid-customer-{secrets.token_hex(16)}"
