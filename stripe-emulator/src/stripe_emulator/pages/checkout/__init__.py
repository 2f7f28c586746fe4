"""The pages where customers pay: Checkout, and the bank's challenge.

Imports ``pages/stripe_js`` and what lies below it.
"""
