"""All of Checkout but its page: sessions, their modes, discounts, tax, completion.

Imports ``billing`` and what lies below it.
"""
