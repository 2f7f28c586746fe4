"""Prepaid credits and Stripe billing for any Flask app."""

from .billing_models import Payment
from .catalog import Pack, Plan, PriceTier, Quantity
from .errors import InsufficientCredits, PrepaidError
from .extension import Prepaid
from .operators import Desk, Operator, Role
from .signals import operator_acts
from .upgrade import include_name

__all__ = [
    "Desk",
    "InsufficientCredits",
    "Operator",
    "Pack",
    "Payment",
    "Plan",
    "Prepaid",
    "PrepaidError",
    "PriceTier",
    "Quantity",
    "Role",
    "include_name",
    "operator_acts",
]
