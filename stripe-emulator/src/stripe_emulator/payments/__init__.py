"""Money in and money back: customers, cards, intents, charges, refunds, disputes, payouts.

Imports ``catalog`` and what lies below it.
"""
