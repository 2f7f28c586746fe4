"""What lines cost and add up to: amounts with their words, discounts spread over lines, taxes.

Imports ``events`` and what lies below it.
"""
