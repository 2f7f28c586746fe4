"""Reviews: somebody looks at a payment that took money and seems risky. https://docs.stripe.com/api/radar/reviews

The rule is Radar's own: whatever has an elevated risk is placed in review. A review closes when it
is approved, or when the payment is refunded whole, disputed, or called off.
"""

from __future__ import annotations

from stripe_emulator.api import lists
from stripe_emulator.api.register import Register
from stripe_emulator.core.database import store
from stripe_emulator.core.errors import InvalidRequest
from stripe_emulator.core.types import Json
from stripe_emulator.core.wire import Form
from stripe_emulator.events import objects

register = Register()

KIND = "review"


@register.get("/v1/reviews/{review}")
def retrieve(form: Form, review_id: str) -> Json:
    """https://docs.stripe.com/api/radar/reviews/retrieve"""
    return store.get(KIND, review_id, param="review")


@register.get("/v1/reviews")
def list_all(form: Form) -> Json:
    """https://docs.stripe.com/api/radar/reviews/list: those that are open."""
    return lists.page(KIND, form, url="/v1/reviews", where={"open": True})


@register.post("/v1/reviews/{review}/approve")
def approve(form: Form, review_id: str) -> Json:
    """https://docs.stripe.com/api/radar/reviews/approve"""
    review = store.get(KIND, review_id, param="review")
    if not review["open"]:
        raise InvalidRequest(f"Review {review_id} is closed already: {review['closed_reason']}.")
    return _close(review, "approved")


def place(charge: Json, intent: Json) -> Json:
    """Place a charge in review; it and its PaymentIntent name the review from now on. Emits nothing.

    A review names the PaymentIntent, and the charge only where there is none.

    :param intent: What the charge was made for; ``id`` is None without a PaymentIntent.
    """
    review = objects.create(
        KIND,
        billing_zip=(charge["billing_details"]["address"] or {}).get("postal_code"),
        charge=charge["id"] if intent["id"] is None else None,
        open=True,
        opened_reason="rule",
        reason="rule",
        **({} if intent["id"] is None else {"payment_intent": intent["id"]}),
    )
    objects.change(charge, review=review["id"])
    if intent["id"] is not None:
        objects.change(intent, review=review["id"])
    return review


def close_of(charge: Json, reason: str) -> None:
    """Close the charge's review, if it has one that is open."""
    review = store.find(KIND, charge["review"] or "")
    if review is not None and review["open"]:
        _close(review, reason)


def _close(review: Json, reason: str) -> Json:
    return objects.change(review, "review.closed", closed_reason=reason, open=False, reason=reason)
