"""What is for sale: packs of credits, a free quantity by volume tiers, and plans.

The server alone decides price and credits. What a customer sends names an item
or a quantity, never an amount. Imports ``checks``, ``errors``, ``languages``, ``money``.
"""

from .items import BY_PRICES, Pack, Plan
from .price_list import Catalog, Offer
from .quantity import PriceTier, Quantity

__all__ = ["BY_PRICES", "Catalog", "Offer", "Pack", "Plan", "PriceTier", "Quantity"]
