"""A purchase by invoice, as Stripe has it, as a plain frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..values import Intent, id_of, moment_or_none, payment_key
from .invoice_balance import final_at, paid_by_balance
from .invoice_parts import ChargedPart
from .tax_words import taxed_of


@dataclass(frozen=True)
class InvoiceCharge:
    """An invoice of a purchase with the charge that pays it: none where the customer's balance does.

    Amounts in the smallest unit of ``currency``. ``due_minor`` is what is left of ``amount_total_minor``
    to be charged, ``balance_minor`` the customer's balance before it, which was applied ``final_at``, and
    ``taxed`` the buyer's country and how it was taxed there. ``charges`` have paid it: one, ``intent``, or
    several, of which that is the first. ``paid_at`` is when the last of it was there.
    """

    id: str
    number: str | None
    livemode: bool
    status: str
    amount_subtotal_minor: int
    amount_total_minor: int
    due_minor: int
    balance_minor: int
    discount_minor: int
    tax_minor: int
    taxed: str
    currency: str
    payment_key: str | None
    customer_id: str | None
    intent: Intent | None
    charges: tuple[ChargedPart, ...]
    final_at: datetime
    paid_at: datetime | None
    asked_at: datetime

    @property
    def is_paid(self) -> bool:
        return self.status == "paid"

    @property
    def charged_minor(self) -> int:
        """What has come in by charges."""
        return sum(part.charged_minor for part in self.charges)

    @property
    def from_balance_minor(self) -> int:
        """What of it the customer's balance has paid."""
        return paid_by_balance(self.balance_minor, self.amount_total_minor - self.due_minor)

    def is_above(self, max_minor: int | None) -> bool:
        """Whether it costs more than that with its tax; never where ``None`` allows all."""
        return max_minor is not None and self.amount_total_minor > max_minor

    @property
    def is_idle(self) -> bool:
        """Whether nobody has tried to pay it yet."""
        untried = self.intent is None or (
            self.intent.status == "requires_payment_method" and self.intent.failure is None
        )
        return self.status == "draft" or (self.status == "open" and untried)

    @property
    def is_refused(self) -> bool:
        """Whether the bank said no, and it could still be paid."""
        intent = self.intent
        if intent is None or self.status != "open" or self.is_idle:
            return False
        return intent.status == "requires_payment_method" and not intent.waits_for_owner


def invoice_charge_of(
    invoice: Any, intent: Intent | None, charges: tuple[ChargedPart, ...], asked_at: datetime
) -> InvoiceCharge:
    taxes, transitions = invoice.total_taxes or [], invoice.status_transitions
    return InvoiceCharge(
        id=invoice.id,
        number=invoice.number,
        livemode=invoice.livemode,
        status=invoice.status or "draft",
        amount_subtotal_minor=invoice.subtotal,
        amount_total_minor=invoice.total,
        due_minor=invoice.amount_due,
        balance_minor=invoice.starting_balance,
        discount_minor=sum(discount.amount for discount in invoice.total_discount_amounts or []),
        tax_minor=sum(tax.amount for tax in taxes),
        taxed=taxed_of(invoice),
        currency=invoice.currency,
        payment_key=payment_key(invoice),
        customer_id=id_of(invoice.customer),
        intent=intent,
        charges=charges,
        final_at=final_at(invoice),
        paid_at=moment_or_none(transitions.paid_at) if transitions else None,
        asked_at=asked_at,
    )
