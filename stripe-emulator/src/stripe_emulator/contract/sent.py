"""What Stripe sends, where neither the SDK's classes nor Stripe's samples tell: seen in recorded traffic."""

from __future__ import annotations

#: Object -> fields of its past that Stripe still sends and the SDK no longer has.
STILL_SENT = {
    "charge": {"destination", "dispute", "order"},
    "subscription": {"plan", "quantity"},
}

#: Class of the SDK, named as in ``absent.json`` -> fields that are left out where there is no cause.
SELDOM_SENT = {
    "_payment_method:PaymentMethod": {"card"},
}

#: Class of the SDK that no sample shows -> fields that it always has, if only as null.
ALWAYS_SENT = {
    f"{module}.Shipping": {"address", "carrier", "name", "phone", "tracking_number"}
    for module in ("_payment_intent:PaymentIntent", "_charge:Charge")
} | {
    f"{module}.Shipping.Address": {"city", "country", "line1", "line2", "postal_code", "state"}
    for module in ("_payment_intent:PaymentIntent", "_charge:Charge", "_customer:Customer")
}
