"""Where an answer may differ from Stripe's specification of 2026-08-26.dahlia: the field, and why."""

from __future__ import annotations

#: Sent by Stripe, as recorded traffic shows, and left out of its specification.
STILL_SENT = {
    "charge.destination",
    "charge.dispute",
    "charge.order",
    "subscription.plan",
    "subscription.quantity",
}

#: Added, renamed or taken away by 2026-10-28.endive, which the SDK shows.
CHANGED_BY_ENDIVE: set[str] = set()


def allows(place: str) -> bool:
    """Whether a field may differ."""
    return place in STILL_SENT or place in CHANGED_BY_ENDIVE or place.endswith(".total_count")
