"""Payments: rows committed before Stripe is asked. ``customers/`` is who pays, ``outcome/`` what came of it.

Imports ``catalog``, ``config``, ``gateway``, ``outbox``, and the ground.
"""
