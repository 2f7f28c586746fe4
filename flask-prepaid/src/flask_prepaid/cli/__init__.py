"""The commands of ``flask prepaid``.

Imports ``config``, ``gateway``, ``operations``, ``outbox``, ``payments``, ``purchases``, ``reports``,
``subscriptions``, ``upgrade``, and what all may import: ``context``, ``errors``, ``money``,
``signals``. Never a page.
"""
