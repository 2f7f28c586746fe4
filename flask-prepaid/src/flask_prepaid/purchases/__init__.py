"""What a customer buys once, with which card, and money that is refunded.

Imports ``catalog``, ``gateway``, ``payments``, ``subscriptions``, and what all may import: ``context``,
``errors``, ``money``, ``signals``.
"""
