"""Charges to a card on file by an invoice: with the customer's name, address, tax id, and with tax.

The invoice is ours from its draft to its end: Stripe neither finalizes nor charges it by itself.
https://docs.stripe.com/invoicing/integration and https://docs.stripe.com/tax/invoicing
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any

import stripe

from prepaid_ledger import clock

from ...config import Config
from ...errors import CardDeclined, CardNeedsOwner, GatewayRefused
from ..calls import Topic, ask, ask_for, walk
from ..payments.charges import CardCharge, Charges
from ..values import INVOICE_ID, PAYMENT_KEY, id_of, made_with
from .invoice_charge_values import InvoiceCharge, invoice_charge_of
from .invoice_parts import charged_parts

log = logging.getLogger(__name__)

#: Why an invoice is of more than its price: what was too little to be charged before comes with it.
OWES = "The customer owes money at Stripe, which this invoice would collect besides its price."


class InvoiceCharges(Topic):
    def __init__(self, client: stripe.StripeClient, config: Config) -> None:
        super().__init__(client, config)
        self._charges = Charges(client, config)

    def charge(self, wanted: CardCharge) -> InvoiceCharge:
        """Make an invoice and pay it with a card on file. Tax comes on top, or is in the price.

        Where it ends in the middle, nothing is charged, and nothing will be: ``close`` what is there then.

        :return: Also a declined charge, with its reason, and an invoice of more than ``max_minor``, closed:
            it is void, or was a draft and is deleted.
        :raises GatewayRefused: Stripe makes no such invoice, or one of more than its price, or leads to no
            page of the bank. It is closed. Why it is of more is ``OWES``.
        """
        invoice_id = self._draft(wanted)
        try:
            billed = self._with_line(invoice_id, wanted)
            if not self._wrote_off(billed, wanted):
                _without_debts(billed)
            if not billed.is_above(wanted.max_minor):  # once final, the customer's balance pays it at once
                billed = self._finalized(invoice_id, wanted)
            if billed.is_above(wanted.max_minor):  # also where its tax is not known before it is final
                return self.close(invoice_id) or billed
            if billed.intent is None:
                return billed  # the customer's balance has paid it
            self._pay(billed.id, billed.intent.id, wanted)
            billed = self._whole(invoice_id)
            if wanted.return_url is None or billed.intent is None or not billed.intent.waits_for_owner:
                return billed
            resumed = self._charges.resume(
                billed.intent.id, card_id=wanted.card_id, return_url=wanted.return_url
            )
        except GatewayRefused:
            self.close(invoice_id)
            raise
        return replace(billed, intent=resumed)

    def _draft(self, wanted: CardCharge) -> str:
        params: Any = {
            "customer": wanted.customer_id,
            "currency": wanted.currency,
            "auto_advance": False,
            "collection_method": "charge_automatically",
            "default_payment_method": wanted.card_id,
            "discounts": "",  # none of the customer's: the price is agreed
            "pending_invoice_items_behavior": "exclude",
            "metadata": {PAYMENT_KEY: wanted.key},
            "automatic_tax": {"enabled": self._config.automatic_tax},
        }
        return ask(lambda: self._v1.invoices.create(params, {"idempotency_key": f"{wanted.key}-invoice"})).id

    def _with_line(self, invoice_id: str, wanted: CardCharge) -> InvoiceCharge:
        """The draft with its line.

        :raises GatewayRefused: Stripe makes no such line.
        """
        item: Any = {
            "customer": wanted.customer_id,
            "invoice": invoice_id,
            "amount": wanted.amount_minor,
            "currency": wanted.currency,
            "description": wanted.title,
        }
        ask(lambda: self._v1.invoice_items.create(item, {"idempotency_key": f"{wanted.key}-item"}))
        return self._whole(invoice_id)

    def _wrote_off(self, draft: InvoiceCharge, wanted: CardCharge) -> bool:
        """Take off the customer's balance what an ended or paused plan left there, if it is no more."""
        left, owed_minor = wanted.leftover, draft.balance_minor
        if left is None or not 0 < owed_minor < left.below_minor:
            return False
        less: Any = {
            "amount": -owed_minor,
            "currency": draft.currency,
            "description": f"Written off: {left.plan_id} bills no more, and this is too little to charge",
        }
        key = f"prepaid-write-off-{left.plan_id}-{owed_minor}"  # two purchases at once write it off once
        ask(
            lambda: self._v1.customers.balance_transactions.create(
                wanted.customer_id, less, {"idempotency_key": key}
            )
        )
        log.info(
            "%s: %s are written off that the ended or paused plan %s left",
            wanted.customer_id,
            owed_minor,
            left.plan_id,
        )
        return True

    def _finalized(self, invoice_id: str, wanted: CardCharge) -> InvoiceCharge:
        """The draft as it is to be paid.

        :raises GatewayRefused: Stripe makes no such invoice, or one of more than its price.
        """
        sdk = self._v1.invoices
        ask(lambda: sdk.finalize_invoice(invoice_id, {}, {"idempotency_key": f"{wanted.key}-final"}))
        return _without_debts(self._whole(invoice_id))

    def _pay(self, invoice_id: str, intent_id: str, wanted: CardCharge) -> None:
        """Pay an open invoice; whether the bank said yes is fetched next."""
        named: Any = {
            "description": wanted.title,
            "metadata": {PAYMENT_KEY: wanted.key, INVOICE_ID: invoice_id},
        }
        ask(
            lambda: self._v1.payment_intents.update(
                intent_id, named, {"idempotency_key": f"{wanted.key}-name"}
            )
        )
        how: Any = {"payment_method": wanted.card_id, "off_session": wanted.return_url is None}
        with suppress(CardDeclined, CardNeedsOwner):
            ask(lambda: self._v1.invoices.pay(invoice_id, how, {"idempotency_key": f"{wanted.key}-pay"}))

    def fetch(self, invoice_id: str) -> InvoiceCharge | None:
        """The invoice with the charges that pay it; ``None`` once it is deleted."""
        asked_at = clock.wall()
        params: Any = {"expand": ["payments"]}
        invoice = ask_for(lambda: self._v1.invoices.retrieve(invoice_id, params))
        if invoice is None or getattr(invoice, "deleted", False):
            return None
        payments = invoice.payments.data if invoice.payments else []
        charges = charged_parts(payments)
        default_id = next((id_of(each.payment.payment_intent) for each in payments if each.is_default), None)
        intent_id = charges[0].intent_id if charges and invoice.status == "paid" else default_id
        intent = self._charges.fetch(intent_id) if intent_id else None
        return invoice_charge_of(invoice, intent, charges, asked_at)

    def find(self, customer_id: str, key: str) -> InvoiceCharge | None:
        """The invoice that was made with ``key``, for when its answer was lost."""
        invoice_id = made_with(walk(self._v1.invoices.list, {"customer": customer_id}), key)
        return self.fetch(invoice_id) if invoice_id else None

    def close(self, invoice_id: str) -> InvoiceCharge | None:
        """Close an invoice that is not paid, so that it never can be; ``None`` where that deletes it.

        One that was paid meanwhile stays so.
        """
        billed = self.fetch(invoice_id)
        sdk = self._v1.invoices
        with suppress(GatewayRefused):  # it has moved on
            if billed is not None and billed.status == "draft":
                ask(lambda: sdk.delete(invoice_id), may_refuse=True)
            elif billed is not None and billed.status in ("open", "uncollectible"):
                ask(lambda: sdk.void_invoice(invoice_id), may_refuse=True)
        return self.fetch(invoice_id)

    def _whole(self, invoice_id: str) -> InvoiceCharge:
        billed = self.fetch(invoice_id)
        if billed is None:
            raise GatewayRefused("The invoice is gone.", missing="invoice", reason="resource_missing")
        return billed


def _without_debts(billed: InvoiceCharge) -> InvoiceCharge:
    """
    :raises GatewayRefused: It would collect what its customer owes at Stripe.
    """
    if billed.due_minor > billed.amount_total_minor:
        raise GatewayRefused(OWES, reason="more_than_agreed")
    return billed
