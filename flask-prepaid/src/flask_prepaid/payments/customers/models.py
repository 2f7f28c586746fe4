"""The tables of customers: who stands for an owner at Stripe, their cards, and what is noted of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from prepaid_ledger.database import Base


class BillingColumns:
    """What stands on the invoices that Stripe makes from now on: a copy, fetched at ``billing_fetched_at``.

    ``tax_id_type`` is Stripe's; without one the tax id is only printed. ``tax_id_ref`` is Stripe's id of it,
    and ``tax_id_status`` what its register says.
    """

    company: Mapped[str | None]
    line1: Mapped[str | None]
    line2: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    state: Mapped[str | None]
    country: Mapped[str | None] = mapped_column(String(2))
    tax_id: Mapped[str | None] = mapped_column(String(64))
    tax_id_type: Mapped[str | None] = mapped_column(String(64))
    tax_id_ref: Mapped[str | None]
    tax_id_status: Mapped[str | None] = mapped_column(String(32))
    billing_fetched_at: Mapped[datetime | None]


#: What of it is forgotten with the customer.
BILLING_COLUMNS = tuple(name for name in BillingColumns.__annotations__)


def _index_of_some(name: str, only: str) -> Index:
    """Of the owners that ``tick`` has something to do for: few, of many."""
    return Index(name, "owner", postgresql_where=text(only), sqlite_where=text(only))


class Customer(BillingColumns, Base):
    """Which Stripe customer stands for an owner. The key was committed before Stripe was asked for one.

    ``asked_at`` is when Stripe was first asked for one under the key.
    ``refused_email`` is the host's address, where Stripe does not take it. ``language`` is the one that was
    bought in last, where the shop speaks several.
    ``outdated``: the host's address has changed, and Stripe does not have it yet. ``retry_card_id``: a card
    that was left or corrected while a plan owes money, which ``tick`` tries to pay with it.
    ``charges_stopped``: the owner is shut out by the host, so that a plan is not charged. ``closed_at``:
    the host has removed the customer, who has bought nothing since. ``removals`` is how often it has: what
    was begun before the last one makes no customer anew.
    """

    __tablename__ = "prepaid_customer"
    _shown = ("owner", "stripe_id")
    __table_args__ = (
        _index_of_some("ix_prepaid_customer_charges_stopped", "charges_stopped"),
        _index_of_some("ix_prepaid_customer_outdated", "outdated"),
        _index_of_some("ix_prepaid_customer_retry_card", "retry_card_id IS NOT NULL"),
    )

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    asked_at: Mapped[datetime | None]
    stripe_id: Mapped[str | None] = mapped_column(unique=True)
    default_card_id: Mapped[str | None]
    cards_fetched_at: Mapped[datetime | None]
    refused_email: Mapped[str | None]
    language: Mapped[str | None] = mapped_column(String(35))
    outdated: Mapped[bool] = mapped_column(default=False)
    retry_card_id: Mapped[str | None]
    charges_stopped: Mapped[bool] = mapped_column(default=False)
    closed_at: Mapped[datetime | None]
    removals: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class FormerCustomer(Base):
    """A customer of Stripe's who has stood for an owner: removed by the host, or deleted at Stripe.

    Banks warn of their charges, and dispute them, for months.
    """

    __tablename__ = "prepaid_former_customer"
    __table_args__ = (Index("ix_prepaid_former_customer_owner", "owner"),)

    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))


class UnwantedCustomer(Base):
    """A customer that Stripe has made for nobody, whom ``tick`` deletes there.

    Its owner was removed while it was made.
    """

    __tablename__ = "prepaid_unwanted_customer"

    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]


class UnansweredCustomer(Base):
    """A key under which Stripe was asked for a customer whom nobody needs any more, and gave no good answer.

    ``asked_at`` is when it was first asked, ``ended_at`` since when it is no more. Once no request can be on
    its way, ``tick`` looks for the customer, and deletes whom it finds.
    """

    __tablename__ = "prepaid_unanswered_customer"

    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime]


class SavedCard(Base):
    """A card on file, as it was last fetched from Stripe. ``id`` is the PaymentMethod's; no number is kept.

    ``fingerprint`` is Stripe's name for the number, the same whoever has the card. ``after_payment``
    is its owner's last payment before it was left, or its number or date changed; 0 where there was none.
    """

    __tablename__ = "prepaid_card"
    _shown = ("id", "owner", "brand", "last4", "exp_month", "exp_year")
    __table_args__ = (
        Index("ix_prepaid_card_owner", "owner"),
        Index("ix_prepaid_card_fingerprint", "fingerprint"),
        Index("ix_prepaid_card_expiry", "exp_year", "exp_month"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    brand: Mapped[str] = mapped_column(String(32))
    last4: Mapped[str] = mapped_column(String(4))
    exp_month: Mapped[int]
    exp_year: Mapped[int]
    name: Mapped[str | None]
    fingerprint: Mapped[str | None]
    after_payment: Mapped[int] = mapped_column(default=0)


class OperatorNote(Base):
    """What an operator has written down about a customer, for the others. The customer never sees it."""

    __tablename__ = "prepaid_operator_note"
    __table_args__ = (Index("ix_prepaid_operator_note_owner", "owner"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    operator: Mapped[str]
    text: Mapped[str] = mapped_column(String(1024))
    at: Mapped[datetime]
