"""What is sold and for how much: products, prices, tax rates, coupons, discounts.

Imports ``catalog/discounts`` and what lies below it.
"""
