"""What Stripe holds, beside what the row says was agreed: whose it is, which money, and how much."""

from __future__ import annotations

from ... import money
from ...context import Context
from ...gateway.billing.invoice_charge_values import InvoiceCharge
from ...gateway.values import Checkout, Intent
from ..customers.rows import known_customer, owner_of
from ..models import Payment

#: What Stripe has of a payment: a page, a charge or an invoice.
Fetched = Checkout | Intent | InvoiceCharge


def intent_of(fetched: Fetched) -> Intent | None:
    return fetched if isinstance(fetched, Intent) else fetched.intent


def invoice_of(fetched: Fetched) -> str | None:
    return fetched.id if isinstance(fetched, InvoiceCharge) else fetched.invoice_id


def arrived_minor(fetched: Fetched) -> int:
    """What of it was paid, by whatever: an invoice may be paid by the balance, or outside of Stripe."""
    if isinstance(fetched, InvoiceCharge):
        return fetched.amount_total_minor
    intent = intent_of(fetched)
    return intent.received_minor if intent is not None else 0


def not_made_for_it(context: Context, payment: Payment, fetched: Fetched) -> str | None:
    """Why an object that names the row was not made for it, in words for an operator; ``None`` if it was.

    Whoever has the Stripe key can write our key into the metadata of any object.
    """
    reason = not_of_its_customer(context, payment, fetched.customer_id)
    if reason is not None:
        return reason
    if not isinstance(fetched, Intent) and fetched.discount_minor and not context.config.promotion_codes:
        return "has a discount, and this shop takes no promotion codes"
    return None


def is_customers(context: Context, payment: Payment, customer_id: str | None) -> bool:
    """Whether a customer at Stripe is the one of a payment's owner, or was until they were gone."""
    return owner_of(context.session, customer_id) == payment.owner


def not_of_its_customer(context: Context, payment: Payment, customer_id: str | None) -> str | None:
    """Why a customer at Stripe pays for nothing of a payment's owner; ``None`` if it stands for the owner."""
    if not is_customers(context, payment, customer_id):
        return "is another customer's"
    if customer_id != known_customer(context.session, payment.owner):
        return "belongs to a customer who is gone: the account was closed, or Stripe's customer was deleted"
    return None


def not_as_agreed(context: Context, payment: Payment, fetched: Fetched) -> str | None:
    """What was paid that was not agreed, in words for an operator; ``None`` where all is as agreed."""
    if fetched.livemode is not context.config.livemode:
        return "It was paid in Stripe's other mode, test or live"
    if isinstance(fetched, Intent):
        asked_minor, arrived = fetched.amount_minor, (fetched.amount_minor, fetched.received_minor)
    else:
        if isinstance(fetched, Checkout) and fetched.mode != "payment":
            return f"It is no payment at Stripe but a {fetched.mode}"
        asked_minor, arrived = fetched.amount_subtotal_minor, _arrived(fetched)
    if (asked_minor, fetched.currency) != (payment.amount_minor, payment.currency):
        return f"Stripe asked for {money.show(asked_minor, fetched.currency)}"
    if isinstance(fetched, InvoiceCharge) and fetched.is_paid and not fetched.charges and arrived[0]:
        return "Its invoice was paid outside of Stripe"
    if arrived[0] != arrived[1]:
        due, came = (money.show(minor, fetched.currency) for minor in arrived)
        return f"{came} arrived of {due}"
    return None


def _arrived(page: Checkout | InvoiceCharge) -> tuple[int, int]:
    """What a page's or an invoice's total must be, and what arrived.

    A tax may be part of its prices, or come on top. Of an invoice, the customer's balance may pay a part.
    """
    net_minor = page.amount_subtotal_minor - page.discount_minor
    due_minor = page.amount_total_minor
    if not net_minor <= due_minor <= net_minor + page.tax_minor:
        return net_minor + page.tax_minor, due_minor
    if isinstance(page, InvoiceCharge):
        return page.due_minor, page.charged_minor
    if page.intent is not None:
        return due_minor, page.intent.received_minor
    return due_minor, due_minor if page.payment_status == "paid" else 0
