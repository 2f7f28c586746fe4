"""What runs by itself or by cron: events, ticks, reconciliation, setup, diagnosis, copies, audit rules.

Imports ``codes``, ``fast_path``, ``gateway``, ``host``, ``outbox``, ``payments``, ``purchases``, ``reports``,
``subscriptions``, ``upgrade``, and the ground. Never a page.
"""
