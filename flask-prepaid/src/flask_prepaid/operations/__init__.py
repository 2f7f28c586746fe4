"""What runs by itself or by cron: events, ticks, reconciliation, setup, diagnosis, and rules of the audit.

Imports ``gateway``, ``payments``, ``purchases``, ``reports``, ``subscriptions``, ``upgrade``, and what all
may import: ``context``, ``errors``, ``money``, ``signals``. Never a page.
"""
