"""Pages of Stripe's where a customer subscribes. https://docs.stripe.com/api/checkout/sessions"""

from __future__ import annotations

from typing import Any

from ..calls import Topic, ask, ask_for, walk
from ..payments.checkout import WaysBack, asks_company, shown_at
from .billing_details import BillingDetails
from .subscription_values import SUBSCRIPTION_KEY, NewSubscription, Page, page_of


class PlanPages(Topic):
    def open(
        self,
        new: NewSubscription,
        *,
        customer_id: str,
        needs_card: bool,
        about: str,
        ways_back: WaysBack,
        billed_to: BillingDetails,
    ) -> Page:
        """A page where the customer subscribes. It lives for 24 hours.

        :param about: What the plan gives, beside its price; on a page of our own, that says it itself.
        :param billed_to: Whom its invoices are for, as far as it is known.
        """
        data: dict[str, Any] = {"metadata": {SUBSCRIPTION_KEY: new.key}}
        if new.trial_days:
            data |= {
                "trial_period_days": new.trial_days,
                "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
            }
        params: Any = {
            "mode": "subscription",
            "customer": customer_id,
            "line_items": [{"price": new.price_id, "quantity": new.quantity}],
            "metadata": {SUBSCRIPTION_KEY: new.key},
            "subscription_data": data,
            "payment_method_collection": "always" if needs_card else "if_required",
            **shown_at(ways_back),
        }
        if not ways_back.on_our_page:
            params["custom_text"] = {"submit": {"message": about}}
        if self._config.promotion_codes:
            params["allow_promotion_codes"] = True
        params |= asks_company(self._config, billed_to, here=ways_back.on_our_page)
        return page_of(ask(lambda: self._v1.checkout.sessions.create(params, {"idempotency_key": new.key})))

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
