"""Prepaid credits and Stripe billing for any Flask app."""

from prepaid_ledger.errors import Busy, InsufficientCredits, PrepaidError

from .catalog import Pack, Plan, PriceTier, Quantity
from .codes.models import Code, CodeClaim
from .extension import Prepaid
from .payments.models import Customer, Payment, Refund
from .signals import operator_acts
from .upgrade import Chain, include_name, patiently
from .web.operator.roles import Operator, Operators, Role

#: The name under which ``Operators`` was first exported, and which stays importable.
Desk = Operators

__all__ = [
    "Busy",
    "Chain",
    "Code",
    "CodeClaim",
    "Customer",
    "Desk",
    "InsufficientCredits",
    "Operator",
    "Operators",
    "Pack",
    "Payment",
    "Plan",
    "Prepaid",
    "PrepaidError",
    "PriceTier",
    "Quantity",
    "Refund",
    "Role",
    "include_name",
    "operator_acts",
    "patiently",
]
