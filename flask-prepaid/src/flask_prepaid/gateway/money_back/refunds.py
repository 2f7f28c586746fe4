"""Refunds: money that a shop sends back. https://docs.stripe.com/api/refunds"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prepaid_ledger import clock

from ..calls import Topic, ask, ask_for, created, walk
from .money_back_values import REFUND_KEY, StripeRefund, refund_of


class Refunds(Topic):
    def create(self, *, key: str, intent_id: str, amount_minor: int) -> StripeRefund:
        """Send money back to the card that paid."""
        params: Any = {"payment_intent": intent_id, "amount": amount_minor, "metadata": {REFUND_KEY: key}}
        asked_at = clock.wall()
        refund = ask(lambda: self._v1.refunds.create(params, {"idempotency_key": key}))
        return refund_of(refund, asked_at)

    def fetch(self, refund_id: str) -> StripeRefund | None:
        asked_at = clock.wall()
        refund = ask_for(lambda: self._v1.refunds.retrieve(refund_id))
        return refund_of(refund, asked_at) if refund is not None else None

    def of_charge(self, charge_id: str) -> list[StripeRefund]:
        """Every refund of a charge."""
        return list(self._all({"charge": charge_id}))

    def of_intent(self, intent_id: str) -> list[StripeRefund]:
        """Every refund of a PaymentIntent's charge."""
        return list(self._all({"payment_intent": intent_id}))

    def find(self, intent_id: str, key: str) -> StripeRefund | None:
        """The refund that was made with ``key``, for when its answer was lost."""
        refunds = self._all({"payment_intent": intent_id})
        return next((refund for refund in refunds if refund.refund_key == key), None)

    def all(self, since: datetime | None) -> Iterator[StripeRefund]:
        return self._all(created(since))

    def _all(self, params: dict[str, Any]) -> Iterator[StripeRefund]:
        asked_at = clock.wall()
        for refund in walk(self._v1.refunds.list, params):
            yield refund_of(refund, asked_at)
