"""Early fraud warnings: what a card's bank suspects. https://docs.stripe.com/api/radar/early_fraud_warnings"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prepaid_ledger import clock

from ..calls import Topic, ask_for, created, walk
from .refund_values import StripeWarning, warning_of


class FraudWarnings(Topic):
    def fetch(self, warning_id: str) -> StripeWarning | None:
        asked_at = clock.wall()
        warning = ask_for(lambda: self._v1.radar.early_fraud_warnings.retrieve(warning_id))
        return warning_of(warning, asked_at) if warning is not None else None

    def all(self, since: datetime | None) -> Iterator[StripeWarning]:
        asked_at = clock.wall()
        for warning in walk(self._v1.radar.early_fraud_warnings.list, created(since)):
            yield warning_of(warning, asked_at)
