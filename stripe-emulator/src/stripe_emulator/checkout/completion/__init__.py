"""How a Checkout Session ends, and what it made: its customer, its payment, its invoice.

Imports ``checkout/quotes`` and what lies below it.
"""
