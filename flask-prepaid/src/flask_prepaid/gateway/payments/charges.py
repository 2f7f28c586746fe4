"""Charges to a card on file, as PaymentIntents. https://docs.stripe.com/api/payment_intents"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import stripe

from prepaid_ledger import clock

from ...errors import CardDeclined, CardNeedsOwner
from ..calls import Topic, ask, ask_for, created, walk
from ..values import PAYMENT_KEY, Intent, intent_of, made_with


@dataclass(frozen=True)
class Leftover:
    """What a plan that has ended may have left owed: below ``below_minor``, too little to charge."""

    plan_id: str
    below_minor: int


@dataclass(frozen=True)
class CardCharge:
    """What a card on file is charged before tax: ``amount_minor`` in the smallest unit of ``currency``.

    ``key`` is the payment's idempotency key. ``return_url`` is where the bank's page leads back to; ``None``
    when nobody is there to see it. With its tax it may cost ``max_minor`` at most; ``None`` is whatever it
    costs. A ``leftover`` is written off, where an invoice would collect it.
    """

    key: str
    customer_id: str
    card_id: str
    title: str
    amount_minor: int
    currency: str
    return_url: str | None
    max_minor: int | None = None
    leftover: Leftover | None = None


class Charges(Topic):
    def charge(self, wanted: CardCharge) -> Intent:
        """Charge a card on file, without tax.

        :return: Also a declined charge, with its reason.
        """
        params: Any = {
            "amount": wanted.amount_minor,
            "currency": wanted.currency,
            "customer": wanted.customer_id,
            "payment_method": wanted.card_id,
            # Methods that lead elsewhere would need a return_url, and a top-up has nobody to send anywhere.
            "allowed_payment_method_types": ["card"],
            "description": wanted.title,
            "metadata": {PAYMENT_KEY: wanted.key},
            "confirm": True,
            "expand": ["latest_charge"],
            **({"return_url": wanted.return_url} if wanted.return_url else {"off_session": True}),
        }
        return _confirmed(lambda: self._v1.payment_intents.create(params, {"idempotency_key": wanted.key}))

    def resume(self, intent_id: str, *, card_id: str, return_url: str) -> Intent:
        """Ask once more for the same payment, now that the customer is there to answer the bank."""
        params: Any = {"payment_method": card_id, "return_url": return_url, "expand": ["latest_charge"]}
        return _confirmed(lambda: self._v1.payment_intents.confirm(intent_id, params), may_refuse=True)

    def cancel(self, intent_id: str) -> Intent:
        """Close a payment that its customer has left, so that it can never be paid."""
        asked_at = clock.wall()
        return intent_of(ask(lambda: self._v1.payment_intents.cancel(intent_id)), asked_at)

    def fetch(self, intent_id: str) -> Intent | None:
        """The PaymentIntent with its latest charge, or ``None`` if there is none."""
        asked_at = clock.wall()
        params: Any = {"expand": ["latest_charge"]}
        intent = ask_for(lambda: self._v1.payment_intents.retrieve(intent_id, params))
        return intent_of(intent, asked_at) if intent is not None else None

    def find(self, customer_id: str, key: str) -> Intent | None:
        """The PaymentIntent that was made with ``key``, for when its answer was lost."""
        intent_id = made_with(walk(self._v1.payment_intents.list, {"customer": customer_id}), key)
        return self.fetch(intent_id) if intent_id else None

    def all(self, since: datetime | None) -> Iterator[Intent]:
        """Every PaymentIntent with its charge; also of what is none of ours."""
        asked_at = clock.wall()
        params = {**created(since), "expand": ["data.latest_charge"]}
        for intent in walk(self._v1.payment_intents.list, params):
            yield intent_of(intent, asked_at)


def _confirmed(confirm: Callable[[], stripe.PaymentIntent], *, may_refuse: bool = False) -> Intent:
    """What came of a payment. A decline answers with an error that carries the PaymentIntent.

    :param may_refuse: It may have moved on: a refusal is an answer.
    """
    asked_at = clock.wall()
    try:
        return intent_of(ask(confirm, may_refuse=may_refuse), asked_at)
    except (CardDeclined, CardNeedsOwner) as declined:
        error = declined.__cause__
        assert isinstance(error, stripe.CardError)
        if error.error is None or error.error.payment_intent is None:
            raise
        return intent_of(error.error.payment_intent, asked_at)
