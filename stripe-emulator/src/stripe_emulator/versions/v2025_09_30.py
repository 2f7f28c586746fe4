"""2025-09-30.clover: discounts and promotion codes name their coupon in a hash; flexible billing by default.

https://docs.stripe.com/changelog/clover
"""

from __future__ import annotations

from stripe_emulator.core.types import Json
from stripe_emulator.versions.change import Find, VersionChange
from stripe_emulator.versions.form_part import Part

change = VersionChange("2025-09-30.clover")

change.took("POST /v1/promotion_codes", coupon=str)
change.took(
    "POST /v1/subscription_schedules",
    "POST /v1/subscription_schedules/{schedule}",
    phases=[{"iterations": int}],
)
change.took("POST /v1/invoices/create_preview", schedule_details={"phases": [{"iterations": int}]})
change.took("POST /v1/payment_methods/{payment_method}", link={}, pay_by_bank={})


@change.request("POST /v1/promotion_codes")
def coupon_by_itself(form: Part) -> None:
    """``coupon=SALE``."""
    if "coupon" in form:
        form.move("coupon", "promotion[coupon]")
        form.put("promotion[type]", "coupon")


@change.default("POST /v1/promotion_codes")
def coupon_is_what_misses(form: Part) -> None:
    """Whoever leaves out the coupon hears of ``coupon``."""
    if "promotion" not in form:
        form.call("promotion", "coupon")


@change.default("POST /v1/subscriptions", "POST /v1/subscription_schedules")
def classic_billing(form: Part) -> None:
    """Subscriptions were billed in the classic mode unless they asked for the other."""
    if "billing_mode" not in form and "from_subscription" not in form:
        form.put("billing_mode[type]", "classic")


@change.default("POST /v1/checkout/sessions")
def classic_billing_of_a_session(form: Part) -> None:
    """Subscriptions that a Checkout Session starts were billed in the classic mode, too."""
    if form.get("mode") == "subscription" and not (form.part("subscription_data") or Part({})).get(
        "billing_mode"
    ):
        form.put("subscription_data[billing_mode][type]", "classic")


@change.default("POST /v1/quotes")
def classic_billing_of_a_quote(form: Part) -> None:
    """So were those that begin with a quote."""
    if "from_quote" not in form and not (form.part("subscription_data") or Part({})).get("billing_mode"):
        form.put("subscription_data[billing_mode][type]", "classic")


@change.default("POST /v1/invoices/create_preview")
def classic_billing_of_a_preview(form: Part) -> None:
    """The preview of a subscription that is not there yet was of the classic mode."""
    details = form.part("subscription_details")
    if (
        "subscription" not in form
        and details is not None
        and "items" in details
        and "billing_mode" not in details
    ):
        details.put("billing_mode[type]", "classic")


@change.answer("discount")
def whole_coupon_of_a_discount(discount: Json, find: Find) -> None:
    """The coupon itself."""
    source = discount.pop("source")
    discount["coupon"] = (
        find("coupon", source["coupon"]) if isinstance(source["coupon"], str) else source["coupon"]
    )


@change.answer("promotion_code")
def whole_coupon_of_a_code(code: Json, find: Find) -> None:
    """The coupon itself."""
    named = code.pop("promotion")["coupon"]
    code["coupon"] = find("coupon", named) if isinstance(named, str) else named


@change.answer("invoice")
def upcoming_without_id(invoice: Json, find: Find) -> None:
    """An invoice that is only previewed had no id."""
    if str(invoice.get("id", "")).startswith("upcoming_in"):
        del invoice["id"]
