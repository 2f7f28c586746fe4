"""The verbs of an owner's Stripe customer and saved cards, which ``Prepaid`` has."""

from __future__ import annotations

from prepaid_ledger import check_owner

from ..context import Context
from ..payments.customers import contact, removal, rows
from ..payments.customers.models import SavedCard
from ..payments.models import Payment
from . import cards, verbs


class CustomerVerbs:
    """Who stands for an owner at Stripe: adopted, kept in step, removed; their payments and cards."""

    def customer_id(self: Context, owner: str) -> str | None:
        """The id of the owner's Stripe customer, ``cus_...``; ``None`` before the first purchase."""
        check_owner(owner)
        return rows.known_customer(self.session, owner)

    def cards(self: Context, owner: str) -> list[SavedCard]:
        """The owner's saved cards, the one that pays by default first."""
        check_owner(owner)
        return cards.saved(self.session, owner)

    def payments(self: Context, owner: str, limit: int = 50) -> list[Payment]:
        """The owner's last payments, newest first, whatever came of each: its ``shown_state`` says it.

        That is the state on all pages and in all answers: of a payment that was paid, what became of its
        money by refunds and disputes. ``state`` is the row's own, which stays ``paid``.

        :param limit: How many at most, from 1 to 1,000.
        :raises ValueError: It is no such number, or no such owner can be.
        """
        return verbs.payments_of(self, owner, limit)

    def adopt_customer(self: Context, owner: str, customer_id: str) -> None:
        """Let a customer whom Stripe has already stand for ``owner``, with the saved cards. Commits.

        A subscription of theirs is left as it is: plans are begun here. A repeat does nothing.

        :param customer_id: The customer's id at Stripe, such as ``cus_...``.
        :raises UnknownItem: Stripe has no such customer, or one of the two belongs to another already.
        :raises ValueError: It can be no id of Stripe's, or no such owner can be.
        :raises GatewayUnavailable: Stripe did not answer. Nothing was changed here.
        """
        verbs.adopt_customer(self, owner, customer_id)

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
