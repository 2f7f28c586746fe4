"""Stripe Tax: where one is registered, what tax there is, and the taxes on what is sold here.

Imports ``billing`` and what lies below it.
"""
