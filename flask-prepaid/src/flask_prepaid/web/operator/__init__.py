"""The operator's pages.

Imports ``codes``, ``operations``, ``outbox``, ``payments``, ``purchases``, ``reports``, ``subscriptions``,
the frame and forms of ``web``, and the ground.
"""
