"""Charges to a card on file by an invoice, where invoices or tax are wanted. It can be paid once, or never.

An invoice that a bank has refused to pay would still be open: its customer could pay it on Stripe's page, and
buy twice. So it is closed as soon as its refusal is known, whoever asks first.
"""

from __future__ import annotations

from ..context import Context
from ..gateway.billing.invoice_charge_values import InvoiceCharge
from ..gateway.payments.charges import CardCharge
from ..gateway.values import Intent, NextStep


def charge(context: Context, wanted: CardCharge) -> InvoiceCharge | Intent:
    """Ask Stripe to charge a card on file, by an invoice where the settings want one."""
    if not context.config.bills_charges:
        return context.gateway.charges.charge(wanted)
    return close_refused(context, context.gateway.invoice_charges.charge(wanted))


def fetch(context: Context, invoice_id: str) -> InvoiceCharge | None:
    """The invoice with its charge; closed, if its bank has refused. ``None`` where it is gone."""
    billed = context.gateway.invoice_charges.fetch(invoice_id)
    return close_refused(context, billed) if billed is not None else None


def find(context: Context, customer_id: str, key: str) -> InvoiceCharge | None:
    """The invoice that was made with ``key``; closed, if its bank has refused."""
    billed = context.gateway.invoice_charges.find(customer_id, key)
    return close_refused(context, billed) if billed is not None else None


def close_refused(context: Context, billed: InvoiceCharge) -> InvoiceCharge:
    """Close what a bank has refused, so that nobody pays it later; else as it is."""
    if not billed.is_refused:
        return billed
    return context.gateway.invoice_charges.close(billed.id) or billed


def closed_above(charged: InvoiceCharge | Intent, max_minor: int | None) -> InvoiceCharge | None:
    """The invoice, where it was closed since it costs more than ``max_minor`` with its tax.

    It is void; or it is as it was before it was deleted, a draft.
    """
    if isinstance(charged, Intent) or charged.status not in ("draft", "void"):
        return None
    return charged if charged.is_above(max_minor) else None


def next_step(fetched: InvoiceCharge | Intent) -> NextStep | None:
    """The bank's question, where it wants to see its customer."""
    intent = fetched if isinstance(fetched, Intent) else fetched.intent
    return intent.next_step if intent else None
