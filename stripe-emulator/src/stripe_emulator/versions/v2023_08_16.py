"""2023-08-16: a payment that names no methods takes those of the dashboard; before, cards.

https://docs.stripe.com/changelog/2023-08-16
"""

from __future__ import annotations

from stripe_emulator.versions.change import VersionChange
from stripe_emulator.versions.form_part import Part

change = VersionChange("2023-08-16")

change.took("GET /v1/balance_transactions", available_on=str)
change.took(
    "POST /v1/checkout/sessions",
    shipping_rates=[str],
    subscription_data={"coupon": str, "trial_from_plan": bool},
)


@change.default("POST /v1/payment_intents", "POST /v1/setup_intents")
def cards_only(form: Part) -> None:
    """Whoever chose no payment methods took cards."""
    automatic = form.part("automatic_payment_methods")
    if "payment_method_types" not in form and (automatic is None or automatic.get("enabled") != "true"):
        form.put("payment_method_types", {"0": "card"})


@change.request("POST /v1/setup_intents")
def card_without_a_way_back(form: Part) -> None:
    """Whoever names no version may set up a card without a ``return_url``, as Stripe's own CLI does."""
    chosen = ("payment_method_types", "automatic_payment_methods", "return_url")
    if form.get("confirm") == "true" and not any(name in form for name in chosen):
        form.put("payment_method_types", {"0": "card"})


@change.request("POST /v1/checkout/sessions")
def coupon_of_a_subscription(form: Part) -> None:
    """``subscription_data[coupon]``."""
    data = form.part("subscription_data")
    if data is not None and "coupon" in data:
        form.put("discounts[0][coupon]", data.form.pop("coupon"))
        form.call("discounts[0][coupon]", "subscription_data[coupon]")
