"""Prepaid credits and Stripe billing for any Flask app.

The ground, which every folder from ``outbox`` up may import: ``checks``, ``context``,
``errors``, ``languages``, ``money``, ``signals``.
"""

from prepaid_ledger import BudgetSummary, include_name
from prepaid_ledger.errors import BudgetExceeded, Busy, InsufficientCredits, PrepaidError

from .catalog import Pack, Plan, PriceTier, Quantity
from .codes.models import Code, CodeClaim
from .extension import Prepaid
from .fast_path.asgi import FastPath
from .fast_path.sale import Sale
from .keys.caller import Caller
from .keys.keys import NewKey
from .keys.models import ApiKey
from .keys.rates import CallsPerMinute, RateWindow
from .keys.setup import Keys
from .outbox.models import Alert, MailRecord, WebhookEndpoint
from .outbox.webhooks.customer_events import WEBHOOK_EVENTS, WebhookEvent
from .outbox.webhooks.http import WebhookAnswer
from .outbox.webhooks.sent_webhooks import SentWebhook
from .payments.customers.models import Customer
from .payments.models import Payment, Refund
from .signals import operator_acts
from .upgrade import Chain, patiently
from .web.operator.roles import Operator, Operators, Role
from .web.selling import Sold
from .web.visitors.current_caller import caller_has_gone
from .web.visitors.team import Team

__all__ = [
    "WEBHOOK_EVENTS",
    "Alert",
    "ApiKey",
    "BudgetExceeded",
    "BudgetSummary",
    "Busy",
    "Caller",
    "CallsPerMinute",
    "Chain",
    "Code",
    "CodeClaim",
    "Customer",
    "FastPath",
    "InsufficientCredits",
    "Keys",
    "MailRecord",
    "NewKey",
    "Operator",
    "Operators",
    "Pack",
    "Payment",
    "Plan",
    "Prepaid",
    "PrepaidError",
    "PriceTier",
    "Quantity",
    "RateWindow",
    "Refund",
    "Role",
    "Sale",
    "SentWebhook",
    "Sold",
    "Team",
    "WebhookAnswer",
    "WebhookEndpoint",
    "WebhookEvent",
    "caller_has_gone",
    "include_name",
    "operator_acts",
    "patiently",
]
