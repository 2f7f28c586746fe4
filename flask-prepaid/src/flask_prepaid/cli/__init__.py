"""The commands of ``flask prepaid``.

Imports ``codes``, ``config``, ``gateway``, ``keys``, ``operations``, ``outbox``, ``payments``, ``purchases``,
``reports``, ``subscriptions``, ``upgrade``, and what all may import: ``context``, ``errors``, ``money``,
``signals``. Never a page.
"""
