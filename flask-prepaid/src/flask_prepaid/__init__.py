"""Prepaid credits and Stripe billing for any Flask app."""

from .catalog import Pack, PriceTier, Quantity
from .extension import Prepaid
from .upgrade import include_name

__all__ = ["Pack", "Prepaid", "PriceTier", "Quantity", "include_name"]
