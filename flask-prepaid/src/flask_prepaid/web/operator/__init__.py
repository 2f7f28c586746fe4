"""The operator's pages.

Imports ``operations``, ``outbox``, ``payments``, ``purchases``, ``reports``, ``subscriptions``, the frame and
forms of ``web``, and what all may import: ``context``, ``errors``, ``money``, ``signals``.
"""
