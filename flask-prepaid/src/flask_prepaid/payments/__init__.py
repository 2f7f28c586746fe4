"""Payments and customers: rows committed before Stripe is asked.

Imports ``catalog``, ``config``, ``gateway``, ``outbox``, and the ground.
"""
