"""A customer's cards on file. https://docs.stripe.com/api/payment_methods"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..calls import Topic, ask, ask_for, walk
from ..values import Card, card_of, id_of


class Cards(Topic):
    def fetch_all(self, customer_id: str) -> tuple[list[Card], str | None]:
        """The customer's cards, newest first, and the id of the one that pays by default."""
        customer = ask_for(lambda: self._v1.customers.retrieve(customer_id))
        if customer is None or getattr(customer, "deleted", False):
            return [], None
        methods = self._v1.customers.payment_methods
        cards = [card_of(method) for method in walk(partial(methods.list, customer_id), {"type": "card"})]
        settings = customer.invoice_settings
        return cards, id_of(settings.default_payment_method) if settings else None

    def fetch(self, card_id: str) -> Card | None:
        method = ask_for(lambda: self._v1.payment_methods.retrieve(card_id))
        return card_of(method) if method is not None and method.type == "card" else None

    def choose(self, customer_id: str, card_id: str) -> None:
        """Let this card pay by default."""
        settings: Any = {"invoice_settings": {"default_payment_method": card_id}}
        ask(lambda: self._v1.customers.update(customer_id, settings))

    def update(
        self, card_id: str, *, exp_month: int, exp_year: int, name: str | None, address: dict[str, str] | None
    ) -> None:
        """Correct what is printed on a card and where its bill goes. The number never changes.

        ``None`` leaves a name or an address as it is.

        Stripe takes away a name or a whole address, but no single line of one:
        https://docs.stripe.com/api/payment_methods/update
        """
        details: dict[str, Any] = {}
        if name is not None:
            details["name"] = name
        if address is not None:
            details["address"] = {line: text for line, text in address.items() if text} or ""
        changes: Any = {"card": {"exp_month": exp_month, "exp_year": exp_year}, "billing_details": details}
        ask(lambda: self._v1.payment_methods.update(card_id, changes))

    def remove(self, card_id: str) -> None:
        ask(lambda: self._v1.payment_methods.detach(card_id))
