"""What Stripe has of invoices, as plain frozen values, and how each is read from the SDK's object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..values import id_of, moment, moment_or_none, payment_key
from .invoice_balance import final_at, paid_by_balance
from .invoice_parts import ChargedPart, charged_parts
from .tax_words import taxed_of


@dataclass(frozen=True)
class LastTry:
    """The card, or another means, with which an invoice was tried last, in vain, where it is known.

    ``asks_customer``: nothing was declined. Its bank wants the customer to confirm the payment.
    """

    card_id: str | None
    asks_customer: bool = False


@dataclass(frozen=True)
class InvoiceLine:
    """A line of an invoice. ``net_minor`` is its amount with discounts off; times are Unix seconds.

    ``item_id`` is the subscription's item that it bills, where it tells one. ``discount_ids`` are those
    that made it smaller; the amount of a part of a period is net of them. ``gives_back``: it takes back what
    was billed before for a part of a period. ``added_tax_minor`` comes on top.
    """

    price_id: str | None
    item_id: str | None
    quantity: int
    amount_minor: int
    net_minor: int
    is_of_plan: bool
    is_part: bool
    gives_back: bool
    start: int
    end: int
    discount_ids: frozenset[str]
    added_tax_minor: int = 0

    @property
    def with_tax_minor(self) -> int:
        """What it adds to the invoice's total."""
        return self.net_minor + self.added_tax_minor

    @property
    def counts(self) -> bool:
        """Whether something is bought by it, or given back: it costs, or would without its coupon."""
        return bool(self.net_minor or self.amount_minor or self.discount_ids)


@dataclass(frozen=True)
class StripeInvoice:
    """An invoice, or the preview of one. Amounts in the smallest unit of ``currency``.

    It bills a plan, ``subscription_id``, or a single purchase, whose payment ``payment_key`` names.
    ``charges`` are what of ``paid_minor`` was charged, ``credited_minor`` is what credit notes took off it
    before it was paid.
    ``balance_minor`` is the customer's balance at Stripe before it: what they owe besides, or have left
    where it is negative. https://docs.stripe.com/billing/customer/balance
    ``final_at`` is when the balance was applied to it: that it was made, where it is no more than a draft.
    ``under_way``: it is open, and a bank has not answered yet whether it pays, as with a debit.
    """

    id: str
    number: str | None
    status: str
    total_minor: int
    balance_minor: int
    due_minor: int
    paid_minor: int
    charges: tuple[ChargedPart, ...]
    credited_minor: int
    discount_minor: int
    tax_minor: int
    taxed: str
    currency: str
    lines: tuple[InvoiceLine, ...]
    subscription_id: str | None
    payment_key: str | None
    page_url: str | None
    pdf_url: str | None
    retry_at: datetime | None
    period_end: datetime
    created_at: datetime
    final_at: datetime
    paid_at: datetime | None
    asked_at: datetime
    under_way: bool = False

    @property
    def charged_minor(self) -> int:
        """What of it was charged."""
        return sum(part.charged_minor for part in self.charges)

    @property
    def intent_id(self) -> str | None:
        """The PaymentIntent that has paid it, the first if there are several."""
        return self.charges[0].intent_id if self.charges else None

    @property
    def waits_for_payment(self) -> bool:
        """Whether it is open, and no bank has been asked that has not answered yet."""
        return self.status == "open" and not self.under_way

    @property
    def left_minor(self) -> int:
        """The balance after it. What is too little to charge, below Stripe's minimum, waits there as well."""
        return self.balance_minor + self.total_minor - self.due_minor

    @property
    def from_balance_minor(self) -> int:
        """What of it the customer's balance has paid."""
        return paid_by_balance(self.balance_minor, self.total_minor - self.credited_minor - self.due_minor)


def invoice_of(
    invoice: Any,
    asked_at: datetime,
    lines: Iterable[Any] | None = None,
    payments: Iterable[Any] | None = None,
    *,
    under_way: bool = False,
) -> StripeInvoice:
    """
    :param lines: All its lines, where the invoice itself holds only the first of them.
    :param payments: All its payments, in the same way.
    """
    transitions = invoice.status_transitions
    return StripeInvoice(
        id=invoice.id,
        number=invoice.number,
        status=invoice.status or "draft",
        total_minor=invoice.total,
        balance_minor=invoice.starting_balance,
        due_minor=invoice.amount_due,
        paid_minor=invoice.amount_paid,
        credited_minor=invoice.pre_payment_credit_notes_amount or 0,
        charges=charged_parts(_payments_of(invoice) if payments is None else payments),
        discount_minor=sum(discount.amount for discount in invoice.total_discount_amounts or []),
        tax_minor=sum(tax.amount for tax in invoice.total_taxes or []),
        taxed=taxed_of(invoice),
        currency=invoice.currency,
        lines=tuple(line_of(line) for line in (invoice.lines.data if lines is None else lines)),
        subscription_id=_subscription_id_of(invoice),
        payment_key=payment_key(invoice),
        page_url=invoice.hosted_invoice_url,
        pdf_url=invoice.invoice_pdf,
        retry_at=moment_or_none(invoice.next_payment_attempt),
        period_end=moment(invoice.period_end),
        created_at=moment(invoice.created),
        final_at=final_at(invoice),
        paid_at=moment_or_none(transitions.paid_at) if transitions else None,
        asked_at=asked_at,
        under_way=under_way,
    )


def _subscription_id_of(invoice: Any) -> str | None:
    details = invoice.parent.subscription_details if invoice.parent else None
    return id_of(details.subscription) if details else None


def _payments_of(invoice: Any) -> list[Any]:
    """The payments of an invoice, if it was fetched with them."""
    payments = getattr(invoice, "payments", None)
    return list(payments.data) if payments else []


def line_of(line: Any) -> InvoiceLine:
    price = line.pricing.price_details if line.pricing else None
    parent = line.parent
    recurring = parent.subscription_item_details if parent else None
    extra = parent.invoice_item_details if parent else None
    return InvoiceLine(
        price_id=id_of(price.price) if price else None,
        item_id=recurring.subscription_item if recurring else None,
        quantity=line.quantity or 1,
        amount_minor=line.amount,
        net_minor=line.amount - sum(discount.amount for discount in line.discount_amounts or []),
        is_of_plan=recurring is not None or bool(extra and extra.proration),
        is_part=bool((recurring and recurring.proration) or (extra and extra.proration)),
        gives_back=line.amount < 0 or _credits_earlier(recurring) or _credits_earlier(extra),
        start=line.period.start,
        end=line.period.end,
        discount_ids=frozenset(_discounts_of(line)),
        added_tax_minor=sum(tax.amount for tax in line.taxes or [] if tax.tax_behavior == "exclusive"),
    )


def _credits_earlier(details: Any) -> bool:
    """Whether the line gives earlier ones back, of which it names those that were invoiced."""
    proration = getattr(details, "proration_details", None)
    return bool(proration and proration.credited_items)


def _discounts_of(line: Any) -> Iterator[str]:
    """The discounts of a line: those with an amount, and those that a proration names, shown as 0 by Stripe.

    https://docs.stripe.com/changelog/clover/2025-09-30/itemize-proration-discount-amounts
    """
    reduced = {id_of(taken.discount) or "" for taken in line.discount_amounts or [] if taken.amount}
    yield from reduced
    if not line.discountable:
        yield from (id_of(discount) or "" for discount in line.discounts)
