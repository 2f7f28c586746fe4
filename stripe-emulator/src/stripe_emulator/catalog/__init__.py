"""What is sold and for how much: products, prices, tax rates, coupons, discounts.

Imports ``events`` and what lies below it.
"""
