"""How a pack is paid by an invoice with tax, and what each event does to it."""

from __future__ import annotations

from typing import Any

from flask_prepaid.gateway.billing.billing_details import BillingDetails
from flask_prepaid.payments.customers import billing_details

from .lots import PACK, LotCell


class BilledCell(LotCell):
    """A customer in Germany, where a tax of 10 % is added to what is sold."""

    def bill_to(self, tax_id: str = "") -> None:
        vat: Any = {"display_name": "VAT", "percentage": 10, "inclusive": False, "country": "DE"}
        self.shop.v1.tax_rates.create(vat)
        details = BillingDetails("Ada", "Hauptstr. 1", city="Berlin", country="DE", tax_id=tax_id)
        self.read(lambda: billing_details.save(self.shop.prepaid, self.owner, details))

    def charge(self) -> None:
        card = self.shop.keep_card(self.owner, self.card)
        self.shop.press(card, self.owner, pack=PACK)

    # States

    def checkout(self) -> None:
        self.bill_to()
        self.bought()

    def card_on_file(self) -> None:
        self.bill_to()
        self.charge()

    def reverse_charge(self) -> None:
        self.bill_to(tax_id="DE123456789")
        self.charge()

    # Events

    def on_credit_note(self) -> None:
        half = self.payment.paid_minor // 2
        note: Any = {"invoice": self.payment.invoice_id, "amount": half, "credit_amount": half}
        self.shop.v1.credit_notes.create(note)
