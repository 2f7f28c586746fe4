"""What a customer buys once, with which card, and money that is refunded.

Imports ``catalog``, ``gateway``, ``outbox``, ``payments``, ``subscriptions``, and the ground.
"""
