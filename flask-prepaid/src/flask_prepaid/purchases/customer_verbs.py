"""The verbs of an owner's Stripe customer and saved cards, which ``Prepaid`` has."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import undefer

from prepaid_ledger import check_owner, is_whole

from ..context import Context, refuse_uncommitted
from ..errors import UnknownItem
from ..payments.customers import contact, making, removal, rows
from ..payments.customers.models import SavedCard
from ..payments.models import Payment
from .saved_cards import cards_on_file, copies

#: The most payments that are read at once.
MAX_READ = 1_000

#: What the id of a customer can be at Stripe: an older account may have chosen it.
CUSTOMER_ID = re.compile(r"[A-Za-z0-9_.@-]{1,255}")


class CustomerVerbs:
    """Who stands for an owner at Stripe: adopted, kept in step, removed; their payments and cards."""

    def customer_id(self: Context, owner: str) -> str | None:
        """The id of the owner's Stripe customer, ``cus_...``; ``None`` before the first purchase."""
        check_owner(owner)
        return rows.known_customer(self.session, owner)

    def cards(self: Context, owner: str) -> list[SavedCard]:
        """The owner's saved cards, the one that pays by default first."""
        check_owner(owner)
        return cards_on_file.saved(self.session, owner)

    def payments(self: Context, owner: str, limit: int = 50) -> list[Payment]:
        """The owner's last payments, newest first, whatever came of each: its ``shown_state`` says it.

        That is the state on all pages and in all answers: of a payment that was paid, what became of its
        money by refunds and disputes. ``state`` is the row's own, which stays ``paid``.

        :param limit: How many at most, from 1 to 1,000.
        :raises ValueError: It is no such number, or no such owner can be.
        """
        return payments_of(self, owner, limit)

    def adopt_customer(self: Context, owner: str, customer_id: str) -> None:
        """Let a customer whom Stripe has already stand for ``owner``, with the saved cards. Commits.

        A subscription of theirs is left as it is: plans are begun here. A repeat does nothing.

        :param customer_id: The customer's id at Stripe, such as ``cus_...``.
        :raises UnknownItem: Stripe has no such customer, or one of the two belongs to another already.
        :raises ValueError: It can be no id of Stripe's, or no such owner can be.
        :raises GatewayUnavailable: Stripe did not answer. Nothing was changed here.
        """
        _adopt(self, owner, customer_id)

    def sync_customer(self: Context, owner: str) -> None:
        """Let Stripe write to the address that ``Prepaid(email=...)`` gives for the owner now. Commits.

        And in the language that ``Prepaid(language=...)`` gives. Call it when a customer has changed one of
        them, after your commit: receipts and invoices follow.
        Where Stripe does not answer, or was asked very often for this owner, ``tick`` does it; an address
        that Stripe does not take is shown to operators. Without a Stripe customer yet there is nothing to do.

        :raises RuntimeError: The session holds work of yours.
        """
        contact.sync(self, owner)

    def remove_customer(self: Context, owner: str) -> None:
        """Delete the owner's Stripe customer, and with it saved cards, auto top-up and plan. Commits.

        Credits, entries and payments stay. A repeat does nothing.

        :raises GatewayUnavailable: Stripe did not answer. Ask again.
        """
        removal.remove(self, owner)


def payments_of(context: Context, owner: str, limit: int, *, before: int | None = None) -> list[Payment]:
    """The owner's last payments with ``shown_state``, newest first; of those before the id ``before``.

    :raises ValueError: The limit is not from 1 to 1,000, or no such owner can be.
    """
    check_owner(owner)
    if not is_whole(limit, 1, MAX_READ):
        raise ValueError(f"limit is {limit!r}. Write a whole number from 1 to {MAX_READ:,}.")
    with_state = select(Payment).options(undefer(Payment.shown_state))
    wanted = with_state.where(Payment.owner == owner).order_by(Payment.id.desc())
    if before is not None:
        wanted = wanted.where(Payment.id < before)
    fresh = wanted.limit(limit).execution_options(populate_existing=True)
    return list(context.session.scalars(fresh))


def _adopt(context: Context, owner: str, customer_id: str) -> None:
    """Let a customer whom Stripe has already stand for the owner, with the saved cards. Commits."""
    check_owner(owner)
    if not isinstance(customer_id, str) or not CUSTOMER_ID.fullmatch(customer_id):
        raise ValueError(
            f"customer_id is {customer_id!r:.60}. Write the id of a customer at Stripe, such as cus_1Nk2..."
        )
    refuse_uncommitted(context)
    if not context.gateway.customers.exists(customer_id):
        raise UnknownItem(f"Stripe has no customer {customer_id!r}.", field="customer_id")
    making.adopt(context, owner, customer_id)
    context.gateway.customers.name_owner(customer_id, owner)
    copies.refresh(context, customer_id)
