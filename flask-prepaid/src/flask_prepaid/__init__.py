"""Prepaid credits and Stripe billing for any Flask app."""

from .catalog import Pack, PriceTier, Quantity
from .extension import Prepaid

__all__ = ["Pack", "Prepaid", "PriceTier", "Quantity"]
