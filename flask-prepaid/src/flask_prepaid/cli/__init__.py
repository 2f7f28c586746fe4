"""The commands of ``flask prepaid``.

Imports ``codes``, ``config``, ``gateway``, ``keys``, ``operations``, ``outbox``, ``payments``, ``purchases``,
``reports``, ``subscriptions``, ``upgrade``, and the ground. Never a page.
"""
