"""Where a dispute stands, and what that means for its money."""

from __future__ import annotations

from enum import StrEnum


class DisputeState(StrEnum):
    """Where a dispute stands, in Stripe's words; one that Stripe adds later is kept as it is.

    https://docs.stripe.com/api/disputes/object#dispute_object-status
    """

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    APPEAL_NEEDS_RESPONSE = "appeal_needs_response"
    APPEAL_UNDER_REVIEW = "appeal_under_review"
    LOST = "lost"
    PREVENTED = "prevented"


#: The bank has taken no money, or has given it back. While a dispute stands in any other state, it has it.
TAKES_NOTHING = frozenset(
    {
        DisputeState.WARNING_NEEDS_RESPONSE,
        DisputeState.WARNING_UNDER_REVIEW,
        DisputeState.WARNING_CLOSED,
        DisputeState.WON,
        DisputeState.PREVENTED,
    }
)

#: The bank waits for evidence.
WANTS_EVIDENCE = frozenset(
    {
        DisputeState.WARNING_NEEDS_RESPONSE,
        DisputeState.NEEDS_RESPONSE,
        DisputeState.APPEAL_NEEDS_RESPONSE,
    }
)
