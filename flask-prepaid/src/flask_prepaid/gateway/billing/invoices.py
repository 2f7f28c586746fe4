"""Stripe's invoices, of plans and of single purchases. https://docs.stripe.com/api/invoices"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import stripe

from prepaid_ledger import clock

from ...errors import GatewayRefused
from ..calls import Topic, ask, ask_for, created, note, walk
from ..values import id_of, is_expanded
from .invoice_values import LastTry, StripeInvoice, invoice_of
from .subscription_values import PriceChoice, discounts_param

#: The preview leaves out what waits for the next invoice, such as prorations.
ALONE = {"preview_mode": "recurring"}


class Invoices(Topic):
    def fetch(self, invoice_id: str) -> StripeInvoice | None:
        """An invoice without its payments. Its addresses end after some weeks: fetch them anew."""
        asked_at = clock.wall()
        invoice = ask_for(lambda: self._v1.invoices.retrieve(invoice_id))
        return invoice_of(invoice, asked_at) if invoice is not None else None

    def last_try(self, invoice_id: str) -> LastTry | None:
        """With what an open invoice was tried last, in vain."""
        params: Any = {"expand": ["payments.data.payment.payment_intent"]}
        invoice = ask_for(lambda: self._v1.invoices.retrieve(invoice_id, params))
        payments = invoice.payments.data if invoice is not None and invoice.payments else []
        intent: Any = next((each.payment.payment_intent for each in payments if each.is_default), None)
        if not is_expanded(intent):
            return None
        if intent.status == "requires_action":
            return LastTry(id_of(intent.payment_method), asks_customer=True)
        return LastTry(id_of(getattr(intent.last_payment_error, "payment_method", None)))

    def of_subscription(self, stripe_id: str, since: datetime | None = None) -> list[StripeInvoice]:
        """The invoices of a subscription with their payments, oldest first."""
        asked_at = clock.wall()
        sdk = self._v1.invoices
        invoices = []
        for invoice in walk(
            sdk.list, {**created(since), "subscription": stripe_id, "expand": ["data.payments"]}
        ):
            lines = walk(partial(sdk.line_items.list, invoice.id), {}) if invoice.lines.has_more else None
            more = bool(invoice.payments and invoice.payments.has_more)
            paid = walk(self._v1.invoice_payments.list, {"invoice": invoice.id}) if more else None
            under_way = invoice.status == "open" and invoice.attempted and self._is_under_way(invoice)
            invoices.append(invoice_of(invoice, asked_at, lines, paid, under_way=under_way))
        return invoices[::-1]

    def _is_under_way(self, invoice: stripe.Invoice) -> bool:
        """Whether a bank has not answered yet whether it pays an invoice, which has its payments with it."""
        payments = invoice.payments.data if invoice.payments else []
        intent_id = next((id_of(each.payment.payment_intent) for each in payments if each.is_default), None)
        intent = ask_for(lambda: self._v1.payment_intents.retrieve(intent_id)) if intent_id else None
        return intent is not None and intent.status == "processing"

    def id_of_intent(self, intent_id: str) -> str | None:
        """The id of the invoice that a PaymentIntent pays, if it pays one."""
        params: Any = {"payment": {"type": "payment_intent", "payment_intent": intent_id}, "limit": 1}
        page = ask(lambda: self._v1.invoice_payments.list(params))
        return id_of(page.data[0].invoice) if page.data else None

    def preview(
        self,
        stripe_id: str,
        *,
        alone: bool = False,
        discount_ids: list[str] | None = None,
        **details: Any,
    ) -> StripeInvoice | None:
        """The invoice that would follow, after a change if ``details`` has one; ``None`` if none would.

        :param alone: Leave out what waits for the next invoice, such as prorations.
        :param discount_ids: In place of those that the subscription has.
        """
        asked_at = clock.wall()
        params: Any = {"subscription": stripe_id, **(ALONE if alone else {})}
        if details:
            params["subscription_details"] = details
        if discount_ids is not None:
            params["discounts"] = discounts_param(discount_ids)
        try:
            preview = ask(lambda: self._v1.invoices.create_preview(params), may_refuse=True)
        except GatewayRefused as refused:
            if refused.reason == "invoice_upcoming_none":
                return None
            note(refused)
            raise
        return invoice_of(preview, asked_at)

    def preview_first(
        self, wanted: PriceChoice, *, customer_id: str, trial_end: datetime | None
    ) -> StripeInvoice:
        """The first invoice of a subscription that a customer would begin."""
        asked_at = clock.wall()
        price_id, quantity = wanted
        details: Any = {"items": [{"price": price_id, "quantity": quantity}]}
        if trial_end is not None:
            details["trial_end"] = int(trial_end.timestamp())
        params: Any = {"customer": customer_id, "subscription_details": details}
        if self._config.automatic_tax:
            params["automatic_tax"] = {"enabled": True}
        return invoice_of(ask(lambda: self._v1.invoices.create_preview(params)), asked_at)

    def pay(self, invoice_id: str, card_id: str) -> None:
        """Pay an open invoice with a card on file.

        :raises CardDeclined: The bank said no.
        :raises CardNeedsOwner: The bank wants its customer to confirm it.
        """
        params: Any = {"payment_method": card_id}
        ask(lambda: self._v1.invoices.pay(invoice_id, params))

    def collect_by_itself(self, invoice_id: str, does: bool) -> None:
        """Whether Stripe finalizes, charges and tries again without being asked."""
        ask(lambda: self._v1.invoices.update(invoice_id, {"auto_advance": does}))

    def make_final(self, invoice_id: str) -> None:
        """Turn a draft into an open invoice, which Stripe does not collect by itself."""
        ask(lambda: self._v1.invoices.finalize_invoice(invoice_id, {"auto_advance": False}))

    def void(self, invoice_id: str) -> None:
        """Ask for an open invoice's money no more."""
        ask(lambda: self._v1.invoices.void_invoice(invoice_id))
