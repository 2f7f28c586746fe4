"""Checkout Sessions from their form to the customer who pays, and the links that open them.

Imports ``checkout/modes`` and what lies below it.
"""
