"""What the emulator has of Stripe's API that the oldest SDK it runs on does not know yet.

An older SDK has no parameters for such a route and no attribute for such a field, so neither is
served or sent while that SDK is installed.
"""

from __future__ import annotations

from stripe_emulator.core import sdk

MAJOR = int(sdk.VERSION.split(".")[0])

#: Route -> the first major of the SDK that knows it.
LATER_ROUTES = {"POST /v1/subscriptions/{subscription}/pause": 16}

#: Class of the SDK, named as in ``absent.json`` -> its fields that version 15 does not know.
LATER_FIELDS = {
    "_dispute:Dispute.EvidenceDetails": {"submission_method"},
    "_invoice:Invoice": {"amount_paid_off_stripe"},
    "_subscription_schedule:SubscriptionSchedule": {"pause_schedules"},
    "billing_portal._configuration:Configuration.Features": {"subscription_pause"},
}


def is_too_new(route: str) -> bool:
    """Whether a route such as ``POST /v1/customers`` came after the installed SDK."""
    return LATER_ROUTES.get(route, 0) > MAJOR
