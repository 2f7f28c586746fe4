"""What is sold, line by line: prices, discounts, shipping, and the breakdown of the total.

Imports ``checkout/tax`` and what lies below it.
"""
