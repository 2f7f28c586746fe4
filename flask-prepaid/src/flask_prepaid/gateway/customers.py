"""Stripe's customers: one stands for each owner. https://docs.stripe.com/api/customers"""

from __future__ import annotations

from typing import Any

from .calls import Topic, ask, ask_for


class Customers(Topic):
    def create(self, owner: str, *, email: str | None, key: str) -> str:
        """A new Stripe customer for ``owner``; its id."""
        params: Any = {"metadata": {"owner": owner}, **({"email": email} if email else {})}
        return ask(lambda: self._v1.customers.create(params, {"idempotency_key": key})).id

    def delete(self, customer_id: str) -> None:
        """Cards and plans end with their customer: https://docs.stripe.com/api/customers/delete"""
        ask_for(lambda: self._v1.customers.delete(customer_id))

    def exists(self, customer_id: str) -> bool:
        """Whether Stripe has this customer, and has not deleted it."""
        customer = ask_for(lambda: self._v1.customers.retrieve(customer_id))
        return customer is not None and not getattr(customer, "deleted", False)

    def name_owner(self, customer_id: str, owner: str) -> None:
        """Write down at Stripe whom the customer stands for."""
        params: Any = {"metadata": {"owner": owner}}
        ask(lambda: self._v1.customers.update(customer_id, params))
