"""Disputes: a bank wants its customer's money back. https://docs.stripe.com/api/disputes"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prepaid_ledger import clock

from ..calls import Topic, ask_for, created, walk
from .money_back_values import StripeDispute, dispute_of


class Disputes(Topic):
    def fetch(self, dispute_id: str) -> StripeDispute | None:
        asked_at = clock.wall()
        params: Any = {"expand": ["payment_intent"]}
        dispute = ask_for(lambda: self._v1.disputes.retrieve(dispute_id, params))
        return dispute_of(dispute, asked_at) if dispute is not None else None

    def of_intent(self, intent_id: str) -> list[StripeDispute]:
        """Every dispute of a PaymentIntent's charge."""
        return list(self._all({"payment_intent": intent_id}))

    def all(self, since: datetime | None) -> Iterator[StripeDispute]:
        return self._all(created(since))

    def _all(self, params: dict[str, Any]) -> Iterator[StripeDispute]:
        asked_at = clock.wall()
        for dispute in walk(self._v1.disputes.list, {**params, "expand": ["data.payment_intent"]}):
            yield dispute_of(dispute, asked_at)
