"""Subscriptions at Stripe: begun, changed, paused and ended. https://docs.stripe.com/api/subscriptions"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import quote

from prepaid_ledger import clock

from ..calls import Topic, ask, ask_for, created, walk
from .subscription_values import (
    SUBSCRIPTION_KEY,
    Discount,
    NewSubscription,
    PriceChoice,
    StripeSubscription,
    discount_of,
    subscription_of,
)


class Subscriptions(Topic):
    def create(self, new: NewSubscription, *, customer_id: str, card_id: str) -> StripeSubscription:
        """Subscribe with a card on file. If the bank does not pay at once, the first invoice stays open."""
        params: Any = {
            "customer": customer_id,
            "items": [{"price": new.price_id, "quantity": new.quantity}],
            "default_payment_method": card_id,
            "payment_behavior": "allow_incomplete",
            "metadata": {SUBSCRIPTION_KEY: new.key},
            "expand": ["schedule"],
        }
        if self._config.automatic_tax:
            params["automatic_tax"] = {"enabled": True}
        if new.trial_days:
            params["trial_period_days"] = new.trial_days
        asked_at = clock.wall()
        subscription = ask(lambda: self._v1.subscriptions.create(params, {"idempotency_key": new.key}))
        return subscription_of(subscription, asked_at)

    def fetch(self, stripe_id: str) -> StripeSubscription | None:
        """The subscription with its schedule and its card, or ``None`` if there is none."""
        asked_at = clock.wall()
        params: Any = {"expand": ["schedule", "default_payment_method"]}
        subscription = ask_for(lambda: self._v1.subscriptions.retrieve(stripe_id, params))
        return subscription_of(subscription, asked_at) if subscription is not None else None

    def find(self, customer_id: str, key: str) -> StripeSubscription | None:
        """The subscription that was made with ``key``, for when its answer was lost."""
        theirs = self._all({"customer": customer_id})
        return next((subscription for subscription in theirs if subscription.key == key), None)

    def all(self, since: datetime | None) -> Iterator[StripeSubscription]:
        """Every subscription, ended ones too."""
        return self._all(created(since))

    def _all(self, params: dict[str, Any]) -> Iterator[StripeSubscription]:
        asked_at = clock.wall()
        for subscription in walk(
            self._v1.subscriptions.list, {**params, "status": "all", "expand": ["data.schedule"]}
        ):
            yield subscription_of(subscription, asked_at)

    def discounts(self, stripe_id: str) -> list[Discount]:
        """The coupons on a subscription."""
        params: Any = {"expand": ["discounts.source.coupon"]}
        subscription = ask(lambda: self._v1.subscriptions.retrieve(stripe_id, params))
        return [discount_of(discount) for discount in subscription.discounts]

    def change_now(
        self, subscription: StripeSubscription, wanted: PriceChoice, *, proration_date: int | None, key: str
    ) -> None:
        """Change at once and charge what it costs. If that is not paid, nothing has changed yet.

        :param proration_date: Since when it is charged; ``None`` charges nothing and gives nothing back.

        https://docs.stripe.com/billing/subscriptions/pending-updates
        """
        params: Any = {
            "items": subscription.changed_to(wanted),
            "proration_behavior": "none",
            "payment_behavior": "pending_if_incomplete",
        }
        if proration_date is not None:
            params |= {"proration_behavior": "always_invoice", "proration_date": proration_date}
        ask(lambda: self._v1.subscriptions.update(subscription.id, params, {"idempotency_key": key}))

    def use_card(self, stripe_id: str, card_id: str) -> None:
        """Pay with this card from now on."""
        self._update(stripe_id, default_payment_method=card_id)

    def end_with_period(self, stripe_id: str) -> None:
        """Renew no more. The period that is paid runs on."""
        self._update(stripe_id, cancel_at_period_end=True)

    def keep(self, subscription: StripeSubscription) -> None:
        """Take back that it is to end."""
        if subscription.cancels_by_period:
            self._update(subscription.id, cancel_at_period_end=False)
        elif subscription.cancel_at is not None:
            self._update(subscription.id, cancel_at="")

    def stop_collecting(self, stripe_id: str) -> None:
        """Charge no period that begins from now on: what is billed for it is void.

        https://docs.stripe.com/billing/subscriptions/pause-payment
        """
        self._update(stripe_id, pause_collection={"behavior": "void"})

    def collect_again(self, stripe_id: str) -> None:
        self._update(stripe_id, pause_collection="")

    def _update(self, stripe_id: str, **changes: Any) -> None:
        params: Any = changes
        ask(lambda: self._v1.subscriptions.update(stripe_id, params))

    def cancel_now(self, stripe_id: str) -> None:
        """End it at once; nothing is charged and nothing paid back."""
        params: Any = {"invoice_now": False, "prorate": False}
        ask(lambda: self._v1.subscriptions.cancel(stripe_id, params))

    def pause(self, stripe_id: str) -> None:
        """Stop renewing. The period that is paid runs on.

        The SDK has a method for it from 16 on only.
        """
        path = f"/v1/subscriptions/{quote(stripe_id, safe='')}/pause"
        params: Any = {"bill_for": {"unused_time_from": {"type": "none"}}}
        ask(lambda: self._client.raw_request("post", path, **params))

    def resume(self, stripe_id: str, *, anew: bool, key: str) -> None:
        """Go on: in a period that begins and is charged now, or in the paid one that still runs."""
        params: Any = {"billing_cycle_anchor": {"type": "now" if anew else "unchanged"}}
        ask(lambda: self._v1.subscriptions.resume(stripe_id, params, {"idempotency_key": key}))
