"""What the emulator has of Stripe's API that the oldest SDK it runs on does not know yet.

A route is written here as newer SDKs have it, and an older one is served so, too. A field is not sent while
the SDK has no attribute for it.
"""

from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

if TYPE_CHECKING:
    from stripe._subscription import Subscription  # noqa: F401  # the answer is looked up by this name

#: Class of the SDK, named as in ``absent.json`` -> its fields that version 15 does not know.
LATER_FIELDS = {
    "_dispute:Dispute.EvidenceDetails": {"submission_method"},
    "_invoice:Invoice": {"amount_paid_off_stripe"},
    "_subscription_schedule:SubscriptionSchedule": {"pause_schedules"},
    "billing_portal._configuration:Configuration.Features": {"subscription_pause"},
}


class OutstandingUsage(TypedDict):
    type: Literal["none", "now"]


class UnusedTime(TypedDict):
    type: Literal["item_current_period_start", "none", "now"]


class BillFor(TypedDict):
    outstanding_usage_through: NotRequired[OutstandingUsage]
    unused_time_from: NotRequired[UnusedTime]


class PauseParameters(TypedDict):
    """https://docs.stripe.com/api/subscriptions/pause"""

    bill_for: NotRequired[BillFor]
    expand: NotRequired[list[str]]
    invoicing_behavior: NotRequired[Literal["invoice", "pending_invoice_item"]]
    type: NotRequired[Literal["subscription"]]


class Anchor(TypedDict):
    type: Literal["now", "unchanged"]


class ResumeParameters(TypedDict):
    """https://docs.stripe.com/api/subscriptions/resume"""

    billing_cycle_anchor: NotRequired[Anchor]
    expand: NotRequired[list[str]]
    payment_behavior: NotRequired[Literal["resume_on_payment_attempt", "resume_on_payment_success"]]
    proration_behavior: NotRequired[Literal["always_invoice", "create_prorations", "none"]]
    proration_date: NotRequired[int]


#: Verb, path, parameters, answer, and the module in which both are looked up.
_ROUTES = (
    ("POST", "/v1/subscriptions/{subscription}/pause", "PauseParameters", "Subscription", __name__),
    ("POST", "/v1/subscriptions/{subscription}/resume", "ResumeParameters", "Subscription", __name__),
)

#: First major of the SDK that knows them -> routes that came or changed since the oldest.
LATER_ROUTES = {16: _ROUTES}
