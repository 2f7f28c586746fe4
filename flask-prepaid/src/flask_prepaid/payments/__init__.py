"""Payments: rows committed before Stripe is asked. ``customers/`` is who pays.

Imports ``catalog``, ``config``, ``gateway``, ``outbox``, and the ground.
"""
