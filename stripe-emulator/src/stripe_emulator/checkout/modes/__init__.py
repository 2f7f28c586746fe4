"""The modes of a Checkout Session: it takes a payment, saves a card, or starts a subscription.

Imports ``checkout/completion`` and what lies below it.
"""
