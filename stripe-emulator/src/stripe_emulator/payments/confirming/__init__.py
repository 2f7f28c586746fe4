"""A payment is confirmed: what the bank makes of it, what it asks the customer, and the charge.

Imports ``payments/money_back`` and what lies below it.
"""
