"""Pages of Stripe's where a customer pays once, or leaves a card. https://docs.stripe.com/api/checkout/sessions"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prepaid_ledger import clock

from ...config import Config
from ...languages import choice
from ..billing.billing_details import BillingDetails, printed
from ..calls import Topic, ask, ask_for, created, walk
from ..values import PAYMENT_KEY, Checkout, checkout_of, made_with, payment_key


@dataclass(frozen=True)
class LineItem:
    """What a page sells, for ``amount_minor`` in the smallest unit of ``currency``.

    ``about`` stands below the title on Stripe's page, and may be empty.
    """

    title: str
    about: str
    amount_minor: int
    currency: str


@dataclass(frozen=True)
class WaysBack:
    """Where a page of Stripe's leads who has paid or left a card, and who has not.

    Stripe puts the session's id in place of ``{CHECKOUT_SESSION_ID}`` in ``success_url``. Without a
    ``cancel_url`` it is no page of Stripe's: a page of our own has Stripe's elements on it.
    """

    success_url: str
    cancel_url: str | None

    @property
    def on_our_page(self) -> bool:
        return self.cancel_url is None


class CheckoutPages(Topic):
    def open(
        self,
        item: LineItem,
        *,
        key: str,
        customer_id: str,
        keep_card: bool,
        ways_back: WaysBack,
        billed_to: BillingDetails,
    ) -> Checkout:
        """A page where the customer can pay for one thing.

        The price is made here: a customer sends the name of an offer, never an amount.

        :param billed_to: Whom its invoice is for, as far as it is known; the page asks for the rest.
        """
        named = {"name": item.title, **({"description": item.about} if item.about else {})}
        product = {"currency": item.currency, "unit_amount": item.amount_minor, "product_data": named}
        params: dict[str, Any] = {
            "mode": "payment",
            "customer": customer_id,
            "line_items": [{"quantity": 1, "price_data": product}],
            "metadata": {PAYMENT_KEY: key},
            "payment_intent_data": {"metadata": {PAYMENT_KEY: key}},
            **shown_at(ways_back),
        }
        if keep_card:
            params["payment_intent_data"]["setup_future_usage"] = "off_session"
        if self._config.invoices:
            data: dict[str, Any] = {"metadata": {PAYMENT_KEY: key}}
            if billed_to.tax_id and not billed_to.tax_id_type:
                data["custom_fields"] = printed(billed_to.tax_id)
            params["invoice_creation"] = {"enabled": True, "invoice_data": data}
        if self._config.promotion_codes:
            params["allow_promotion_codes"] = True
        params |= asks_company(self._config, billed_to, here=ways_back.on_our_page)
        return self._create(params, key)

    def open_for_card(self, *, key: str, customer_id: str, currency: str, ways_back: WaysBack) -> Checkout:
        """A page where the customer leaves a card for later and pays nothing now."""
        params = {
            "mode": "setup",
            "customer": customer_id,
            "currency": currency,
            **shown_at(ways_back),
        }
        return self._create(params, key)

    def _create(self, params: Any, key: str) -> Checkout:
        asked_at = clock.wall()
        session = ask(lambda: self._v1.checkout.sessions.create(params, {"idempotency_key": key}))
        return checkout_of(session, asked_at)

    def fetch(self, session_id: str) -> Checkout | None:
        """The Checkout Session with its payment, or ``None`` if there is none."""
        asked_at = clock.wall()
        params: Any = {"expand": ["payment_intent.latest_charge", "total_details.breakdown"]}
        session = ask_for(lambda: self._v1.checkout.sessions.retrieve(session_id, params))
        return checkout_of(session, asked_at) if session is not None else None

    def find(self, customer_id: str, key: str) -> Checkout | None:
        """The session that was opened with ``key``, for when its answer was lost."""
        session_id = made_with(walk(self._v1.checkout.sessions.list, {"customer": customer_id}), key)
        return self.fetch(session_id) if session_id else None

    def of_intent(self, intent_id: str) -> Checkout | None:
        """The Checkout Session that a PaymentIntent was made by, if it was made by one."""
        params: Any = {"payment_intent": intent_id, "limit": 1}
        page = ask(lambda: self._v1.checkout.sessions.list(params))
        return self.fetch(page.data[0].id) if page.data else None

    def all_of_ours(self, since: datetime | None) -> Iterator[Checkout]:
        """Every completed page that names one of our payments, with its payment if something was to pay."""
        asked_at = clock.wall()
        params = {**created(since), "status": "complete", "expand": ["data.payment_intent.latest_charge"]}
        for session in walk(self._v1.checkout.sessions.list, params):
            if payment_key(session):
                yield checkout_of(session, asked_at)


def asks_company(config: Config, billed_to: BillingDetails, *, here: bool) -> dict[str, Any]:
    """The part of a Checkout Session that asks whom its invoice is for, and finds the tax.

    What is written there becomes the customer's, and is heard by our webhook. A company that is known is not
    asked for: the name on a card would take its place. Nor does the page change a street that is known: by
    itself it asks for no more than the country and the postal code, which a card and the tax need.

    :param here: It is shown on a page of ours, whose elements ask for a card alone.
    """
    if here or not (config.automatic_tax or config.invoices):
        return {"automatic_tax": {"enabled": True}} if config.automatic_tax else {}
    params: dict[str, Any] = {"automatic_tax": {"enabled": True}} if config.automatic_tax else {}
    updates: dict[str, str] = {}
    if not (billed_to.country and billed_to.line1):
        updates["address"] = "auto"
    if not billed_to.company:
        params["tax_id_collection"] = {"enabled": True}
        updates["name"] = "auto"
    return {**params, "customer_update": updates} if updates else params


def shown_at(ways_back: WaysBack) -> dict[str, str | None]:
    """The part of a Checkout Session that says where it is shown, in which language, and where it leads.

    Stripe's page speaks as the page does that leads to it. Its elements are told so by our page's script.
    """
    if ways_back.on_our_page:
        return {"ui_mode": "elements", "return_url": ways_back.success_url}
    language = choice.of_stripes_page()
    spoken = {"locale": language} if language else {}
    back = {"success_url": ways_back.success_url, "cancel_url": ways_back.cancel_url}
    return {"ui_mode": "hosted_page", **back, **spoken}
