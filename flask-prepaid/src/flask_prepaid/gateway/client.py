"""The one door to Stripe: the only module that imports its SDK.

What comes out are plain values (``facts``), ``None`` for what Stripe does not have, or
one of our errors. After ``GatewayUnavailable`` nobody knows what happened, and asking
again with the same idempotency key is safe for 24 hours; after the others it is known.
"""

from __future__ import annotations

import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import stripe

from prepaid_ledger import clock

from ..config import Config
from ..errors import BadSignature, CardDeclined, CardNeedsOwner, GatewayRefused, GatewayUnavailable
from . import timeouts
from .values import (
    PAYMENT_KEY,
    REFUND_KEY,
    Card,
    Checkout,
    Dispute,
    Event,
    Intent,
    Invoice,
    Movement,
    Refund,
    card_of,
    checkout_of,
    dispute_of,
    event_of,
    id_of,
    intent_of,
    invoice_of,
    movement_of,
    payment_key,
    refund_of,
)

API_VERSION = "2026-10-28.endive"
NETWORK_RETRIES = 2
#: A call may take as long as so many attempts that time out, with all its repeats and waits.
PATIENCE = 2
#: Stripe answers 429 before it looks at the idempotency key, and the SDK does not ask again.
BUSY_RETRIES = 4
SIGNATURE_TOLERANCE_S = 300

T = TypeVar("T")
log = logging.getLogger(__name__)


class Gateway:
    """Stripe, for one app."""

    def __init__(self, config: Config, http_client: Any = None) -> None:
        self.config = config
        attempt_s = config.stripe_timeout.total_seconds()
        session = timeouts.Session(attempt_s=attempt_s, call_s=PATIENCE * attempt_s)
        self.client = stripe.StripeClient(
            config.stripe_secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": config.api_base} if config.api_base else None,
            max_network_retries=NETWORK_RETRIES,
            http_client=http_client or stripe.RequestsClient(session=session),
        )

    # Customers

    def create_customer(self, owner: str, *, email: str | None, key: str) -> str:
        """A new Stripe customer for ``owner``; its id."""
        params: Any = {"metadata": {"owner": owner}, **({"email": email} if email else {})}
        return ask(lambda: self.client.v1.customers.create(params, {"idempotency_key": key})).id

    def delete_customer(self, customer_id: str) -> None:
        """Cards and plans end with their customer: https://docs.stripe.com/api/customers/delete"""
        ask_for(lambda: self.client.v1.customers.delete(customer_id))

    # Checkout

    def open_checkout(
        self,
        *,
        key: str,
        customer_id: str,
        title: str,
        amount_minor: int,
        currency: str,
        keep_card: bool,
        success_url: str,
        cancel_url: str | None,
    ) -> Checkout:
        """A page of Stripe's where the customer can pay ``amount_minor`` once.

        The price is made here: a customer sends the name of an offer, never an amount.

        :param cancel_url: ``None`` is for a page of our own with Stripe's elements on it.
        """
        item: Any = {
            "quantity": 1,
            "price_data": {
                "currency": currency,
                "unit_amount": amount_minor,
                "product_data": {"name": title},
            },
        }
        params: Any = {
            "mode": "payment",
            "customer": customer_id,
            "line_items": [item],
            "metadata": {PAYMENT_KEY: key},
            "payment_intent_data": {"metadata": {PAYMENT_KEY: key}},
            **where(success_url, cancel_url),
        }
        if keep_card:
            params["payment_intent_data"]["setup_future_usage"] = "off_session"
        if self.config.invoices:
            params["invoice_creation"] = {"enabled": True, "invoice_data": {"metadata": {PAYMENT_KEY: key}}}
        if self.config.promotion_codes:
            params["allow_promotion_codes"] = True
        if self.config.automatic_tax:
            params |= {"automatic_tax": {"enabled": True}, "customer_update": {"address": "auto"}}
        asked_at = clock.wall()
        session = ask(lambda: self.client.v1.checkout.sessions.create(params, {"idempotency_key": key}))
        return checkout_of(session, asked_at)

    def fetch_checkout(self, session_id: str) -> Checkout | None:
        """The Checkout Session with its payment, or ``None`` if there is none."""
        asked_at = clock.wall()
        session = ask_for(
            lambda: self.client.v1.checkout.sessions.retrieve(
                session_id, {"expand": ["payment_intent.latest_charge"]}
            )
        )
        return checkout_of(session, asked_at) if session is not None else None

    def find_checkout(self, customer_id: str, key: str) -> Checkout | None:
        """The session that was opened with ``key``, looked up when its answer was lost."""
        for session in walk(self.client.v1.checkout.sessions.list, {"customer": customer_id}):
            if payment_key(session) == key:
                return self.fetch_checkout(session.id)
        return None

    def checkout_of_intent(self, intent_id: str) -> Checkout | None:
        """The Checkout Session that a PaymentIntent was made by, if it was made by one."""
        sessions = self.client.v1.checkout.sessions
        page = ask(lambda: sessions.list({"payment_intent": intent_id, "limit": 1}))
        return self.fetch_checkout(page.data[0].id) if page.data else None

    def fetch_invoice(self, invoice_id: str) -> Invoice | None:
        invoice = ask_for(lambda: self.client.v1.invoices.retrieve(invoice_id))
        return invoice_of(invoice) if invoice is not None else None

    # Cards on file

    def open_card_page(
        self, *, key: str, customer_id: str, currency: str, success_url: str, cancel_url: str | None
    ) -> Checkout:
        """A page of Stripe's where the customer leaves a card for later and pays nothing now.

        :param cancel_url: ``None`` is for a page of our own with Stripe's elements on it.
        """
        params: Any = {
            "mode": "setup",
            "customer": customer_id,
            "currency": currency,
            **where(success_url, cancel_url),
        }
        asked_at = clock.wall()
        session = ask(lambda: self.client.v1.checkout.sessions.create(params, {"idempotency_key": key}))
        return checkout_of(session, asked_at)

    def fetch_cards(self, customer_id: str) -> tuple[list[Card], str | None]:
        """The customer's cards, newest first, and the id of the one that pays by default."""
        customer = ask_for(lambda: self.client.v1.customers.retrieve(customer_id))
        if customer is None or getattr(customer, "deleted", False):
            return [], None
        methods = self.client.v1.customers.payment_methods
        cards = [card_of(method) for method in walk(partial(methods.list, customer_id), {"type": "card"})]
        settings = customer.invoice_settings
        return cards, id_of(settings.default_payment_method) if settings else None

    def fetch_card(self, card_id: str) -> Card | None:
        method = ask_for(lambda: self.client.v1.payment_methods.retrieve(card_id))
        return card_of(method) if method is not None and method.type == "card" else None

    def choose_card(self, customer_id: str, card_id: str) -> None:
        """Let this card pay by default."""
        settings: Any = {"invoice_settings": {"default_payment_method": card_id}}
        ask(lambda: self.client.v1.customers.update(customer_id, settings))

    def update_card(
        self, card_id: str, *, exp_month: int, exp_year: int, name: str, address: dict[str, str]
    ) -> None:
        """Correct what is printed on a card and where its bill goes. The number never changes.

        Stripe takes away a name or a whole address, but no single line of one:
        https://docs.stripe.com/api/payment_methods/update
        """
        changes: Any = {
            "card": {"exp_month": exp_month, "exp_year": exp_year},
            "billing_details": {
                "name": name,
                "address": {line: text for line, text in address.items() if text} or "",
            },
        }
        ask(lambda: self.client.v1.payment_methods.update(card_id, changes))

    def remove_card(self, card_id: str) -> None:
        ask(lambda: self.client.v1.payment_methods.detach(card_id))

    def charge(
        self,
        *,
        key: str,
        customer_id: str,
        card_id: str,
        title: str,
        amount_minor: int,
        currency: str,
        return_url: str | None,
    ) -> Intent:
        """Charge a card on file.

        :param return_url: Where the bank's page leads back to; ``None`` when nobody is there to see it.
        :return: Also a declined charge, with its reason.
        """
        params: Any = {
            "amount": amount_minor,
            "currency": currency,
            "customer": customer_id,
            "payment_method": card_id,
            # Methods that lead elsewhere would need a return_url, and a top-up has nobody to send anywhere.
            "allowed_payment_method_types": ["card"],
            "description": title,
            "metadata": {PAYMENT_KEY: key},
            "confirm": True,
            "expand": ["latest_charge"],
        }
        if return_url:
            params["return_url"] = return_url
        else:
            params["off_session"] = True
        asked_at = clock.wall()
        return self._confirmed(
            lambda: self.client.v1.payment_intents.create(params, {"idempotency_key": key}), asked_at
        )

    def resume(self, intent_id: str, *, card_id: str, return_url: str) -> Intent:
        """Ask once more for the same payment, now that the customer is there to answer the bank."""
        params: Any = {"payment_method": card_id, "return_url": return_url, "expand": ["latest_charge"]}
        asked_at = clock.wall()
        return self._confirmed(lambda: self.client.v1.payment_intents.confirm(intent_id, params), asked_at)

    def _confirmed(self, confirm: Callable[[], stripe.PaymentIntent], asked_at: datetime) -> Intent:
        """What came of a payment. A decline answers with an error that carries the PaymentIntent."""
        try:
            return intent_of(ask(confirm), asked_at)
        except (CardDeclined, CardNeedsOwner) as declined:
            error = declined.__cause__
            assert isinstance(error, stripe.CardError)
            if error.error is None or error.error.payment_intent is None:
                raise
            return intent_of(error.error.payment_intent, asked_at)

    def cancel(self, intent_id: str) -> Intent:
        """Close a payment that its customer has left, so that it can never be paid."""
        asked_at = clock.wall()
        return intent_of(ask(lambda: self.client.v1.payment_intents.cancel(intent_id)), asked_at)

    def fetch_intent(self, intent_id: str) -> Intent | None:
        """The PaymentIntent with its latest charge, or ``None`` if there is none."""
        asked_at = clock.wall()
        params: Any = {"expand": ["latest_charge"]}
        intent = ask_for(lambda: self.client.v1.payment_intents.retrieve(intent_id, params))
        return intent_of(intent, asked_at) if intent is not None else None

    def find_intent(self, customer_id: str, key: str) -> Intent | None:
        """The PaymentIntent that was made with ``key``, looked up when its answer was lost."""
        for intent in walk(self.client.v1.payment_intents.list, {"customer": customer_id}):
            if payment_key(intent) == key:
                return self.fetch_intent(intent.id)
        return None

    # Money back

    def refund(self, *, key: str, intent_id: str, amount_minor: int) -> Refund:
        """Send money back to the card that paid."""
        params: Any = {"payment_intent": intent_id, "amount": amount_minor, "metadata": {REFUND_KEY: key}}
        asked_at = clock.wall()
        made = ask(lambda: self.client.v1.refunds.create(params, {"idempotency_key": key}))
        return refund_of(made, asked_at)

    def fetch_refund(self, refund_id: str) -> Refund | None:
        asked_at = clock.wall()
        refund = ask_for(lambda: self.client.v1.refunds.retrieve(refund_id))
        return refund_of(refund, asked_at) if refund is not None else None

    def fetch_refunds(self, charge_id: str) -> list[Refund]:
        """Every refund of a charge."""
        asked_at = clock.wall()
        made = walk(self.client.v1.refunds.list, {"charge": charge_id})
        return [refund_of(refund, asked_at) for refund in made]

    def find_refund(self, intent_id: str, key: str) -> Refund | None:
        """The refund that was made with ``key``, looked up when its answer was lost."""
        asked_at = clock.wall()
        made = walk(self.client.v1.refunds.list, {"payment_intent": intent_id})
        found = (refund_of(refund, asked_at) for refund in made)
        return next((refund for refund in found if refund.refund_key == key), None)

    def fetch_dispute(self, dispute_id: str) -> Dispute | None:
        asked_at = clock.wall()
        dispute = ask_for(lambda: self.client.v1.disputes.retrieve(dispute_id))
        return dispute_of(dispute, asked_at) if dispute is not None else None

    # Everything, for the books side by side. ``since`` is by Stripe's own time.

    def all_intents(self, since: datetime | None) -> Iterator[Intent]:
        """Every PaymentIntent that names one of our payments, with its charge."""
        asked_at = clock.wall()
        params = {**created(since), "expand": ["data.latest_charge"]}
        for intent in walk(self.client.v1.payment_intents.list, params):
            if payment_key(intent):
                yield intent_of(intent, asked_at)

    def all_free_checkouts(self, since: datetime | None) -> Iterator[Checkout]:
        """Every completed page of ours on which nothing was left to pay, and so has no PaymentIntent."""
        asked_at = clock.wall()
        for session in walk(self.client.v1.checkout.sessions.list, {**created(since), "status": "complete"}):
            if payment_key(session) and session.payment_intent is None:
                yield checkout_of(session, asked_at)

    def all_refunds(self, since: datetime | None) -> Iterator[Refund]:
        asked_at = clock.wall()
        for refund in walk(self.client.v1.refunds.list, created(since)):
            yield refund_of(refund, asked_at)

    def all_disputes(self, since: datetime | None) -> Iterator[Dispute]:
        asked_at = clock.wall()
        for dispute in walk(self.client.v1.disputes.list, created(since)):
            yield dispute_of(dispute, asked_at)

    def movements_page(self, since: datetime | None, *, after: str | None) -> tuple[list[Movement], bool]:
        """A page of balance transactions, newest first, after the one named; whether there are more."""
        params: Any = {**created(since), "limit": 100, "expand": ["data.source"]}
        if after is not None:
            params["starting_after"] = after
        page = ask(lambda: self.client.v1.balance_transactions.list(params))
        return [movement_of(moved) for moved in page.data], page.has_more

    @property
    def sdk_version(self) -> str:
        """The API version that the installed SDK was made for."""
        return stripe.api_version

    # Events

    def sign(self, body: str) -> str:
        """The header with which Stripe would send this body, by the first of our secrets."""
        secret = self.config.webhook_secrets[0]
        return str(stripe.WebhookSignature.generate_signature_header(body, secret))

    def read_event(self, body: bytes, signature: str | None) -> Event:
        """The event in a webhook's raw body.

        :raises BadSignature: It is not from Stripe, is changed, too old or from the future.
        """
        try:
            self._verify(body.decode("utf-8"), signature or "")
            return event_of(json.loads(body))
        except BadSignature:
            raise
        # The SDK raises TypeError on a signature that is not ASCII; deep JSON raises RecursionError.
        except Exception as error:
            raise BadSignature(f"The body is not an event of Stripe's: {type(error).__name__}") from error

    def _verify(self, body: str, signature: str) -> None:
        """Any of the secrets will do, so that one can be replaced while events are on their way."""
        for secret in self.config.webhook_secrets:
            try:
                stripe.WebhookSignature.verify_header(body, signature, secret, SIGNATURE_TOLERANCE_S)
            except stripe.SignatureVerificationError:
                continue
            signed_at = int(re.search(r"(?:^|,)t=(\d+)", signature)[1])  # type: ignore[index]
            if signed_at > time.time() + SIGNATURE_TOLERANCE_S:  # the SDK looks at the past only
                raise BadSignature("The signature is dated in the future")
            return
        raise BadSignature("The signature fits none of the webhook secrets, or is too old")


@timeouts.one_call()
def ask(call: Callable[[], T]) -> T:
    """What ``call`` returns, with Stripe's errors turned into ours.

    :raises GatewayRefused: Stripe understood and said no; nothing came of it.
    :raises CardDeclined: The bank said no.
    :raises CardNeedsOwner: The bank wants its customer on a page.
    :raises GatewayUnavailable: Anything else: what came of it is unknown.
    """
    for attempt in range(BUSY_RETRIES + 1):
        try:
            return call()
        except stripe.CardError as error:
            raise card_error(error) from error
        except (stripe.InvalidRequestError, stripe.AuthenticationError, stripe.PermissionError) as error:
            raise refusal(error) from error
        except Exception as error:  # a broken connection, a 500, HTML where JSON should be
            if is_busy(error) and attempt < BUSY_RETRIES:
                time.sleep(0.2 * 2**attempt * random.uniform(0.5, 1.5))
                continue
            # A certificate that does not fit is no bad day of the network: somebody is in between.
            level = logging.ERROR if timeouts.is_wrong_certificate(error.__cause__) else logging.WARNING
            log.log(level, "Stripe gave no answer: %s", type(error.__cause__ or error).__name__)
            raise GatewayUnavailable("Stripe did not answer.") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def is_busy(error: Exception) -> bool:
    """Whether it is a matter of a moment: too many requests, or one with the same key is at work."""
    status = error.http_status if isinstance(error, stripe.StripeError) else None
    return status in (409, 429)


def ask_for(call: Callable[[], T]) -> T | None:
    """As ``ask``; ``None`` where Stripe knows no such object."""
    try:
        return ask(call)
    except GatewayRefused as error:
        if error.missing is None:
            raise
        return None


def walk(fetch_page: Callable[[Any], Any], params: dict[str, Any]) -> Iterator[Any]:
    """Every object of a list, newest first, page by page.

    Not the SDK's ``auto_paging_iter``: it ends for good on the first 429.
    """
    while True:
        query = {**params, "limit": 100}
        page = ask(lambda query=query: fetch_page(query))  # type: ignore[misc]
        yield from page.data
        if not page.has_more:
            return
        params = {**params, "starting_after": page.data[-1].id}


def where(success_url: str, cancel_url: str | None) -> dict[str, str]:
    """The part of a Checkout Session that says where it is shown, and where it leads."""
    if cancel_url is None:
        return {"ui_mode": "elements", "return_url": success_url}
    return {"ui_mode": "hosted_page", "success_url": success_url, "cancel_url": cancel_url}


def created(since: datetime | None) -> dict[str, Any]:
    """The filter of a list for what was made at or after ``since``."""
    return {"created": {"gte": int(since.timestamp())}} if since else {}


def refusal(error: stripe.StripeError) -> GatewayRefused:
    missing = getattr(error, "param", None) or "id" if error.code == "resource_missing" else None
    return GatewayRefused(str(error.user_message or error), missing=missing, reason=error.code)


def card_error(error: stripe.CardError) -> CardDeclined | CardNeedsOwner:
    if error.code == "authentication_required":
        return CardNeedsOwner("Your bank asks you to confirm this payment.")
    return CardDeclined(
        "The card was declined.", reason=getattr(error.error, "decline_code", None) or error.code
    )
