"""Pages of Stripe's where a customer subscribes. https://docs.stripe.com/api/checkout/sessions"""

from __future__ import annotations

from typing import Any

from ..calls import Topic, ask, ask_for, walk
from ..checkout import asks_company, shown_at
from .billing_details import BillingDetails
from .subscription_values import SUBSCRIPTION_KEY, Page, page_of


class PlanPages(Topic):
    def open(
        self,
        *,
        key: str,
        customer_id: str,
        price_id: str,
        quantity: int,
        trial_days: int,
        needs_card: bool,
        about: str,
        success_url: str,
        cancel_url: str | None,
        billed_to: BillingDetails,
    ) -> Page:
        """A page where the customer subscribes. It lives for 24 hours.

        :param about: What the plan gives, beside its price; on a page of our own, that says it itself.
        :param cancel_url: ``None`` is for a page of our own with Stripe's elements on it.
        :param billed_to: Whom its invoices are for, as far as it is known.
        """
        data: dict[str, Any] = {"metadata": {SUBSCRIPTION_KEY: key}}
        if trial_days:
            data |= {
                "trial_period_days": trial_days,
                "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
            }
        params: Any = {
            "mode": "subscription",
            "customer": customer_id,
            "line_items": [{"price": price_id, "quantity": quantity}],
            "metadata": {SUBSCRIPTION_KEY: key},
            "subscription_data": data,
            "payment_method_collection": "always" if needs_card else "if_required",
            **shown_at(success_url, cancel_url),
        }
        if cancel_url is not None:
            params["custom_text"] = {"submit": {"message": about}}
        if self._config.promotion_codes:
            params["allow_promotion_codes"] = True
        params |= asks_company(self._config, billed_to, here=cancel_url is None)
        return page_of(ask(lambda: self._v1.checkout.sessions.create(params, {"idempotency_key": key})))

    def fetch(self, session_id: str) -> Page | None:
        session = ask_for(lambda: self._v1.checkout.sessions.retrieve(session_id))
        return page_of(session) if session is not None and session.mode == "subscription" else None

    def find(self, customer_id: str, key: str) -> Page | None:
        """The page that was opened with ``key``, for when its answer was lost."""
        sessions = walk(self._v1.checkout.sessions.list, {"customer": customer_id})
        pages = (page_of(session) for session in sessions if session.mode == "subscription")
        return next((page for page in pages if page.key == key), None)

    def close(self, session_id: str) -> Page:
        """Close an open page, so that it can never be paid.

        :raises GatewayRefused: It is not open any more.
        """
        return page_of(ask(lambda: self._v1.checkout.sessions.expire(session_id), may_refuse=True))
