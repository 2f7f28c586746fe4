"""How money goes back: refunds and disputes, and what comes before them, warnings and reviews.

Imports ``payments/customers`` and what lies below it.
"""
