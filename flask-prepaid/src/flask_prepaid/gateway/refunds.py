"""Refunds that a shop makes, disputes that a bank opens, and the warnings that come before them.

https://docs.stripe.com/api/refunds, https://docs.stripe.com/api/disputes and
https://docs.stripe.com/api/radar/early_fraud_warnings
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prepaid_ledger import clock

from .calls import Topic, ask, ask_for, created, walk
from .refund_values import (
    REFUND_KEY,
    StripeDispute,
    StripeRefund,
    StripeWarning,
    dispute_of,
    refund_of,
    warning_of,
)


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

    def disputes_of_intent(self, intent_id: str) -> list[StripeDispute]:
        """Every dispute of a PaymentIntent's charge."""
        return list(self._all_disputes({"payment_intent": intent_id}))

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

    def fetch_dispute(self, dispute_id: str) -> StripeDispute | None:
        asked_at = clock.wall()
        dispute = ask_for(lambda: self._v1.disputes.retrieve(dispute_id))
        return dispute_of(dispute, asked_at) if dispute is not None else None

    def all_disputes(self, since: datetime | None) -> Iterator[StripeDispute]:
        return self._all_disputes(created(since))

    def _all_disputes(self, params: dict[str, Any]) -> Iterator[StripeDispute]:
        asked_at = clock.wall()
        for dispute in walk(self._v1.disputes.list, params):
            yield dispute_of(dispute, asked_at)

    def fetch_warning(self, warning_id: str) -> StripeWarning | None:
        """An early fraud warning."""
        asked_at = clock.wall()
        warning = ask_for(lambda: self._v1.radar.early_fraud_warnings.retrieve(warning_id))
        return warning_of(warning, asked_at) if warning is not None else None

    def all_warnings(self, since: datetime | None) -> Iterator[StripeWarning]:
        asked_at = clock.wall()
        for warning in walk(self._v1.radar.early_fraud_warnings.list, created(since)):
            yield warning_of(warning, asked_at)
