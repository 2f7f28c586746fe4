"""Early fraud warnings: what a card's bank suspects. https://docs.stripe.com/api/radar/early_fraud_warnings"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from prepaid_ledger import clock

from ...errors import GatewayRefused
from ..calls import Topic, ask_for, created, walk
from .refund_values import StripeWarning, warning_of

log = logging.getLogger(__name__)


class FraudWarnings(Topic):
    def fetch(self, warning_id: str) -> StripeWarning | None:
        asked_at = clock.wall()
        warning = ask_for(lambda: self._v1.radar.early_fraud_warnings.retrieve(warning_id))
        return warning_of(warning, asked_at) if warning is not None else None

    def of_intent(self, intent_id: str) -> list[StripeWarning]:
        """Those of a PaymentIntent's charge; none where the key may not read them."""
        asked_at = clock.wall()
        try:
            warnings = list(walk(self._v1.radar.early_fraud_warnings.list, {"payment_intent": intent_id}))
        except GatewayRefused as refused:
            log.warning("Early fraud warnings of %s were not read: %s", intent_id, refused)
            return []
        return [warning_of(warning, asked_at) for warning in warnings]

    def all(self, since: datetime | None) -> Iterator[StripeWarning]:
        asked_at = clock.wall()
        for warning in walk(self._v1.radar.early_fraud_warnings.list, created(since)):
            yield warning_of(warning, asked_at)
