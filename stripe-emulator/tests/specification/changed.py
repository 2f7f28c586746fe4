"""Where an answer may differ from Stripe's specification of 2026-08-26.dahlia: the field, and why."""

from __future__ import annotations

#: Sent by Stripe, as recorded traffic shows, and left out of its specification.
STILL_SENT = {
    "charge.destination",
    "charge.dispute",
    "charge.order",
    "charge.source",
    "payment_intent.source",
    "product.type",
    "recurring.trial_period_days",
    "subscription.plan",
    "subscription.quantity",
    "subscription_item.plan",
    "subscription_schedule_configuration_item.plan",
}

#: Added, renamed or taken away by 2026-10-28.endive, which the SDK shows.
CHANGED_BY_ENDIVE = {
    "dispute_evidence_details.submission_method",  # added
    "subscription_schedule.pause_schedules",  # added
}


def allows(place: str) -> bool:
    """Whether a field may differ."""
    return place in STILL_SENT or place in CHANGED_BY_ENDIVE or place.endswith(".total_count")
