"""What Stripe sends where neither the SDK's classes nor Stripe's samples tell.

It is seen in recorded traffic, or in what Stripe's specification says can't be null.
"""

from __future__ import annotations

#: Object -> fields of its past that Stripe still sends and the SDK no longer has.
STILL_SENT = {
    "charge": {"destination", "dispute", "order"},
    "subscription": {"plan", "quantity"},
}

#: Class of the SDK, named as in ``absent.json`` -> fields that are left out where there is no cause.
SELDOM_SENT = {
    "billing._credit_grant:CreditGrant.ApplicabilityConfig.Scope": {"price_type"},
    "_confirmation_token:ConfirmationToken.PaymentMethodPreview": {"card", "us_bank_account"},
    "_credit_note_line_item:CreditNoteLineItem": {"invoice_line_item"},
    "_invoice_item:InvoiceItem.ProrationDetails.CreditedItems": {"invoice_item"},
    "_payment_link:PaymentLink.AfterCompletion": {"hosted_confirmation", "redirect"},
    "_payment_method:PaymentMethod": {"card"},
    "_review:Review": {"payment_intent"},
    "_tax_id:TaxId.Owner": {"account", "application", "customer", "customer_account"},
    "_token:Token": {"bank_account", "card"},
}

#: Class of the SDK that no sample shows -> fields that it always has, if only as null.
ALWAYS_SENT = {
    f"{module}.Shipping": {"address", "carrier", "name", "phone", "tracking_number"}
    for module in ("_payment_intent:PaymentIntent", "_charge:Charge")
} | {
    f"{module}.Shipping.Address": {"city", "country", "line1", "line2", "postal_code", "state"}
    for module in ("_payment_intent:PaymentIntent", "_charge:Charge", "_customer:Customer")
}
