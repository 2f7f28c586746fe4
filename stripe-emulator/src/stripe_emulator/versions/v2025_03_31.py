"""2025-03-31.basil, what callers sent before: one coupon, a price by itself, the upcoming invoice.

How objects looked before is in ``v2025_03_31_answers.py``. https://docs.stripe.com/changelog/basil
"""

from __future__ import annotations

from typing import Any

from stripe_emulator.contract import Parameter
from stripe_emulator.versions import v2025_03_31_answers
from stripe_emulator.versions.change import TEXT_OR_NOTHING, VersionChange
from stripe_emulator.versions.form_part import Part

change = VersionChange("2025-03-31.basil")
v2025_03_31_answers.declare(change)

UPCOMING = ("GET /v1/invoices/upcoming", "GET /v1/invoices/upcoming/lines")
SCHEDULES = ("POST /v1/subscription_schedules", "POST /v1/subscription_schedules/{schedule}")
PREVIEW = "POST /v1/invoices/create_preview"
CUSTOMERS = ("POST /v1/customers", "POST /v1/customers/{customer}")
SUBSCRIPTIONS = ("POST /v1/subscriptions", "POST /v1/subscriptions/{subscription_exposed_id}")
INVOICEITEMS = ("POST /v1/invoiceitems", "POST /v1/invoiceitems/{invoiceitem}")
CREDIT_NOTES = ("POST /v1/credit_notes", "GET /v1/credit_notes/preview", "GET /v1/credit_notes/preview/lines")
LINES = ("POST /v1/invoices/{invoice}/add_lines", "POST /v1/invoices/{invoice}/update_lines")

AGGREGATES = ("last_during_period", "last_ever", "max", "sum")

change.took(*CUSTOMERS, *SUBSCRIPTIONS, coupon=TEXT_OR_NOTHING, promotion_code=TEXT_OR_NOTHING)
change.took(*SCHEDULES, phases=[{"coupon": TEXT_OR_NOTHING}])
change.took(PREVIEW, coupon=TEXT_OR_NOTHING, schedule_details={"phases": [{"coupon": TEXT_OR_NOTHING}]})
change.took(*INVOICEITEMS, price=str, unit_amount=int)
change.took("POST /v1/invoices/{invoice}/lines/{line_item_id}", price=str)
change.took(*LINES, lines=[{"price": str}])
change.took(*CREDIT_NOTES, refund=str)
change.took("POST /v1/prices", recurring={"aggregate_usage": AGGREGATES})
change.took("POST /v1/plans", aggregate_usage=AGGREGATES)
#: Parts of the upcoming invoice's ``subscription_details`` that were parameters of their own.
FLAT: dict[str, Any] = {
    "billing_cycle_anchor": str,
    "cancel_at": TEXT_OR_NOTHING,
    "cancel_at_period_end": bool,
    "cancel_now": bool,
    "default_tax_rates": Parameter(items=Parameter(scalars=("str",)), can_be_unset=True),
    "items": Parameter(anything=True),
    "proration_behavior": ("always_invoice", "create_prorations", "none"),
    "proration_date": int,
    "resume_at": ("now",),
    "start_date": int,
    "trial_end": str,
    "trial_from_plan": bool,
}
change.took(
    *UPCOMING,
    coupon=TEXT_OR_NOTHING,
    schedule_details={"phases": [{"coupon": TEXT_OR_NOTHING}]},
    **{f"subscription_{name}": spec for name, spec in FLAT.items()},
)
change.took(UPCOMING[1], limit=int, starting_after=str, ending_before=str)


@change.request(*SUBSCRIPTIONS)
def one_coupon(form: Part) -> None:
    """``coupon=SALE`` or ``promotion_code=promo_1``; an empty one takes the discount away."""
    for name in ("coupon", "promotion_code"):
        if form.get(name) == "":
            form.move(name, "discounts")
        else:
            form.move(name, f"discounts[0][{name}]")


@change.request(*SCHEDULES)
def one_coupon_of_a_phase(form: Part) -> None:
    """``phases[0][coupon]``."""
    for phase in form.rows("phases"):
        one_coupon(phase)


@change.request(PREVIEW)
def one_coupon_of_a_preview(form: Part) -> None:
    """``coupon``, also of the phases of a schedule."""
    one_coupon(form)
    details = form.part("schedule_details")
    if details is not None:
        one_coupon_of_a_phase(details)


@change.request(*UPCOMING)
def upcoming(form: Part) -> None:
    """``subscription_items`` and its like, which a preview takes as ``subscription_details[items]``."""
    for name in FLAT:
        form.move(f"subscription_{name}", f"subscription_details[{name}]")
    one_coupon_of_a_preview(form)


@change.request(*INVOICEITEMS)
def price_by_itself(form: Part) -> None:
    """``price`` or ``unit_amount``."""
    form.move("price", "pricing[price]")
    form.move("unit_amount", "unit_amount_decimal")


@change.request("POST /v1/invoices/{invoice}/lines/{line_item_id}")
def price_of_a_line(form: Part) -> None:
    """``price``."""
    form.move("price", "pricing[price]")


@change.request(*LINES)
def price_of_lines(form: Part) -> None:
    """``lines[0][price]``."""
    for line in form.rows("lines"):
        price_of_a_line(line)


@change.request(*CREDIT_NOTES)
def one_refund(form: Part) -> None:
    """``refund=re_1``."""
    form.move("refund", "refunds[0][refund]")
