"""What runs by itself or by cron: events, ticks, reconciliation, setup, diagnosis, copies, audit rules.

And a copy of a customer's data, and what Prometheus is told. Imports ``codes``, ``fast_path``, ``files``,
``gateway``, ``host``, ``keys``, ``outbox``, ``payments``, ``purchases``, ``reports``, ``subscriptions``,
``upgrade``, and the ground. Never a page.
"""
