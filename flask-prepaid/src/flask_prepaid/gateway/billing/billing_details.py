"""Whom Stripe's invoices are for: a customer's name, address and tax id.

https://docs.stripe.com/api/customers and https://docs.stripe.com/api/tax_ids
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from prepaid_ledger import clock

from ..calls import Topic, ask, ask_for, walk
from ..values import id_of

#: The lines of an address, in Stripe's names.
ADDRESS = ("line1", "line2", "postal_code", "city", "state", "country")

#: A register does not know a tax id.
UNVERIFIED = "unverified"

#: What invoices print before a tax id that Stripe has no type for.
PRINTED = "Tax ID"


@dataclass(frozen=True)
class BillingDetails:
    """Whom invoices are for; empty texts are nothing.

    :param tax_id_type: Stripe's type of the tax id, such as ``eu_vat``. Without one, the tax id is printed as
        it is written, and Stripe Tax knows nothing of it.
    """

    company: str = ""
    line1: str = ""
    line2: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    tax_id: str = ""
    tax_id_type: str = ""


@dataclass(frozen=True)
class StripeBilling:
    """Whom a customer's invoices are for, as Stripe has it. ``tax_id_ref`` is the tax id's own id there.

    ``tax_id_status`` is what its register says: ``verified``, ``unverified``, ``pending`` or ``unavailable``.
    """

    customer_id: str
    details: BillingDetails
    tax_id_ref: str | None
    tax_id_status: str | None
    asked_at: datetime


class Billing(Topic):
    def fetch(self, customer_id: str) -> StripeBilling | None:
        """Whom a customer's invoices are for; ``None`` where there is no such customer any more."""
        asked_at = clock.wall()
        params: Any = {"expand": ["tax_ids"]}
        customer = ask_for(lambda: self._v1.customers.retrieve(customer_id, params))
        if customer is None or getattr(customer, "deleted", False):
            return None
        return billing_of(customer, asked_at)

    def customer_of_tax_id(self, ref: str) -> str | None:
        """The customer who has the tax id with this id of Stripe's; ``None`` once it is deleted."""
        tax_id = ask_for(lambda: self._v1.tax_ids.retrieve(ref))
        return id_of(tax_id.customer) if tax_id is not None else None

    def set(self, customer_id: str, details: BillingDetails) -> StripeBilling | None:
        """Let a customer's invoices be for these from now on.

        :raises GatewayRefused: Stripe takes one of them for none, the tax id first. Nothing is changed.
        """
        sdk = self._v1.customers
        held = list(walk(partial(sdk.tax_ids.list, customer_id), {}))
        wanted = (details.tax_id_type, details.tax_id)
        settings = ask(lambda: sdk.retrieve(customer_id)).invoice_settings
        if details.tax_id_type and wanted not in [(each.type, each.value) for each in held]:
            new: Any = {"type": details.tax_id_type, "value": details.tax_id}
            ask(lambda: sdk.tax_ids.create(customer_id, new), may_refuse=True)
        ask(lambda: sdk.update(customer_id, _params(details, (settings and settings.custom_fields) or [])))
        for each in held[:1] if details.tax_id else held:  # the newest, which our page has shown
            if (each.type, each.value) != wanted:
                ask_for(partial(sdk.tax_ids.delete, customer_id, each.id))
        return self.fetch(customer_id)


def _params(details: BillingDetails, fields: list[Any]) -> Any:
    """:param fields: What invoices print now; whatever is not ours stays."""
    address = {line: getattr(details, line) for line in ADDRESS}
    ours = printed(details.tax_id) if details.tax_id and not details.tax_id_type else []
    others = [{"name": each.name, "value": each.value} for each in fields if each.name != PRINTED]
    return {
        "name": details.company,
        "address": address if any(address.values()) else "",
        "invoice_settings": {"custom_fields": others + ours or ""},
    }


def printed(tax_id: str) -> list[dict[str, str]]:
    """A tax id as a field of an invoice."""
    return [{"name": PRINTED, "value": tax_id}]


def billing_of(customer: Any, asked_at: datetime) -> StripeBilling:
    """:param customer: With its tax ids expanded."""
    held = customer.tax_ids.data if getattr(customer, "tax_ids", None) else []
    tax_id = held[0] if held else None  # Stripe lists the newest first
    lines = {line: getattr(customer.address, line, None) or "" for line in ADDRESS}
    fields = customer.invoice_settings.custom_fields or [] if customer.invoice_settings else []
    as_written = next((field.value for field in fields if field.name == PRINTED), "")
    return StripeBilling(
        customer_id=customer.id,
        details=BillingDetails(
            company=customer.name or "",
            tax_id=tax_id.value if tax_id else as_written,
            tax_id_type=tax_id.type if tax_id else "",
            **lines,
        ),
        tax_id_ref=tax_id.id if tax_id else None,
        tax_id_status=tax_id.verification.status if tax_id and tax_id.verification else None,
        asked_at=asked_at,
    )
