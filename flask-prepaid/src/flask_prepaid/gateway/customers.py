"""Stripe's customers: one stands for each owner. https://docs.stripe.com/api/customers"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from prepaid_ledger import clock

from .billing.billing_details import StripeBilling, billing_of
from .calls import Topic, ask, ask_for, created, walk
from .values import StripeCustomer, customer_of

#: The metadata field in which a customer carries the idempotency key that it was made with.
CUSTOMER_KEY = "prepaid_customer"


class Customers(Topic):
    def create(self, owner: str, *, email: str | None, key: str) -> str:
        """A new Stripe customer for ``owner``; its id."""
        metadata = {"owner": owner, CUSTOMER_KEY: key}
        params: Any = {"metadata": metadata, **({"email": email} if email else {})}
        return ask(lambda: self._v1.customers.create(params, {"idempotency_key": key})).id

    def made_with(self, keys: Collection[str], since: datetime, until: datetime) -> list[str]:
        """The ids of the customers that were made with these keys, for when the answer was lost.

        All who were made in that time are looked through: Stripe's search knows nobody of the last minute.
        https://docs.stripe.com/search#data-freshness
        """
        return [
            str(customer.id)
            for customer in walk(self._v1.customers.list, created(since, until))
            if customer.metadata and customer.metadata.to_dict().get(CUSTOMER_KEY) in keys
        ]

    def set_email(self, customer_id: str, email: str) -> None:
        """Where Stripe writes from now on: receipts and invoices."""
        ask_for(lambda: self._v1.customers.update(customer_id, {"email": email}))

    def set_language(self, customer_id: str, language: str) -> None:
        """In which language Stripe writes its mails, and the invoices that it finalizes from now on."""
        ask_for(lambda: self._v1.customers.update(customer_id, {"preferred_locales": [language]}))

    def all(self, since: datetime | None) -> Iterator[tuple[StripeCustomer, StripeBilling]]:
        """Every customer, newest first, and whom their invoices are for."""
        asked_at = clock.wall()
        params = {**created(since), "expand": ["data.tax_ids"]}
        for customer in walk(self._v1.customers.list, params):
            yield customer_of(customer), billing_of(customer, asked_at)

    def delete(self, customer_id: str) -> None:
        """Cards and plans end with their customer: https://docs.stripe.com/api/customers/delete"""
        ask_for(lambda: self._v1.customers.delete(customer_id))

    def exists(self, customer_id: str) -> bool:
        """Whether Stripe has this customer, and has not deleted it."""
        customer = ask_for(lambda: self._v1.customers.retrieve(customer_id))
        return customer is not None and not getattr(customer, "deleted", False)

    def fetch_owner(self, customer_id: str) -> str | None:
        """Whom the customer stands for, as was written there; ``None`` if it is gone, or names nobody."""
        customer = ask_for(lambda: self._v1.customers.retrieve(customer_id))
        metadata = getattr(customer, "metadata", None)
        return metadata.to_dict().get("owner") if metadata else None

    def name_owner(self, customer_id: str, owner: str) -> None:
        """Write down at Stripe whom the customer stands for."""
        params: Any = {"metadata": {"owner": owner}}
        ask(lambda: self._v1.customers.update(customer_id, params))
