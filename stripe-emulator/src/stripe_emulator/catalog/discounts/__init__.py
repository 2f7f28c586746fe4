"""What is taken off: coupons, promotion codes, and the discounts that come of them.

Imports ``catalog/sums`` and what lies below it.
"""
