"""Prepaid credits and Stripe billing for any Flask app."""

from .catalog import Pack, Plan, PriceTier, Quantity
from .errors import InsufficientCredits, PrepaidError
from .extension import Prepaid
from .models import Payment
from .upgrade import include_name

__all__ = [
    "InsufficientCredits",
    "Pack",
    "Payment",
    "Plan",
    "Prepaid",
    "PrepaidError",
    "PriceTier",
    "Quantity",
    "include_name",
]
