"""What runs by itself or by cron: events, ticks, reconciliation, setup, diagnosis, copies, audit rules.

Imports ``gateway``, ``outbox``, ``payments``, ``purchases``, ``reports``, ``subscriptions``, ``upgrade``, and
what all may import: ``context``, ``errors``, ``money``, ``signals``. Never a page.
"""
