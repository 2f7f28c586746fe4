"""Early fraud warnings: what a card's bank suspects. https://docs.stripe.com/api/radar/early_fraud_warnings"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from prepaid_ledger import clock

from ...errors import GatewayRefused
from ..calls import Topic, ask_for, created, walk
from .money_back_values import StripeWarning, warning_of

log = logging.getLogger(__name__)


class FraudWarnings(Topic):
    def fetch(self, warning_id: str) -> StripeWarning | None:
        asked_at = clock.wall()
        params: Any = {"expand": ["payment_intent"]}
        warning = ask_for(lambda: self._v1.radar.early_fraud_warnings.retrieve(warning_id, params))
        return warning_of(warning, asked_at) if warning is not None else None

    def of_intent(self, intent_id: str) -> list[StripeWarning]:
        """Those of a PaymentIntent's charge; none where the key may not read them."""
        try:
            return list(self._all({"payment_intent": intent_id}))
        except GatewayRefused as refused:
            log.warning("Early fraud warnings of %s were not read: %s", intent_id, refused)
            return []

    def all(self, since: datetime | None) -> Iterator[StripeWarning]:
        return self._all(created(since))

    def _all(self, params: dict[str, Any]) -> Iterator[StripeWarning]:
        asked_at = clock.wall()
        params = {**params, "expand": ["data.payment_intent"]}
        for warning in walk(self._v1.radar.early_fraud_warnings.list, params):
            yield warning_of(warning, asked_at)
